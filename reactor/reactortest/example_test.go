package reactortest_test

import (
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

func ExamplePipe() {
	client, server := reactortest.Pipe()
	client.Write([]byte("the last words"))
	client.CloseWrite()
	got, err := io.ReadAll(server)
	fmt.Printf("%s, %v\n", got, err)

	server.SetLinger(0)
	server.Close()
	_, err = client.Read(make([]byte, 1))
	fmt.Println(err.(interface{ Unwrap() error }).Unwrap())
	// Output:
	// the last words, <nil>
	// read: connection reset by peer
}

func ExampleCuts() {
	for name, pieces := range reactortest.Cuts([]byte("abc")) {
		fmt.Printf("%s: %q\n", name, pieces)
	}
	// Output:
	// whole: ["abc"]
	// byte by byte: ["a" "b" "c"]
	// in two at 1 of 3: ["a" "bc"]
	// in two at 2 of 3: ["ab" "c"]
}

// An hour of silence, in no time.
func ExampleNew() {
	test := func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := reactortest.New(t, reactor.Config{Loops: 1})
			ln := reactortest.Listen()
			r.Listen(ln, reactor.ProtocolFunc(func(c *reactor.Conn) reactor.Handler {
				c.AfterFunc(time.Hour, func() { c.Close() })
				return reactor.NewStream()
			}))
			start := time.Now()
			c, err := ln.Dial()
			if err != nil {
				t.Fatal(err)
			}
			io.ReadAll(c)
			if d := time.Since(start); d < time.Hour || d > time.Hour+10*time.Millisecond {
				t.Errorf("closed after %v", d)
			}
		})
	}
	fmt.Println(testing.RunTests(func(string, string) (bool, error) { return true, nil },
		[]testing.InternalTest{{Name: "idle", F: test}}))
	// Output: true
}
