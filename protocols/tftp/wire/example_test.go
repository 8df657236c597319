package wire_test

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/calandria-go/calandria/protocols/tftp/wire"
)

// A request, and an answer in the client's spelling.
func ExampleParse() {
	p, err := wire.Parse([]byte("\x00\x01pxelinux.0\x00octet\x00BLKSIZE\x001468\x00"))
	fmt.Println(p.Op, string(p.Filename), p.Mode, err)
	asked, name, ok := p.Options.Get(wire.OptBlockSize)
	fmt.Println(asked, string(name), ok)
	oack, err := wire.AppendOptionBytes(wire.AppendOACK(nil), name, min(asked, 1428))
	fmt.Printf("%q %v\n", oack, err)
	// Output:
	// RRQ pxelinux.0 octet <nil>
	// 1468 BLKSIZE true
	// "\x00\x06BLKSIZE\x001428\x00" <nil>
}

// A request that is refused has the code to answer with.
func ExampleError() {
	_, err := wire.Parse([]byte("\x00\x02someone\x00mail\x00"))
	fmt.Println(err)
	fmt.Printf("%q\n", wire.AppendError(nil, wire.CodeOf(err)))
	// Output:
	// tftp: mode mail is obsolete (RFC 1350 1)
	// "\x00\x05\x00\x04Illegal TFTP operation\x00"
}

func ExampleRemoteError() {
	p, _ := wire.Parse([]byte("\x00\x05\x00\x01\x00"))
	err := error(wire.NewRemoteError(&p))
	fmt.Println(err, errors.Is(err, fs.ErrNotExist))
	// Output: tftp: peer: error 1: File not found true
}

// Text in blocks of any size: what does not fit one goes into the next.
func ExampleNetasciiEncoder() {
	var e wire.NetasciiEncoder
	text := []byte("one\ntwo\n")
	block := make([]byte, 4)
	for len(text) > 0 || e.Pending() {
		n, read := e.Transform(block, text)
		text = text[read:]
		fmt.Printf("%q\n", block[:n])
	}
	// Output:
	// "one\r"
	// "\ntwo"
	// "\r\n"
}
