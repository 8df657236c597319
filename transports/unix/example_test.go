package unix_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/unix"
)

func Example() {
	dir, err := os.MkdirTemp("", "unix")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")

	r := reactor.New(reactor.Config{})
	ln, err := unix.Config{Mode: 0o660}.Listen(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	served := make(chan error)
	go func() { served <- r.Serve(ln, echoes) }()

	var d unix.Dialer
	s, err := d.DialContext(context.Background(), r, path)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprint(s, "over and back")
	s.CloseWrite()
	got, err := io.ReadAll(s)
	fmt.Printf("%s, %v\n", got, err)
	s.Close()

	fmt.Println(r.Shutdown(context.Background()), <-served)
	_, err = os.Lstat(path)
	fmt.Println(os.IsNotExist(err))
	// Output:
	// over and back, <nil>
	// <nil> <nil>
	// true
}
