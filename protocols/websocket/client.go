package websocket

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
)

// Client keeps a WebSocket to a server open: it dials, and dials again when the connection has ended, after a wait that grows and is
// random (full jitter: between nothing and a bound that doubles), so that the clients of a server that restarts do not come
// back all at once. Its fields must not change while Run runs.
type Client struct {
	// URL is Dial's.
	URL string
	// Options are Dial's, with the Handler whose OnOpen is called for each connection; nil: none.
	Options *DialOptions
	// Subscribe is called for each connection when it is open: to ask again for what the server forgot with the last one. again is
	// false for the first. An error closes the connection, with 1011, and counts as a failure. It may block; nil for none.
	Subscribe func(ctx context.Context, c *Conn, again bool) error
	// Serve is called behind Subscribe, for code that reads with Conn.Read; the connection is closed, with 1000, when it returns. nil: Run
	// waits for the end of the connection.
	Serve func(ctx context.Context, c *Conn) error
	// OnDown is told of each end and each failed dial, and of the wait that follows; nil for none.
	OnDown func(err error, wait time.Duration)
	// MinBackoff is the bound of the first wait; 0: 500 ms.
	MinBackoff time.Duration
	// MaxBackoff is the largest bound; 0: 30 s.
	MaxBackoff time.Duration
	// Healthy is how long a connection has to live for the bound to begin anew; 0: 10 s; negative: any time.
	Healthy time.Duration
	// Permanent says which errors end Run; nil: PermanentError does.
	Permanent func(err error) bool

	mu   sync.Mutex
	conn *Conn
}

const (
	defaultMinBackoff = 500 * time.Millisecond
	defaultMaxBackoff = 30 * time.Second
	defaultHealthy    = 10 * time.Second
	longestBackoff    = 24 * time.Hour
)

// PermanentError says whether to dial again would be in vain: for a URL that is none, and an answer of 4xx but 408, 425, 426 and 429.
func PermanentError(err error) bool {
	var he *HandshakeError
	if errors.As(err, &he) && he.Status >= 400 && he.Status < 500 {
		switch he.Status {
		case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusUpgradeRequired, http.StatusTooManyRequests:
			return false
		}
		return true
	}
	return errors.Is(err, errBadURL)
}

// Conn is the connection that is open and subscribed now, or nil. Any goroutine.
func (cl *Client) Conn() *Conn {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	return cl.conn
}

// Send is Conn's on the present connection; ErrClosed while there is none. Any goroutine.
func (cl *Client) Send(op Opcode, p []byte) error {
	if c := cl.Conn(); c != nil {
		return c.Send(op, p)
	}
	return ErrClosed
}

func (cl *Client) set(c *Conn) {
	cl.mu.Lock()
	cl.conn = c
	cl.mu.Unlock()
}

// Run keeps the connection until ctx ends, when it closes it with 1001 and returns ctx's cause, or until an error is permanent,
// which it returns. It takes the goroutine that calls it, which sleeps while the connection is open. On a loop's goroutine it
// returns reactor.ErrOnLoop.
func (cl *Client) Run(ctx context.Context) error {
	if reactor.OnLoop() {
		return reactor.ErrOnLoop
	}
	permanent := cl.Permanent
	if permanent == nil {
		permanent = PermanentError
	}
	b := backoff{
		min: min(timeOr(cl.MinBackoff, defaultMinBackoff), longestBackoff),
		max: min(timeOr(cl.MaxBackoff, defaultMaxBackoff), longestBackoff),
	}
	b.healthy = cl.Healthy
	if b.healthy == 0 {
		b.healthy = defaultHealthy
	}
	for again := false; ; {
		lived, opened, err := cl.once(ctx, again)
		again = again || opened
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil && permanent(err) {
			return err
		}
		wait := b.next(opened, lived)
		if cl.OnDown != nil {
			cl.OnDown(err, wait)
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		}
	}
}

// once dials and stays for one connection.
func (cl *Client) once(ctx context.Context, again bool) (lived time.Duration, opened bool, err error) {
	c, err := Dial(ctx, cl.URL, cl.Options)
	if err != nil {
		return 0, false, err
	}
	began := time.Now()
	defer func() {
		cl.set(nil)
		lived = time.Since(began)
	}()
	if cl.Subscribe != nil {
		if err := cl.Subscribe(ctx, c, again); err != nil {
			c.Close(InternalError, "")
			<-c.Done()
			return 0, false, err
		}
	}
	cl.set(c)
	if cl.Serve != nil {
		err = cl.Serve(ctx, c)
		c.Close(closeFor(ctx), "")
		<-c.Done()
		if err == nil {
			err = c.Err()
		}
		return 0, true, err
	}
	select {
	case <-c.Done():
	case <-ctx.Done():
		cl.set(nil)
		c.Close(GoingAway, "")
		<-c.Done()
	}
	return 0, true, c.Err()
}

// closeFor is the code for a connection that is not needed any more.
func closeFor(ctx context.Context) wire.CloseCode {
	if ctx.Err() != nil {
		return GoingAway
	}
	return NormalClosure
}

// backoff gives waits with full jitter.
type backoff struct {
	min, max, healthy time.Duration
	bound             time.Duration
}

func (b *backoff) next(opened bool, lived time.Duration) time.Duration {
	if opened && lived >= b.healthy || b.bound == 0 {
		b.bound = min(b.min, b.max)
	} else {
		b.bound = min(2*b.bound, b.max)
	}
	return rand.N(b.bound + 1)
}
