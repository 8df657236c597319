package inherit_test

import (
	"context"
	"fmt"

	"github.com/calandria-go/calandria/transports/inherit"
)

func ExampleListen() {
	ln, err := inherit.Listen("127.0.0.1:0") // from the process before, from systemd, or a new one
	if err != nil {
		fmt.Println(err)
		return
	}
	defer inherit.Forget(ln)
	defer ln.Close()
	fmt.Println(ln.Addr().Network())
	// Output: tcp
}

// On SIGHUP a server starts the program anew, and goes when that is ready.
func ExampleRestart() {
	restart := func(shutdown func(context.Context) error) error {
		if _, err := inherit.Restart(context.Background(), inherit.Successor{}); err != nil {
			return err // this process serves on
		}
		return shutdown(context.Background())
	}
	fmt.Println(restart != nil)
	// Output: true
}
