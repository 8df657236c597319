package reactortest

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

func isEOF(err error) bool { return err == io.EOF }

// Listener is a net.Listener in memory. Dial connects to it directly; so does a reactor of New, by its address. Its
// methods are safe from any goroutine.
type Listener struct {
	addr *net.TCPAddr
	size int

	mu      sync.Mutex
	change  sync.Cond
	backlog int
	queue   []*Conn
	closed  bool
}

var _ net.Listener = (*Listener)(nil)

// Backlog is how many connections wait for Accept in a Listener of Listen.
const Backlog = 128

// listeners are those that are open, by address.
var listeners sync.Map

// Listen gives a Listener with a backlog of Backlog and connections with DefaultBuffer each way.
func Listen() *Listener { return ListenSize(Backlog, DefaultBuffer) }

// ListenSize gives a Listener where backlog connections can wait, and whose connections have buffers of size bytes. With a
// backlog of 0 no Dial ever ends by itself: that is a host that does not answer.
func ListenSize(backlog, size int) *Listener {
	l := &Listener{addr: listenAddr(), size: size, backlog: backlog}
	l.change.L = &l.mu
	listeners.Store(l.addr.String(), l)
	return l
}

// Dial connects and gives the client's end. It waits while the backlog is full. After Close it is syscall.ECONNREFUSED.
func (l *Listener) Dial() (*Conn, error) { return l.DialContext(context.Background()) }

// DialContext is Dial until ctx ends.
func (l *Listener) DialContext(ctx context.Context) (*Conn, error) {
	defer context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.change.Broadcast()
	})()
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		switch err := ctx.Err(); {
		case l.closed:
			return nil, refused(l.addr)
		case err != nil:
			return nil, dialError(l.addr, err)
		case len(l.queue) < l.backlog:
			c, s := pipe(l.size, clientAddr(), l.addr)
			l.queue = append(l.queue, s)
			l.change.Broadcast()
			return c, nil
		}
		l.change.Wait()
	}
}

func refused(addr net.Addr) error {
	return dialError(addr, os.NewSyscallError("connect", syscall.ECONNREFUSED))
}

func dialError(addr net.Addr, err error) error {
	return &net.OpError{Op: "dial", Net: "tcp", Addr: addr, Err: err}
}

// dialAddr connects to the Listener at addr as a reactor does. It is refused where there is none.
func dialAddr(ctx context.Context, addr net.Addr) (net.Conn, error) {
	l, ok := listeners.Load(addr.String())
	if !ok {
		return nil, refused(addr)
	}
	c, err := l.(*Listener).DialContext(ctx)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// inMemory says whether addr is one of a Listener's, open or not.
func inMemory(addr net.Addr) bool {
	t, ok := addr.(*net.TCPAddr)
	return ok && listenNet.Contains(t.IP)
}

var listenNet = net.IPNet{IP: net.IPv4(192, 0, 2, 0).To4(), Mask: net.CIDRMask(24, 32)}

// Accept is part of net.Listener. Connections are *Conn.
func (l *Listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		switch {
		case l.closed:
			return nil, l.closedError("accept")
		case len(l.queue) > 0:
			c := l.queue[0]
			l.queue = append(l.queue[:0], l.queue[1:]...)
			l.change.Broadcast()
			return c, nil
		}
		l.change.Wait()
	}
}

// Waiting is the number of connections that wait for Accept.
func (l *Listener) Waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue)
}

// Close is part of net.Listener. Connections that wait are reset.
func (l *Listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return l.closedError("close")
	}
	l.closed = true
	listeners.Delete(l.addr.String())
	var err error
	for _, c := range l.queue {
		err = errors.Join(err, c.SetLinger(0), c.Close())
	}
	l.queue = nil
	l.change.Broadcast()
	return err
}

// Addr is part of net.Listener: a *net.TCPAddr in 192.0.2.0/24.
func (l *Listener) Addr() net.Addr { return l.addr }

func (l *Listener) closedError(op string) error {
	return &net.OpError{Op: op, Net: "tcp", Addr: l.addr, Err: net.ErrClosed}
}
