package smtp

import (
	"context"
	ctls "crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

// watched is a connection to a server as the library has it: it bounds what one answer may have, in bytes and in time. Deadlines of the
// library are not set: they are for all of a message, however long that is.
type watched struct {
	*reactor.Stream
	timeout time.Duration
	limit   int64
	answer  atomic.Int64 // bytes read since the last write

	mu  sync.Mutex
	err error // of the first read that failed
}

func newWatched(s *reactor.Stream, timeout time.Duration, limit int64) *watched {
	w := &watched{Stream: s, timeout: timeout, limit: limit}
	s.SetReadDeadline(w.deadline()) // for the greeting
	return w
}

func (w *watched) deadline() time.Time {
	if w.timeout < 0 {
		return time.Time{}
	}
	return time.Now().Add(w.timeout)
}

// Read is part of net.Conn. An answer that comes byte by byte has no more time than one that comes at once.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Stream.Read(p)
	if w.answer.Add(int64(n)) > w.limit && w.limit >= 0 {
		n, err = 0, ErrResponse
	}
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.err == nil {
			w.err = err
		}
	}
	return n, err
}

func (w *watched) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Write is part of net.Conn. What follows it is a new answer. After an answer that did not come there is nothing more to say: the
// library would try HELO after an EHLO that nobody answered, and wait once more.
func (w *watched) Write(p []byte) (int, error) {
	if err := w.failed(); err != nil {
		return 0, err
	}
	w.Stream.SetWriteDeadline(w.deadline())
	n, err := w.Stream.Write(p)
	w.answer.Store(0)
	w.Stream.SetReadDeadline(w.deadline())
	return n, err
}

// SetDeadline does nothing, as the two below.
func (w *watched) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (w *watched) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (w *watched) SetWriteDeadline(time.Time) error { return nil }

// connect opens the connection and, with TLS from the beginning, runs its handshake. When ctx ends before release is called the
// connection is reset.
func (c *Client) connect(ctx context.Context) (conn net.Conn, raw *reactor.Stream, release func() bool, err error) {
	raw = reactor.NewStream()
	if _, err := c.dialer().DialConn(ctx, c.Reactor, c.addr(), raw); err != nil {
		return nil, nil, nil, err
	}
	release = context.AfterFunc(ctx, func() { raw.Conn().Abort(ctx.Err()) })
	conn = newWatched(raw, orDefault(c.Timeout, defaultTimeout), orDefault(c.MaxResponse, defaultMaxResponse))
	if c.TLS != TLSImplicit {
		return conn, raw, release, nil
	}
	secured := ctls.Client(conn, c.tlsConfig())
	if err := secured.HandshakeContext(ctx); err != nil {
		release()
		raw.Conn().Abort(err)
		return nil, nil, nil, err
	}
	return secured, raw, release, nil
}
