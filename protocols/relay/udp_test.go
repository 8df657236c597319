package relay

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/relay/wire"
)

// TestUDP: datagrams keep their bounds, of all sizes, for several clients at a time, and a silent flow ends.
func TestUDP(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 1<<16)
		for {
			n, a, err := pc.ReadFrom(b)
			if err != nil {
				return
			}
			pc.WriteTo(b[:n], a)
		}
	}()
	defer func() {
		pc.Close()
		<-done
	}()
	w := newWorld(t, nil)
	w.srv.AddService(Service{Name: "echo", Kind: wire.KindUDP, IdleTimeout: 200 * time.Millisecond})
	addr, err := w.srv.Listen("echo", "udp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.agent([]AgentService{{Name: "echo", Target: "udp://" + pc.LocalAddr().String()}}, nil)
	buf := make([]byte, 1<<16)
	for range 5 {
		c, err := net.Dial("udp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 0, 100, 1472, 9000, 32768, 60000} {
			data := pattern(n)
			for try := 0; ; try++ { // it may get lost
				c.Write(data)
				c.SetReadDeadline(time.Now().Add(patience / 10))
				m, err := c.Read(buf)
				if err == nil && bytes.Equal(buf[:m], data) {
					break
				}
				if try == 10 {
					t.Fatalf("%d bytes: %d came, %v", n, m, err)
				}
			}
		}
		c.Close()
	}
	v := w.srv.lookup("echo")
	w.until("flows end for silence", func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		return v.conns == 0
	})
}
