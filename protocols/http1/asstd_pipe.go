package http1

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// hostListener gives the connections of a Hosted to its reactor.
type hostListener struct {
	next chan net.Conn
	done chan struct{}
	once sync.Once
}

// Accept is part of net.Listener.
func (l *hostListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.next:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close is part of net.Listener.
func (l *hostListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr is part of net.Listener.
func (l *hostListener) Addr() net.Addr { return &hostedAddr{} }

// connect has c accepted, until ctx ends.
func (l *hostListener) connect(ctx context.Context, c net.Conn) error {
	select {
	case l.next <- c:
		return nil
	case <-l.done:
		return errHostedClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// hostedAddr is the address of the peer of a connection in memory, and leads to its request.
type hostedAddr struct{ q *hostedRequest }

// Network is part of net.Addr.
func (a *hostedAddr) Network() string { return "memory" }

// String is the host's word for it.
func (a *hostedAddr) String() string {
	if a.q == nil {
		return "memory"
	}
	return a.q.r.RemoteAddr
}

// remoteOf is the client's address; invalid if it is no IP address.
func remoteOf(r *http.Request) netip.AddrPort {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// nativeEnd is the end of a connection in memory that the reactor has: a synchronous pipe for each direction, so that each can
// end by itself, and nothing is held in between.
type nativeEnd struct {
	up, down net.Conn // what it reads from, and writes to
	q        *hostedRequest
	reset    atomic.Bool   // by the reactor
	gone     chan struct{} // closed by Close
	once     sync.Once
}

// newHostPipe gives both ends. The host's end writes to up and reads from down.
func newHostPipe(q *hostedRequest) (up, down net.Conn, native *nativeEnd) {
	up, in := net.Pipe()
	down, out := net.Pipe()
	return up, down, &nativeEnd{up: in, down: out, q: q, gone: make(chan struct{})}
}

// Read is part of net.Conn.
func (e *nativeEnd) Read(p []byte) (int, error) { return e.up.Read(p) }

// Write is part of net.Conn.
func (e *nativeEnd) Write(p []byte) (int, error) { return e.down.Write(p) }

// CloseWrite ends what the host reads.
func (e *nativeEnd) CloseWrite() error { return e.down.Close() }

// SetLinger is called before a close that is a reset.
func (e *nativeEnd) SetLinger(int) error {
	e.reset.Store(true)
	return nil
}

// Close is part of net.Conn.
func (e *nativeEnd) Close() error {
	e.once.Do(func() { close(e.gone) })
	return errors.Join(e.up.Close(), e.down.Close())
}

// LocalAddr is the host's own address, if it says so.
func (e *nativeEnd) LocalAddr() net.Addr {
	if a, ok := e.q.r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		return a
	}
	return &hostedAddr{}
}

// RemoteAddr is part of net.Conn.
func (e *nativeEnd) RemoteAddr() net.Addr { return &hostedAddr{e.q} }

// SetDeadline is part of net.Conn.
func (e *nativeEnd) SetDeadline(t time.Time) error {
	return errors.Join(e.SetReadDeadline(t), e.SetWriteDeadline(t))
}

// SetReadDeadline is part of net.Conn.
func (e *nativeEnd) SetReadDeadline(t time.Time) error { return e.up.SetReadDeadline(t) }

// SetWriteDeadline is part of net.Conn.
func (e *nativeEnd) SetWriteDeadline(t time.Time) error { return e.down.SetWriteDeadline(t) }
