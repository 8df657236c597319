package unix

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/internal/sock"
)

const (
	// defaultTimeout ends a dial without a timeout of its own.
	defaultTimeout = 30 * time.Second
	// backlogRetry is how long to wait for room in a full backlog.
	backlogRetry = 5 * time.Millisecond
)

// Dialer connects to a unix socket. The zero value is good. Its methods are safe from any goroutine but a loop's, where
// they return reactor.ErrOnLoop: there use Reactor.DialFunc.
type Dialer struct {
	// Timeout bounds the attempt; 0: 30 s; negative: only the context and the system bound it. A unix socket connects at
	// once or is refused; only a full backlog takes time.
	Timeout time.Duration
	// LocalAddr is the address to dial from, which the other side can see; nil: none. Its file is the caller's to remove.
	LocalAddr *net.UnixAddr
	// Near puts the connection on the loop of another one.
	Near *reactor.Conn
	// Control is called with the socket before it connects; nil for none. Not called on the portable engine.
	Control func(fd int) error
}

// DialContext connects to path, or "@name", and gives a net.Conn. Errors are *net.OpError: syscall.ENOENT without a file,
// syscall.ECONNREFUSED with one that nobody listens on. A timeout is os.ErrDeadlineExceeded and
// context.DeadlineExceeded; when ctx is cancelled it is ctx's error.
func (d *Dialer) DialContext(ctx context.Context, r *reactor.Reactor, path string) (*reactor.Stream, error) {
	s := reactor.NewStream()
	if _, err := d.DialConn(ctx, r, path, s); err != nil {
		return nil, err
	}
	return s, nil
}

// DialConn is DialContext for a handler. It returns when h.OnOpen has been called; after an error h has heard nothing,
// unless ctx ended at the moment of success: then h sees OnOpen and OnClose.
func (d *Dialer) DialConn(ctx context.Context, r *reactor.Reactor, path string, h reactor.Handler) (*reactor.Conn, error) {
	if reactor.OnLoop() {
		return nil, reactor.ErrOnLoop
	}
	addr := &net.UnixAddr{Name: path, Net: "unix"}
	o := reactor.DialOptions{Timeout: -1, Near: d.Near, Control: d.Control}
	var local net.Addr
	if d.LocalAddr != nil {
		local = d.LocalAddr
		o.LocalAddr = local
	}
	err := checkPath(path)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, sock.DialError("unix", local, addr, err)
	}
	at := sock.Deadline(ctx, d.Timeout, defaultTimeout)
	for {
		if !at.IsZero() {
			o.Timeout = max(time.Until(at), time.Nanosecond) // 0 would be the default
		}
		c, err := r.Dial(ctx, addr, o, h)
		if err == nil {
			return c, nil
		}
		if !errors.Is(err, syscall.EAGAIN) {
			return nil, sock.DialError("unix", local, addr, err)
		}
		// The backlog is full. Loops on netpoll wait for room themselves; package net, below the portable engine, does not.
		if err := waitRetry(ctx, at); err != nil {
			return nil, sock.DialError("unix", local, addr, err)
		}
	}
}

// waitRetry waits until the next attempt, and says when there will be none.
func waitRetry(ctx context.Context, deadline time.Time) error {
	if !deadline.IsZero() && time.Until(deadline) <= 0 {
		return os.ErrDeadlineExceeded
	}
	t := time.NewTimer(backlogRetry)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
