package unix_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/unix"
)

func TestServeAndDial(t *testing.T) {
	p := path(t)
	r, l := serve(t, listen(t, unix.Config{}, p))
	if err := ping(p); err != nil {
		t.Fatal(err)
	}
	s, err := new(unix.Dialer).DialContext(t.Context(), r, p)
	if err != nil {
		t.Fatal(err)
	}
	if s.RemoteAddr().Network() != "unix" || s.RemoteAddr().String() != p {
		t.Errorf("remote address %v", s.RemoteAddr())
	}
	s.Write([]byte("over and back"))
	s.CloseWrite()
	if got, err := io.ReadAll(s); string(got) != "over and back" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	s.Close()
	eventually(t, "all have closed", func() bool { return l.Conns() == 0 })
}

func TestAcceptDirectly(t *testing.T) {
	p := path(t)
	ln := listen(t, unix.Config{}, p)
	out, err := net.Dial("unix", p)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	in, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	in.Write([]byte("hello"))
	in.Close()
	if got, err := io.ReadAll(out); string(got) != "hello" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	errs := make(chan error)
	go func() { _, err := ln.Accept(); errs <- err }()
	ln.Close()
	if err := <-errs; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept ended with %v", err)
	}
	if _, err := os.Lstat(p); err == nil {
		t.Error("the file is left")
	}
}

func TestLimits(t *testing.T) {
	p := path(t)
	admit := make(chan netip.AddrPort, 10)
	ln := listen(t, unix.Config{Limits: reactor.ListenLimits{MaxConns: 1, Admit: func(a netip.AddrPort) bool {
		admit <- a
		return true
	}}}, p)
	serve(t, ln)
	a, err := net.Dial("unix", p)
	if err != nil {
		t.Fatal(err)
	}
	a.Write([]byte("x"))
	io.ReadFull(a, make([]byte, 1))
	b, err := net.Dial("unix", p)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.Write([]byte("x"))
	b.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := b.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a connection over the limit: %v", err)
	}
	a.Close()
	b.SetReadDeadline(time.Now().Add(patience))
	if _, err := b.Read(make([]byte, 1)); err != nil {
		t.Errorf("after the first has closed: %v", err)
	}
	if len(admit) != 2 || (<-admit).IsValid() {
		t.Error("Admit is asked for each, about no address")
	}
}

func TestFromListener(t *testing.T) {
	p := path(t)
	std, err := net.Listen("unix", p)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := unix.FromListener(std.(*net.UnixListener), unix.Config{Limits: reactor.ListenLimits{MaxConns: 7}})
	if err != nil {
		t.Fatal(err)
	}
	if ln.ListenLimits().MaxConns != 7 || ln.Addr().String() != p {
		t.Errorf("limits %+v, address %v", ln.ListenLimits(), ln.Addr())
	}
	r, _ := serve(t, ln)
	if err := ping(p); err != nil {
		t.Error(err)
	}
	r.Shutdown(t.Context())
	if _, err := os.Lstat(p); err != nil {
		t.Errorf("the file was removed: %v", err)
	}
}

func TestDialErrors(t *testing.T) {
	p := path(t)
	r, _ := serve(t, listen(t, unix.Config{}, p))
	left := p + ".left"
	ln := listen(t, unix.Config{}, left)
	ln.SetUnlinkOnClose(false)
	ln.Close()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name, path string
		ctx        context.Context
		want       error
	}{
		{"no file", p + ".none", t.Context(), syscall.ENOENT},
		{"nobody listens", left, t.Context(), syscall.ECONNREFUSED},
		{"cancelled", p, cancelled, context.Canceled},
		{"no path", "", t.Context(), nil},
	} {
		s, err := new(unix.Dialer).DialContext(c.ctx, r, c.path)
		var op *net.OpError
		if s != nil || !errors.As(err, &op) || op.Op != "dial" || op.Net != "unix" || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// counter says on channels what its connection does.
type counter struct {
	echo
	opened, closed chan *reactor.Conn
}

func (h *counter) OnOpen(c *reactor.Conn)           { h.opened <- c }
func (h *counter) OnClose(c *reactor.Conn, _ error) { h.closed <- c }

func TestDialConn(t *testing.T) {
	p := path(t)
	r, _ := serve(t, listen(t, unix.Config{}, p))
	h := &counter{opened: make(chan *reactor.Conn, 1), closed: make(chan *reactor.Conn, 1)}
	local := p + ".client"
	d := unix.Dialer{LocalAddr: &net.UnixAddr{Name: local, Net: "unix"}}
	c, err := d.DialConn(t.Context(), r, p, h)
	if err != nil {
		t.Fatal(err)
	}
	if len(h.opened) != 1 {
		t.Error("DialConn returned before OnOpen")
	}
	if c.LocalAddr().String() != local {
		t.Errorf("dialed from %v", c.LocalAddr())
	}
	c.Close()
	<-h.closed
}

// onLoop dials in OnData.
type onLoop struct {
	echo
	errs chan error
}

func (h onLoop) OnData(c *reactor.Conn, in []byte) int {
	_, err := new(unix.Dialer).DialContext(context.Background(), c.Reactor(), "s")
	h.errs <- err
	return len(in)
}

func TestDialOnLoop(t *testing.T) {
	p := path(t)
	errs := make(chan error, 1)
	r, _ := serve(t, listen(t, unix.Config{}, p))
	if _, err := new(unix.Dialer).DialConn(t.Context(), r, p, onLoopOpen{errs}); err != nil {
		t.Fatal(err)
	}
	if err := <-errs; !errors.Is(err, reactor.ErrOnLoop) {
		t.Errorf("error %v", err)
	}
}

// onLoopOpen dials in OnOpen.
type onLoopOpen struct{ errs chan error }

func (h onLoopOpen) OnOpen(c *reactor.Conn)               { onLoop{errs: h.errs}.OnData(c, nil) }
func (h onLoopOpen) OnData(_ *reactor.Conn, b []byte) int { return len(b) }
func (h onLoopOpen) OnClose(*reactor.Conn, error)         {}
