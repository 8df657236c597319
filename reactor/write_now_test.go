package reactor

import (
	"errors"
	"io"
	"net"
	"testing"
)

// TestWriteNow: from another goroutine, what it sends at once and what has to wait stay in order, and are counted.
func TestWriteNow(t *testing.T) {
	got := make(chan *Conn, 1)
	s := serve(t, Config{Loops: 1}, func(*Conn) Handler {
		return full{&probe{open: func(c *Conn) { got <- c }}}
	})
	peer := connect(t, s.addr)
	defer peer.Close()
	c := await(t, "the connection", got)
	before := total(t, s.r).BytesWritten
	want := pattern(3 << 20)
	sent := make(chan error, 1)
	go func() {
		for i, left := 0, want; len(left) > 0; i++ {
			n := min(len(left), 1+i*997%100_000)
			write := c.WriteNow
			if i%5 == 4 {
				write = c.Write
			}
			if k, err := write(left[:n]); k != n || err != nil {
				sent <- err
				return
			}
			left = left[n:]
		}
		sent <- nil
	}()
	all := make([]byte, len(want))
	if _, err := io.ReadFull(peer, all); err != nil {
		t.Fatal(err)
	}
	sameBytes(t, all, want)
	if err := await(t, "the writer", sent); err != nil {
		t.Fatal(err)
	}
	c.Post(func() {}) // a turn, which counts
	eventually(t, "all bytes to be counted", func() bool { return total(t, s.r).BytesWritten-before == uint64(len(want)) })
	c.Close()
	eventually(t, "WriteNow to fail", func() bool {
		_, err := c.WriteNow([]byte("x"))
		return errors.Is(err, net.ErrClosed)
	})
}
