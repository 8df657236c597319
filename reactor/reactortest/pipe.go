package reactortest

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// DefaultBuffer is how many bytes one direction of a Pipe holds.
const DefaultBuffer = 64 << 10

// Conn is one end of a Pipe. It behaves as a TCP socket does: Write fills the peer's buffer and waits when it is full; the
// peer reads what was written before a half-close and then io.EOF; Close with bytes unread resets. Its methods are safe
// from any goroutine.
type Conn struct {
	in, out       *half
	local, remote net.Addr

	mu     sync.Mutex
	closed bool
	reset  bool // SetLinger(0)
}

var _ net.Conn = (*Conn)(nil)

// Pipe gives the two ends of a connection in memory, with DefaultBuffer each way. The second has the address of a server,
// the first that of its client; both are *net.TCPAddr in 192.0.2.0/24.
func Pipe() (client, server *Conn) { return PipeSize(DefaultBuffer) }

// PipeSize is Pipe with buffers of size bytes, 1 at the least.
func PipeSize(size int) (client, server *Conn) { return pipe(size, clientAddr(), listenAddr()) }

func pipe(size int, client, server net.Addr) (c, s *Conn) {
	up, down := newHalf(max(size, 1)), newHalf(max(size, 1))
	return &Conn{in: down, out: up, local: client, remote: server}, &Conn{in: up, out: down, local: server, remote: client}
}

// Addresses are in TEST-NET-1, which is never routed: servers at .1, clients at .2.
var ports atomic.Uint32

func testAddr(host byte) *net.TCPAddr {
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, host).To4(), Port: int(ports.Add(1)%64000) + 1024}
}

func listenAddr() *net.TCPAddr { return testAddr(1) }
func clientAddr() *net.TCPAddr { return testAddr(2) }

// Read is part of net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.opError("read", err)
}

// Write is part of net.Conn. It waits while the peer's buffer is full. After the peer's Close it is syscall.EPIPE.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.opError("write", err)
}

// CloseWrite sends FIN: the peer reads what was written, then io.EOF.
func (c *Conn) CloseWrite() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.opError("close", net.ErrClosed)
	}
	c.out.finish()
	return nil
}

// SetLinger with 0 makes Close a reset; with anything else it does nothing.
func (c *Conn) SetLinger(sec int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.opError("set", net.ErrClosed)
	}
	c.reset = sec == 0
	return nil
}

// Close is part of net.Conn. The peer can still read what was written, unless bytes were left unread here or SetLinger(0)
// was called: then the connection is reset, and the peer's next Read or Write is syscall.ECONNRESET whatever was on its
// way.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.opError("close", net.ErrClosed)
	}
	c.closed = true
	if c.in.closeReader(c.reset) {
		c.out.reset(os.NewSyscallError("read", syscall.ECONNRESET), net.ErrClosed)
		c.out.setDeadline(&c.out.wd, time.Time{})
		return nil
	}
	c.out.closeWriter()
	return nil
}

// Unread is the number of bytes that the peer has written and nobody has read here. To a test it is what a socket's
// receive buffer holds.
func (c *Conn) Unread() int { return c.in.unread() }

// LocalAddr is part of net.Conn.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is part of net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline is part of net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline is part of net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(c.in, &c.in.rd, t) }

// SetWriteDeadline is part of net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(c.out, &c.out.wd, t) }

func (c *Conn) setDeadline(h *half, d *deadline, t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.opError("set", net.ErrClosed)
	}
	h.setDeadline(d, t)
	return nil
}

// opError wraps errors as package net does: all but io.EOF.
func (c *Conn) opError(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case isEOF(err):
		return err
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}
