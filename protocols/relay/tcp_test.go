package relay

import (
	"bytes"
	"io"
	"sync"
	"testing"
)

// TestTCP: a TCP service is reached through the relay, both ways, with half-close.
func TestTCP(t *testing.T) {
	w := newWorld(t, nil)
	addr := w.expose(Service{Name: "echo"})
	w.agent([]AgentService{{Name: "echo", Target: target(backend(t, echo))}}, nil)
	for _, n := range []int{0, 1, 1000, 100_000, 3 << 20} {
		if err := echoed(dial(t, addr), pattern(n)); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// TestManyStreams: many connections at a time get their own bytes.
func TestManyStreams(t *testing.T) {
	w := newWorld(t, nil)
	addr := w.expose(Service{Name: "echo"})
	w.agent([]AgentService{{Name: "echo", Target: target(backend(t, echo))}}, nil)
	var wg sync.WaitGroup
	for i := range size(100, 40, 1000) {
		c := dial(t, addr)
		wg.Go(func() {
			if err := echoed(c, pattern(10_000+i*100)); err != nil {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

// TestClient: a client of the relay reaches a service over its own link, without any public address.
func TestClient(t *testing.T) {
	w := newWorld(t, nil)
	w.srv.AddService(Service{Name: "echo"})
	w.agent([]AgentService{{Name: "echo", Target: target(backend(t, echo))}}, nil)
	c := w.client(nil)
	s, err := c.Dial(t.Context(), "echo")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := echoed(s, pattern(1<<20)); err != nil {
		t.Error(err)
	}
	if _, err := c.Dial(t.Context(), "other"); err == nil {
		t.Error("a service that is not there was reached")
	}
}

// TestEndToEnd: with the service's key the relay carries ciphertext, both ways, half-close included.
func TestEndToEnd(t *testing.T) {
	w := newWorld(t, nil)
	w.srv.AddService(Service{Name: "echo"})
	key, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	w.agent([]AgentService{{Name: "echo", Target: target(backend(t, echo)), Key: key, RequireKey: true}}, nil)
	c := w.client(func(c *Client) { c.Keys = map[string]PublicKey{"echo": key.Public()} })
	for _, n := range []int{0, 1, 100_000, 3 << 20} {
		s, err := c.Dial(t.Context(), "echo")
		if err != nil {
			t.Fatal(err)
		}
		if err := echoed(s, pattern(n)); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
		s.Close()
	}
}

var (
	_ = bytes.Equal
	_ = io.EOF
)
