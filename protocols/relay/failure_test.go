package relay

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/relay/access"
	"github.com/calandria-go/calandria/protocols/relay/wire"
	"github.com/calandria-go/calandria/reactor"
)

// cutter is a dialer's way to the relay that can be cut: a proxy of the link's TCP connection.
type cutter struct {
	ln   net.Listener
	to   string
	mu   sync.Mutex
	open map[net.Conn]struct{}
	tap  *bytes.Buffer // everything that passed
	wg   sync.WaitGroup
}

func newCutter(t *testing.T, to string) *cutter {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{ln: ln, to: to, open: map[net.Conn]struct{}{}}
	c.wg.Go(func() {
		for {
			a, err := ln.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("tcp", to)
			if err != nil {
				a.Close()
				continue
			}
			c.mu.Lock()
			c.open[a], c.open[b] = struct{}{}, struct{}{}
			c.mu.Unlock()
			c.wg.Go(func() { c.pass(a, b) })
			c.wg.Go(func() { c.pass(b, a) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		c.cut()
		c.wg.Wait()
	})
	return c
}

func (c *cutter) pass(dst, src net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			c.mu.Lock()
			if c.tap != nil {
				c.tap.Write(buf[:n])
			}
			c.mu.Unlock()
			if _, err := dst.Write(buf[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	dst.Close()
	src.Close()
	c.mu.Lock()
	delete(c.open, dst)
	delete(c.open, src)
	c.mu.Unlock()
}

// cut breaks all connections that there are.
func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n := range c.open {
		if t, ok := n.(*net.TCPConn); ok {
			t.SetLinger(0)
		}
		n.Close()
	}
}

func (c *cutter) url() string { return "ws://" + c.ln.Addr().String() + "/" }

func (w *world) linkAddr() string { return w.link[len("ws://") : len(w.link)-1] }

// TestHalfClose: request, FIN, then the whole answer; and the other way round.
func TestHalfClose(t *testing.T) {
	w := newWorld(t, nil)
	addr := w.expose(Service{Name: "ask"})
	w.agent([]AgentService{{Name: "ask", Target: target(backend(t, func(c *net.TCPConn) {
		got, err := io.ReadAll(c) // until the client's FIN
		if err == nil {
			fmt.Fprintf(c, "%d:%x", len(got), sha256.Sum256(got))
		}
	}))}}, nil)
	last := w.expose(Service{Name: "tell"})
	heard := make(chan string, 1)
	w.agent([]AgentService{{Name: "tell", Target: target(backend(t, func(c *net.TCPConn) {
		io.WriteString(c, "all of it")
		c.CloseWrite()
		got, _ := io.ReadAll(c) // what comes after our FIN
		heard <- string(got)
	}))}}, func(a *Agent) { a.ID = "second" })
	n := size(200, 60, 10_000)
	var wg sync.WaitGroup
	var good atomic.Int64
	for range 4 {
		wg.Go(func() {
			for i := range n / 4 {
				c := dial(t, addr)
				data := pattern(i * 37 % 70_000)
				c.Write(data)
				c.CloseWrite()
				got, err := io.ReadAll(c)
				c.Close()
				if want := fmt.Sprintf("%d:%x", len(data), sha256.Sum256(data)); err != nil || string(got) != want {
					t.Errorf("%q, %v; want %q", got, err, want)
					return
				}
				good.Add(1)
			}
		})
	}
	wg.Wait()
	if good.Load() != int64(n/4*4) {
		t.Errorf("%d of %d", good.Load(), n)
	}
	for range size(50, 20, 2000) {
		c := dial(t, last)
		if got, err := io.ReadAll(c); err != nil || string(got) != "all of it" {
			t.Fatalf("%q, %v", got, err)
		}
		io.WriteString(c, "after that")
		c.CloseWrite()
		if got := <-heard; got != "after that" {
			t.Fatalf("%q", got)
		}
		c.Close()
	}
}

// TestResume: the link is cut again and again, and the streams go on, to the byte.
func TestResume(t *testing.T) {
	w := newWorld(t, func(s *Server) { s.Link.Resume = patience })
	addr := w.expose(Service{Name: "echo"})
	cut := newCutter(t, w.linkAddr())
	w.agent([]AgentService{{Name: "echo", Target: target(backend(t, echo))}}, func(a *Agent) {
		a.URL = cut.url()
		a.Link.Resume = patience
	})
	var wg sync.WaitGroup
	for i := range 6 {
		c := dial(t, addr)
		wg.Go(func() {
			if err := echoed(c, pattern(size(4, 1, 40)<<20+i)); err != nil {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	cuts := 0
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case <-tick.C:
			if cuts++; cuts <= 10 {
				cut.cut()
			}
			continue
		case <-done:
			tick.Stop()
		}
		break
	}
	if w.srv.count.resumed.Load() == 0 {
		t.Error("nothing was resumed")
	}
}

// TestLostLink: without resume every stream ends at once, with a reset, on both sides.
func TestLostLink(t *testing.T) {
	w := newWorld(t, nil)
	addr := w.expose(Service{Name: "hold"})
	cut := newCutter(t, w.linkAddr())
	ends := make(chan error, 100)
	w.agent([]AgentService{{Name: "hold", Target: target(backend(t, func(c *net.TCPConn) {
		io.WriteString(c, "x")
		_, err := io.ReadAll(c)
		ends <- err
	}))}}, func(a *Agent) { a.URL = cut.url() })
	var conns []*net.TCPConn
	for range 20 {
		c := dial(t, addr)
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	start := time.Now()
	cut.cut()
	for _, c := range conns {
		if n, err := io.Copy(io.Discard, c); err == nil {
			t.Errorf("a clean end after %d bytes", n)
		}
		if err := <-ends; err == nil {
			t.Error("a clean end at the back")
		}
	}
	t.Logf("all %d ended in %v", 2*len(conns), time.Since(start))
	w.served("hold", "", true)
	c := dial(t, addr)
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Errorf("after the new link: %v", err)
	}
	c.Close()
	<-ends
}

// TestStalledReader: one that takes nothing holds its window and no more, and others do not notice.
func TestStalledReader(t *testing.T) {
	w := newWorld(t, func(s *Server) { s.Link.MaxStreamWindow = 256 << 10 })
	addr := w.expose(Service{Name: "flood"})
	var sent atomic.Int64
	w.agent([]AgentService{{Name: "flood", Target: target(backend(t, func(c *net.TCPConn) {
		b := make([]byte, 64<<10)
		for {
			n, err := c.Write(b)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	}))}}, nil)
	echoAddr := w.expose(Service{Name: "echo"})
	w.agent([]AgentService{{Name: "echo", Target: target(backend(t, echo))}}, func(a *Agent) { a.ID = "other" })
	stalled := dial(t, addr)
	if _, err := io.ReadFull(stalled, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	// It settles when the kernel's buffers and the window are full.
	last, same := int64(-1), 0
	w.until("the flood to stop", func() bool {
		if n := sent.Load(); n == last {
			same++
		} else {
			last, same = n, 0
		}
		return same > 300
	})
	for _, p := range w.srv.peers() {
		p.m.mu.Lock()
		st := p.m.s.Stats()
		p.m.mu.Unlock()
		if st.Unread > 256<<10 {
			t.Errorf("%d bytes are held", st.Unread)
		}
	}
	for range 20 {
		if err := echoed(dial(t, echoAddr), pattern(100_000)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestForbiddenTargets: a name that leads to a reserved address is not dialed, however often it changes its mind.
func TestForbiddenTargets(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	reached := make(chan struct{}, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if c, err := ln.Accept(); err == nil {
			c.Close()
			reached <- struct{}{}
		}
	}()
	port := ln.Addr().(*net.TCPAddr).Port
	w := newWorld(t, nil)
	w.srv.AddService(Service{Name: "x"})
	res := &rebinding{answers: [][]string{
		{"127.0.0.1"}, {"::1"}, {"::ffff:127.0.0.1"}, {"10.0.0.1", "127.0.0.1"}, {"169.254.169.254"}, {"fe80::1%lo"}, {"0.0.0.0"}, {"64:ff9b::7f00:1"}, {},
	}}
	w.agent([]AgentService{{Name: "x", Target: fmt.Sprintf("tcp://rebind.example:%d", port)}}, func(a *Agent) { a.Resolver = res })
	c := w.client(nil)
	for range len(res.answers) {
		if s, err := c.Dial(t.Context(), "x"); err == nil {
			t.Error("reached")
			s.Close()
		}
	}
	select {
	case <-reached:
		t.Error("a reserved address was dialed")
	default:
	}
	ln.Close()
	<-done
	if res.asked.Load() != int64(len(res.answers)) {
		t.Errorf("looked up %d times", res.asked.Load())
	}
}

type rebinding struct {
	answers [][]string
	asked   atomic.Int64
}

func (r *rebinding) LookupNetIP(context.Context, string, string) (out []netip.Addr, err error) {
	for _, s := range r.answers[int(r.asked.Add(1)-1)%len(r.answers)] {
		out = append(out, netip.MustParseAddr(s))
	}
	return out, nil
}

// TestRules: credentials, services and addresses that are not granted are refused, each with its code.
func TestRules(t *testing.T) {
	w := newWorld(t, func(s *Server) {
		s.Dynamic = true
		s.Rules.Tokens = []access.Token{
			{Secret: "only-web-agent", Grant: access.Grant{Name: "a", Agent: true, Services: []string{"web"}, Addresses: []string{"tcp://127.0.0.1:0"}}},
			{Secret: "only-web-client", Grant: access.Grant{Name: "c", Client: true, Services: []string{"web"}}},
			{Secret: agentSecret, Grant: access.Grant{Name: "agents", Agent: true, Services: []string{"*"}}},
		}
	})
	addr := backend(t, echo)
	w.agent([]AgentService{{Name: "web", Target: target(addr), Address: "tcp://127.0.0.1:0"}}, func(a *Agent) { a.Token = "only-web-agent"; a.ID = "a" })
	w.agent([]AgentService{{Name: "ssh", Target: target(addr)}}, nil)
	w.until("the address that was asked for", func() bool { return w.srv.addressOf("web") != "" })
	if err := echoed(dial(t, w.srv.addressOf("web")[len("tcp://"):]), pattern(1000)); err != nil {
		t.Error(err)
	}
	c := w.client(func(c *Client) { c.Token = "only-web-client" })
	if s, err := c.Dial(t.Context(), "web"); err != nil {
		t.Error(err)
	} else {
		s.Close()
	}
	if _, err := c.Dial(t.Context(), "ssh"); err == nil {
		t.Error("a service that is not granted was reached")
	}
	for _, token := range []string{"", "wrong-secret", "only-web-agent"} {
		errs := make(chan error, 1)
		bad := w.client(func(c *Client) {
			c.Token = token
			c.OnLink = func(up bool, err error) {
				if !up {
					select {
					case errs <- err:
					default:
					}
				}
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-errs
			cancel()
		}()
		if _, err := bad.Dial(ctx, "web"); err == nil {
			t.Errorf("token %q is taken", token)
		}
		cancel()
		bad.Close()
	}
}

// TestReplaced: a newer link of the same agent takes the place of a stale one at once.
func TestReplaced(t *testing.T) {
	w := newWorld(t, nil)
	addr := w.expose(Service{Name: "echo"})
	target1, target2 := target(backend(t, echo)), target(backend(t, echo))
	_, stop := w.agent([]AgentService{{Name: "echo", Target: target1}}, func(a *Agent) { a.MinBackoff, a.MaxBackoff = time.Hour, time.Hour })
	w.agent([]AgentService{{Name: "echo", Target: target2}}, func(a *Agent) { a.MinBackoff, a.MaxBackoff = time.Hour, time.Hour })
	w.until("the replacement", func() bool { return w.srv.count.replaced.Load() == 1 && len(w.srv.peers()) == 1 })
	if err := echoed(dial(t, addr), pattern(1000)); err != nil {
		t.Error(err)
	}
	stop()
	if err := echoed(dial(t, addr), pattern(1000)); err != nil {
		t.Error(err)
	}
}

// TestMarker: what is sent end to end is nowhere in what passes the relay.
func TestMarker(t *testing.T) {
	w := newWorld(t, nil)
	w.srv.AddService(Service{Name: "echo"})
	key, _ := GenerateKey()
	a, b := newCutter(t, w.linkAddr()), newCutter(t, w.linkAddr())
	a.tap, b.tap = new(bytes.Buffer), new(bytes.Buffer)
	w.agent([]AgentService{{Name: "echo", Target: target(backend(t, echo)), Key: key}}, func(ag *Agent) { ag.URL = a.url() })
	marker := []byte("the marker that must not be seen anywhere")
	for _, secure := range []bool{false, true} {
		c := w.client(func(c *Client) {
			c.URL = b.url()
			if secure {
				c.Keys = map[string]PublicKey{"echo": key.Public()}
			}
		})
		s, err := c.Dial(t.Context(), "echo")
		if err != nil {
			t.Fatal(err)
		}
		if err := echoed(s, bytes.Repeat(marker, 1000)); err != nil {
			t.Error(err)
		}
		s.Close()
		c.Close()
		a.mu.Lock()
		seen := bytes.Contains(a.tap.Bytes(), marker) // the relay's side of an agent's link is not masked
		size := a.tap.Len()
		a.tap.Reset()
		a.mu.Unlock()
		if seen == secure || size < 40_000 {
			t.Errorf("encrypted %v: the marker was seen: %v, in %d bytes", secure, seen, size)
		}
	}
}

// TestWrongKey: the handshake fails with a clear error on the client's side, and the service sees nothing.
func TestWrongKey(t *testing.T) {
	w := newWorld(t, nil)
	w.srv.AddService(Service{Name: "echo"})
	w.srv.AddService(Service{Name: "plain"})
	key, _ := GenerateKey()
	other, _ := GenerateKey()
	w.agent([]AgentService{
		{Name: "echo", Target: target(backend(t, echo)), Key: key, RequireKey: true}, {Name: "plain", Target: target(backend(t, echo))},
	}, nil)
	rotated, err := key.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		service string
		keys    map[string]PublicKey
		code    wire.Code
	}{
		{"echo", map[string]PublicKey{"echo": other.Public()}, wire.CodeEncryption},
		{"echo", nil, wire.CodeEncryption},
		{"plain", map[string]PublicKey{"plain": key.Public()}, wire.CodeEncryption},
		{"echo", map[string]PublicKey{"echo": rotated.Public()}, wire.CodeEncryption},
	} {
		cl := w.client(func(x *Client) { x.Keys = c.keys })
		_, err := cl.Dial(t.Context(), c.service)
		if err == nil || codeOf(err) != c.code {
			t.Errorf("%s with %v: %v", c.service, c.keys, err)
		}
	}
	again, err := ParseKey(rotated.Marshal())
	if err != nil || again.Public() != rotated.Public() || len(again.pairs) != 2 {
		t.Fatalf("%v, %v", again, err)
	}
	w.srv.AddService(Service{Name: "rot"})
	w.agent([]AgentService{{Name: "rot", Target: target(backend(t, echo)), Key: again}}, func(a *Agent) { a.ID = "rot" })
	for _, k := range []PublicKey{key.Public(), rotated.Public()} {
		s, err := w.client(func(x *Client) { x.Keys = map[string]PublicKey{"rot": k} }).Dial(t.Context(), "rot")
		if err != nil {
			t.Fatal(err)
		}
		if err := echoed(s, pattern(1000)); err != nil {
			t.Error(err)
		}
		s.Close()
	}
}

// TestRekey: streams go on over many changes of the key.
func TestRekey(t *testing.T) {
	old := rekeyAfter
	rekeyAfter = 3
	t.Cleanup(func() { rekeyAfter = old })
	w := newWorld(t, nil)
	w.srv.AddService(Service{Name: "echo"})
	key, _ := GenerateKey()
	w.agent([]AgentService{{Name: "echo", Target: target(backend(t, echo)), Key: key}}, nil)
	s, err := w.client(func(c *Client) { c.Keys = map[string]PublicKey{"echo": key.Public()} }).Dial(t.Context(), "echo")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := echoed(s, pattern(2<<20)); err != nil {
		t.Error(err)
	}
}

// TestChaos: the backend, the agent or the link dies at random under load: no byte is wrong, no end is clean that should not
// be, and nothing is left.
func TestChaos(t *testing.T) {
	w := newWorld(t, nil)
	addr := w.expose(Service{Name: "blocks"})
	r := rand.New(rand.NewPCG(1, 2))
	var conns sync.Map
	back := backend(t, func(c *net.TCPConn) {
		conns.Store(c, nil)
		defer conns.Delete(c)
		sendBlocks(c)
	})
	cut := newCutter(t, w.linkAddr())
	services := []AgentService{{Name: "blocks", Target: target(back)}}
	start := func() func() {
		_, stop := w.agent(services, func(a *Agent) { a.URL = cut.url() })
		return stop
	}
	stop := start()
	broken := 0
	for range size(15, 6, 1000) {
		var wg sync.WaitGroup
		results := make(chan error, 8)
		for range 8 {
			c := dial(t, addr)
			wg.Go(func() {
				err := readBlocks(c)
				c.Close()
				results <- err
			})
		}
		switch r.IntN(3) {
		case 0:
			cut.cut()
		case 1:
			stop()
			stop = start()
		case 2:
			conns.Range(func(k, _ any) bool {
				k.(*net.TCPConn).SetLinger(0)
				k.(*net.TCPConn).Close()
				return true
			})
		}
		wg.Wait()
		close(results)
		for err := range results {
			switch {
			case errors.Is(err, errWrongBytes):
				t.Fatal(err)
			case err != nil:
				broken++
			}
		}
		w.served("blocks", "", true)
	}
	if broken == 0 {
		t.Error("nothing was broken")
	}
	w.until("no streams are left", func() bool {
		for _, p := range w.srv.peers() {
			p.m.mu.Lock()
			n := p.m.s.Len()
			p.m.mu.Unlock()
			if n > 0 {
				return false
			}
		}
		return true
	})
}

// blockCount and the rest make a stream of numbered blocks with their sums; the last one says that it is.
const (
	blockCount = 40
	blockSize  = 8 << 10
)

func sendBlocks(w io.Writer) {
	b := make([]byte, blockSize+40)
	for i := range blockCount {
		binary.BigEndian.PutUint64(b, uint64(i))
		copy(b[8:], pattern(blockSize))
		sum := sha256.Sum256(b[:8+blockSize])
		copy(b[8+blockSize:], sum[:])
		if _, err := w.Write(b); err != nil {
			return
		}
	}
}

var errWrongBytes = errors.New("wrong bytes, or an end that looks clean")

func readBlocks(r io.Reader) error {
	b := make([]byte, blockSize+40)
	for i := range blockCount {
		if _, err := io.ReadFull(r, b); err == io.EOF || err == io.ErrUnexpectedEOF {
			return fmt.Errorf("%w: EOF in block %d", errWrongBytes, i)
		} else if err != nil {
			return err
		}
		if sum := sha256.Sum256(b[:8+blockSize]); binary.BigEndian.Uint64(b) != uint64(i) || !bytes.Equal(sum[:], b[8+blockSize:]) {
			return fmt.Errorf("%w: block %d", errWrongBytes, i)
		}
	}
	if n, err := r.Read(b); n > 0 || err != io.EOF {
		return fmt.Errorf("behind the end: %d bytes, %w", n, err)
	}
	return nil
}

var _ reactor.Handler = (*end)(nil)
