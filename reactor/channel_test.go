package reactor_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

// half is one end of a pair of channels: a queue of at most 4 KiB that the other end fills.
type half struct {
	mu    *sync.Mutex
	other *half
	port  *reactor.Port
	in    []byte
	eof   bool
	err   error
	reset chan bool
}

func halves() (a, b *half) {
	mu := new(sync.Mutex)
	a, b = &half{mu: mu, reset: make(chan bool, 1)}, &half{mu: mu, reset: make(chan bool, 1)}
	a.other, b.other = b, a
	return a, b
}

func (h *half) tell() {
	if h.port != nil {
		h.port.Ready()
	}
}

func (h *half) Read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.err != nil:
		return 0, h.err
	case len(h.in) > 0:
		n := copy(p, h.in)
		h.in = h.in[n:]
		h.other.tell()
		return n, nil
	case h.eof:
		return 0, io.EOF
	}
	return 0, reactor.ErrWouldBlock
}

func (h *half) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := min(len(p), 4096-len(h.other.in))
	if h.err != nil {
		return 0, h.err
	}
	if n == 0 {
		return 0, reactor.ErrWouldBlock
	}
	h.other.in = append(h.other.in, p[:n]...)
	h.other.tell()
	return n, nil
}

func (h *half) Err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

func (h *half) CloseWrite() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.other.eof = true
	h.other.tell()
	return nil
}

func (h *half) Close(reset bool) {
	h.CloseWrite()
	h.reset <- reset
}

func (h *half) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1} }
func (h *half) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 2} }

func (h *half) open(t *testing.T, r *reactor.Reactor, hd reactor.Handler) *reactor.Port {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	p, err := r.OpenChannel(h, nil, hd)
	if err != nil {
		t.Fatal(err)
	}
	h.port = p
	return p
}

// TestChannelCarriesAStream: what is written to one Conn is read from the other, through a queue that is smaller, and the end
// arrives.
func TestChannelCarriesAStream(t *testing.T) {
	r := reactor.New(reactor.Config{})
	a, b := halves()
	sa, sb := reactor.NewStream(), reactor.NewStream()
	pa := a.open(t, r, sa)
	pb := b.open(t, r, sb)
	for _, p := range []*reactor.Port{pa, pb} { // a Stream is for use once it is open
		opened := make(chan struct{})
		p.Conn().Post(func() { close(opened) })
		<-opened
	}
	if got := pa.Conn().RemoteAddrPort().String(); got != "192.0.2.2:2" {
		t.Errorf("remote address %s", got)
	}
	data := bytes.Repeat([]byte("channel "), 100_000)
	go func() {
		sa.Write(data)
		sa.CloseWrite()
	}()
	sb.SetDeadline(time.Now().Add(30 * time.Second))
	got, err := io.ReadAll(sb)
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	sb.Write([]byte("back"))
	sb.Close()
	back, err := io.ReadAll(sa)
	if string(back) != "back" || err != nil {
		t.Errorf("%q, %v", back, err)
	}
	sa.Close()
	if <-a.reset || <-b.reset {
		t.Error("a reset at an orderly end")
	}
	shut(t, r)
}

// TestChannelFails: a failure ends the Conn, whether it reads or is paused.
func TestChannelFails(t *testing.T) {
	for _, paused := range []bool{false, true} {
		r := reactor.New(reactor.Config{})
		a, _ := halves()
		h := &closer{paused: paused, open: make(chan struct{}), done: make(chan error, 1)}
		a.open(t, r, h)
		<-h.open
		broken := errors.New("broken")
		a.mu.Lock()
		a.err = broken
		a.tell()
		a.mu.Unlock()
		select {
		case err := <-h.done:
			if err != broken {
				t.Errorf("paused %v: closed with %v", paused, err)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("paused %v: never closed", paused)
		}
		if !<-a.reset {
			t.Error("not a reset")
		}
		shut(t, r)
	}
}

type closer struct {
	paused bool
	open   chan struct{}
	done   chan error
}

func (h *closer) OnOpen(c *reactor.Conn) {
	if h.paused {
		c.Pause()
	}
	close(h.open)
}
func (h *closer) OnData(_ *reactor.Conn, in []byte) int { return len(in) }
func (h *closer) OnClose(_ *reactor.Conn, err error)    { h.done <- err }

// TestChannelsTakeNoPlace: they do not count for MaxConns, and Shutdown waits for them all the same.
func TestChannelsTakeNoPlace(t *testing.T) {
	r := reactor.New(reactor.Config{MaxConns: 1})
	var ends []*half
	for range 10 {
		a, _ := halves()
		h := &closer{open: make(chan struct{}), done: make(chan error, 1)}
		a.open(t, r, lasting{h})
		<-h.open
		ends = append(ends, a)
	}
	done := make(chan error, 1)
	go func() { done <- r.Shutdown(t.Context()) }()
	for i, h := range ends {
		select {
		case <-done:
			t.Fatalf("shut down with %d channels open", len(ends)-i)
		default:
		}
		h.port.Conn().Close()
		<-h.reset
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// lasting stays open when Shutdown begins.
type lasting struct{ *closer }

func (lasting) OnDrain(*reactor.Conn) {}

// TestChannelAfterShutdown: none is opened.
func TestChannelAfterShutdown(t *testing.T) {
	r := reactor.New(reactor.Config{})
	shut(t, r)
	a, _ := halves()
	if _, err := r.OpenChannel(a, nil, reactor.NewStream()); !errors.Is(err, reactor.ErrShutdown) {
		t.Errorf("%v", err)
	}
}

func shut(t *testing.T, r *reactor.Reactor) {
	t.Helper()
	if err := r.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
