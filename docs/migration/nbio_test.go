package migration_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

// session is what the nbio program kept by SetSession: here it is the handler itself.
type session struct {
	got   int
	timer reactor.Timer
	wait  time.Duration
}

// OnOpen is nbio's OnOpen.
func (s *session) OnOpen(c *reactor.Conn) {
	c.InitTimer(&s.timer, func() { c.CloseWith(os.ErrDeadlineExceeded) })
	s.timer.Reset(s.wait) // SetReadDeadline
}

// OnData is nbio's OnData, on the loop.
func (s *session) OnData(c *reactor.Conn, in []byte) int {
	s.timer.Reset(s.wait)
	s.got += len(in)
	c.Write(in)
	if c.OverHigh() { // nbio would queue on
		c.Pause()
	}
	return len(in)
}

// OnWritable has no counterpart in nbio.
func (s *session) OnWritable(c *reactor.Conn) { c.Resume() }

// OnClose is nbio's OnClose.
func (s *session) OnClose(c *reactor.Conn, err error) {
	fmt.Printf("closed after %d bytes: %s, %v\n", s.got, reactor.ReasonOf(err), errors.Is(err, os.ErrDeadlineExceeded))
}

func Example_nbio() {
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	r := reactor.New(reactor.Config{MaxUnsent: 1 << 20}) // MaxWriteBufferSize
	protocol := reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler {
		return &session{wait: 50 * time.Millisecond}
	})
	if _, err := r.Listen(ln, protocol); err != nil { // engine.Start
		log.Fatal(err)
	}

	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprint(c, "hello")
	got, err := io.ReadAll(c) // until the server closes the silent connection
	fmt.Printf("%s, %v\n", got, err)
	c.Close()
	fmt.Println(r.Shutdown(context.Background())) // engine.Shutdown
	// Unordered output:
	// closed after 5 bytes: timeout, true
	// hello, <nil>
	// <nil>
}
