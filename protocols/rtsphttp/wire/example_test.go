package wire_test

import (
	"fmt"

	"github.com/calandria-go/calandria/protocols/rtsphttp/wire"
)

// Two messages that were encoded one by one, in one piece of a POST's body.
func ExampleDecoder() {
	body := wire.AppendEncode(nil, []byte("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"))
	body = wire.AppendEncode(body, []byte("TEARDOWN rtsp://camera/live RTSP/1.0\r\nCSeq: 2\r\n\r\n"))

	var d wire.Decoder
	text, err := d.Decode(nil, body)
	if err != nil {
		fmt.Println(err)
		return
	}
	var f wire.Framer
	for {
		kind, n, err := f.Next(text)
		if kind == wire.More || err != nil {
			break
		}
		h, _ := wire.ParseHead(text[:n])
		fmt.Printf("%s %s\n", kind, h.Method())
		text = text[n:]
	}
	// Output:
	// Message OPTIONS
	// Message TEARDOWN
}
