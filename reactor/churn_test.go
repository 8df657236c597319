package reactor

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
)

// TestChurn connects, sends and resets again and again, so that descriptors are used anew in the same batch: each server
// connection sees one client's number only, opens equal closes, and no descriptor is left.
func TestChurn(t *testing.T) {
	const workers = 8
	cycles := size(10_000, 100_000)
	a := newAudit(t)
	a.closed = make(chan error, cycles+workers)
	s := serve(t, Config{}, func(*Conn) Handler {
		var id uint64
		return &probe{a: a, data: func(c *Conn, in []byte) int {
			n := 0
			for ; len(in)-n >= 8; n += 8 {
				v := binary.BigEndian.Uint64(in[n:])
				if id == 0 {
					id = v
				} else if v != id {
					t.Errorf("connection of client %d got bytes of client %d", id, v)
				}
			}
			c.Write(in[:n])
			return n
		}}
	})
	fds := openFDs()
	var wg sync.WaitGroup
	fail := make(chan error, workers)
	for w := range workers {
		wg.Go(func() {
			for i := range cycles / workers {
				c, err := net.Dial("tcp", s.addr.String())
				if err != nil {
					fail <- err
					return
				}
				id := uint64(w)<<32 | uint64(i+1)
				var b []byte
				for range 1 + i%5 {
					b = binary.BigEndian.AppendUint64(b, id)
				}
				c.Write(b)
				if i%3 == 0 { // every third reads its echo
					got := make([]byte, len(b))
					if _, err := io.ReadFull(c, got); err != nil {
						fail <- err
						return
					}
					if string(got) != string(b) {
						fail <- fmt.Errorf("client %d got another's echo", id)
						return
					}
				}
				if i%7 != 0 {
					c.(*net.TCPConn).SetLinger(0)
				}
				c.Close()
			}
		})
	}
	finish(t, "end of the clients", wg.Wait)
	if len(fail) > 0 {
		t.Fatal(<-fail)
	}
	// Some may have waited in the backlog until now.
	eventually(t, "no connection is left or counted", func() bool {
		return s.r.open.Load() == 0 && total(t, s.r).Conns == 0
	})
	a.balanced(t)
	if o, _ := a.counts(); uint64(o) > uint64(cycles) {
		t.Errorf("%d opens of %d connections", o, cycles)
	}
	if fds >= 0 && !within(patience, func() bool { return openFDs() <= fds+2 }) {
		t.Errorf("%d descriptors, then %d", fds, openFDs())
	}
}
