package tls

import (
	ctls "crypto/tls"
	"net"
	"sync/atomic"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

// Movable gives a listener for a server that does TLS by itself, such as net/http's ServeTLS: its connections can be adopted onto a
// loop once they are open, see Adopt, and need no goroutine from then on. Until then they are those of ln, with one atomic
// load for each read and write.
func Movable(ln net.Listener) net.Listener { return &movableListener{ln} }

type movableListener struct{ net.Listener }

// Accept is part of net.Listener.
func (l *movableListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &movable{Conn: c}, nil
}

// movable is the connection below a crypto/tls.Conn that others made: one of package net, and after the move a Layer's wire.
type movable struct {
	net.Conn
	layer Layer
	moved atomic.Bool
}

// Read is part of net.Conn. It counts the records, so that the layer knows where it is.
func (m *movable) Read(p []byte) (int, error) {
	if m.moved.Load() {
		return (*wire)(&m.layer).Read(p)
	}
	n, err := m.Conn.Read(p)
	for b := p[:n]; len(b) > 0; {
		b = b[(*wire)(&m.layer).account(b):]
	}
	return n, err
}

// Write is part of net.Conn.
func (m *movable) Write(p []byte) (int, error) {
	if m.moved.Load() {
		return (*wire)(&m.layer).Write(p)
	}
	return m.Conn.Write(p)
}

// CloseWrite sends FIN, where the connection can.
func (m *movable) CloseWrite() error {
	if m.moved.Load() {
		return m.layer.conn.CloseWrite()
	}
	if c, ok := m.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return m.Conn.Close()
}

// Close is part of net.Conn.
func (m *movable) Close() error {
	if m.moved.Load() {
		return m.layer.conn.Close()
	}
	return m.Conn.Close()
}

// SetDeadline is part of net.Conn.
func (m *movable) SetDeadline(t time.Time) error {
	if m.moved.Load() {
		return nil
	}
	return m.Conn.SetDeadline(t)
}

// SetReadDeadline is part of net.Conn.
func (m *movable) SetReadDeadline(t time.Time) error {
	if m.moved.Load() {
		return nil
	}
	return m.Conn.SetReadDeadline(t)
}

// SetWriteDeadline is part of net.Conn.
func (m *movable) SetWriteDeadline(t time.Time) error {
	if m.moved.Load() {
		return nil
	}
	return m.Conn.SetWriteDeadline(t)
}

// Adopt takes over a connection of crypto/tls whose handshake is done, and whom nobody reads or writes any more: one that a net/http
// server gave away. early is plain text that was read of it already; h gets that first, then what crypto/tls holds, then what
// comes. It returns when h.OnOpen has been called; after an error nc is closed.
//
// A connection of a Movable listener becomes one of the loop, with a Layer. Any other keeps a goroutine, some 4 KB, that
// reads it. Any goroutine but a loop's, where it returns reactor.ErrOnLoop.
func Adopt(r *reactor.Reactor, nc *ctls.Conn, early []byte, h reactor.Handler) (*reactor.Conn, error) {
	m, ok := nc.NetConn().(*movable)
	if !ok || m.moved.Load() {
		return r.Adopt(nc, early, h)
	}
	m.layer.tls = nc
	m.layer.early = append([]byte(nil), early...)
	return r.Adopt(m.Conn, nil, &moving{m, h})
}

// moving is the handler for the moment in which the connection comes onto its loop.
type moving struct {
	m    *movable
	next reactor.Handler
}

// OnOpen is part of reactor.Handler: it installs the Layer and the handler above it.
func (v *moving) OnOpen(c *reactor.Conn) {
	v.m.layer.conn = c
	v.m.moved.Store(true)
	v.m.Conn = nil // its descriptor is the loop's
	c.SetLayer(&v.m.layer)
	c.Upgrade(v.next)
}

// OnData is part of reactor.Handler; there is none before the next handler.
func (v *moving) OnData(*reactor.Conn, []byte) int { return 0 }

// OnClose is part of reactor.Handler.
func (v *moving) OnClose(*reactor.Conn, error) {}
