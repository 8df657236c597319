package wire_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/calandria-go/calandria/protocols/websocket/wire"
)

// Bytes come as they come; the loop over Next takes all of them.
func ExampleDecoder() {
	var d wire.Decoder
	d.Reset(wire.Client, nil, nil)
	for _, b := range [][]byte{[]byte("\x01\x03Hel\x89\x01"), []byte("p\x80\x02l"), []byte("o\x88\x02\x03\xe8")} {
		for {
			ev, n, err := d.Next(b)
			if err != nil || ev.Kind == wire.None {
				break
			}
			b = b[n:]
			switch ev.Kind {
			case wire.Message:
				fmt.Printf("%v %q first=%v last=%v\n", ev.Op, ev.Data, ev.First, ev.Last)
			case wire.PingFrame:
				fmt.Printf("ping %q\n", ev.Data)
			case wire.Closed:
				fmt.Println("close", ev.Code)
			}
		}
	}
	// Output:
	// text "Hel" first=true last=false
	// ping "p"
	// text "l" first=false last=false
	// text "o" first=false last=true
	// close 1000
}

// A violation says what to send: here after two bytes of a ping that is too long.
func ExampleError() {
	var d wire.Decoder
	_, _, err := d.Next([]byte{0x89, 0xfe})
	var e *wire.Error
	if errors.As(err, &e) {
		fmt.Println(e.Code, e.Reason)
		fmt.Printf("%x\n", wire.AppendClose(nil, wire.Server, e.Code, ""))
	}
	fmt.Println(err)
	// Output:
	// 1002 control_too_long
	// 880203ea
	// websocket: control frame of more than 125 bytes (RFC 6455 5.5)
}

func ExampleDeflate() {
	want := wire.Deflate{ClientMaxWindowBits: 10}
	agreed, response, ok := want.Accept([]string{"permessage-deflate; client_max_window_bits; server_max_window_bits=12"})
	fmt.Println(ok, response)

	out := agreed.Deflater(wire.Server)
	b := wire.AppendMessage(nil, wire.Server, wire.Text, []byte(strings.Repeat("la ", 1000)), out)
	fmt.Println(len(b) < 100)

	var d wire.Decoder
	d.Reset(wire.Client, nil, agreed.Inflater(wire.Client))
	ev, _, _ := d.Next(b)
	fmt.Println(ev.Last, len(ev.Data))
	// Output:
	// true permessage-deflate; server_max_window_bits=12; client_max_window_bits=10
	// true
	// true 3000
}

func ExampleAccept() {
	fmt.Println(wire.Accept("dGhlIHNhbXBsZSBub25jZQ=="))
	// Output: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
}

func ExampleChooseProtocol() {
	fmt.Println(wire.ChooseProtocol([]string{"v2.chat", "v1.chat"}, []string{"v1.chat"}))
	// Output: v1.chat
}

func ExamplePrepare() {
	m := wire.Prepare(wire.Text, []byte("Hello"))
	fmt.Printf("%q\n", m.Plain())
	// Output: "\x81\x05Hello"
}
