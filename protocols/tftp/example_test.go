package tftp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/calandria-go/calandria/protocols/tftp"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/udp"
)

// A server with a directory, and a client.
func Example() {
	dir, err := os.MkdirTemp("", "boot")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	os.WriteFile(filepath.Join(dir, "pxelinux.0"), []byte("boot me"), 0o644)

	r := reactor.New(reactor.Config{})
	defer r.Shutdown(context.Background())
	files, err := tftp.NewFiles(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer files.Close()
	socket, err := udp.Listen("127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := (&tftp.Server{Source: files}).Serve(r, socket); err != nil {
		fmt.Println(err)
		return
	}

	var b bytes.Buffer
	res, err := tftp.Client{Reactor: r, Addr: socket.LocalAddr().String()}.Get(context.Background(), "pxelinux.0", &b)
	fmt.Println(b.String(), err)
	fmt.Println(res.Agreed.BlockSize, res.Agreed.WindowSize, res.Agreed.Size)
	// Output:
	// boot me <nil>
	// 1428 16 7
}

// Functions as github.com/pin/tftp takes them.
func ExampleHandlers() {
	r := reactor.New(reactor.Config{})
	defer r.Shutdown(context.Background())
	h := &tftp.Handlers{Read: func(name string, rf io.ReaderFrom) error {
		_, err := rf.ReadFrom(strings.NewReader("this is " + name))
		return err
	}}
	socket, err := udp.Listen("127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := (&tftp.Server{Source: h, SinglePort: true}).Serve(r, socket); err != nil {
		fmt.Println(err)
		return
	}
	var b bytes.Buffer
	_, err = tftp.Client{Reactor: r, Addr: socket.LocalAddr().String()}.Get(context.Background(), "made up", &b)
	fmt.Println(b.String(), err)
	// Output: this is made up <nil>
}

func ExampleCleanName() {
	for _, name := range []string{"/pxelinux.cfg/default", `\boot\x64\wdsnbp.com`, "../etc/passwd"} {
		clean, err := tftp.CleanName(name)
		fmt.Printf("%q %v\n", clean, err)
	}
	// Output:
	// "pxelinux.cfg/default" <nil>
	// "boot/x64/wdsnbp.com" <nil>
	// "" invalid argument
}
