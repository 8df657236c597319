package rtsphttp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	httpwire "github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/protocols/rtsphttp/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports"
)

// httpConn is a tunnel over GET and POST.
type httpConn struct {
	r      *reactor.Reactor
	o      *DialOptions
	dialer transports.Dialer
	addr   string
	host   string // of the field Host
	uri    string
	cookie string
	given  bool // the URL has credentials
	login  credentials

	get *reactor.Stream
	in  *bufio.Reader // of get

	wmu  sync.Mutex // one Write at a time
	sent int        // of the POST's body
	enc  []byte

	mu       sync.Mutex // guards what follows, and is taken for moments
	post     *postStream
	refused  error // what answered a POST
	closed   bool
	writeEnd time.Time
}

func dialHTTP(ctx context.Context, u *url.URL, o *DialOptions, secure bool) (net.Conn, error) {
	port := u.Port()
	if port == "" {
		port = map[bool]string{false: "80", true: "443"}[secure]
	}
	c := &httpConn{
		r: o.reactor(), o: o, dialer: o.dialer(secure), addr: net.JoinHostPort(u.Hostname(), port), host: u.Host, uri: u.RequestURI(),
		cookie: newCookie(),
	}
	if u.User != nil {
		c.given, c.login.user = true, u.User.Username()
		c.login.password, _ = u.User.Password()
	}
	err := c.openGet(ctx)
	var re *RefusedError
	if errors.As(err, &re) && re.Status == http.StatusUnauthorized && (c.login.challenge != nil || c.login.basic) {
		err = c.openGet(ctx) // with what the challenge asked for
	}
	if err != nil {
		return nil, err
	}
	if err := c.openPost(ctx); err != nil {
		c.get.Close()
		return nil, err
	}
	return c, nil
}

// head renders a request's head.
func (c *httpConn) head(method string, fields ...string) ([]byte, error) {
	b, err := httpwire.AppendRequestLine(nil, method, c.uri)
	if err != nil {
		return nil, err
	}
	all := append([]string{"Host", c.host, "x-sessioncookie", c.cookie, "Pragma", "no-cache", "Cache-Control", "no-cache"}, fields...)
	if v := c.login.answer(method, c.uri); v != "" {
		all = append(all, "Authorization", v)
	}
	for name, values := range c.o.Header {
		for _, v := range values {
			all = append(all, name, v)
		}
	}
	for i := 0; i < len(all); i += 2 {
		if b, err = httpwire.AppendField(b, all[i], all[i+1]); err != nil {
			return nil, err
		}
	}
	return append(b, "\r\n"...), nil
}

// openGet opens the GET and reads its answer.
func (c *httpConn) openGet(ctx context.Context) error {
	s := reactor.NewStream()
	if _, err := c.dialer.DialConn(ctx, c.r, c.addr, s); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	err := c.shake(s)
	if !stop() {
		err = errors.Join(ctx.Err(), err)
	}
	if err != nil {
		s.Close()
	}
	return err
}

// shake sends the GET and reads its answer's head.
func (c *httpConn) shake(s *reactor.Stream) error {
	head, err := c.head("GET", "Accept", contentType)
	if err != nil {
		return err
	}
	if _, err := s.Write(head); err != nil {
		return err
	}
	in := bufio.NewReaderSize(s, 4<<10)
	var r httpwire.Response
	for n := 1; ; n++ {
		if _, err := in.Peek(n); err != nil {
			return fmt.Errorf("rtsphttp: no answer to the GET: %w", err)
		}
		b, _ := in.Peek(in.Buffered())
		size, err := r.Parse(b, &httpwire.Limits{MaxHeadBytes: 4 << 10})
		if err != nil {
			return err
		}
		if size == 0 {
			n = len(b)
			continue
		}
		if r.Status() != http.StatusOK {
			if r.Status() == http.StatusUnauthorized && c.given {
				c.login.learn(func(yield func(string) bool) {
					r.Values("WWW-Authenticate", func(v []byte) bool { return yield(string(v)) })
				})
			}
			return &RefusedError{"GET", r.Status(), string(r.Reason())}
		}
		in.Discard(size)
		c.get, c.in = s, in
		return nil
	}
}

// openPost opens a POST. Its answer never comes, unless it refuses.
func (c *httpConn) openPost(ctx context.Context) error {
	p := &postStream{Stream: reactor.NewStream(), c: c, over: make(chan struct{})}
	if _, err := c.dialer.DialConn(ctx, c.r, c.addr, p); err != nil {
		return err
	}
	head, err := c.head("POST", "Content-Type", contentType, "Content-Length", "32767", "Expires", "Sun, 9 Jan 1972 00:00:00 GMT")
	if err == nil {
		_, err = p.Write(head)
	}
	if err != nil {
		p.Close()
		return err
	}
	c.sent = 0
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		p.Close()
		return net.ErrClosed
	}
	c.post = p
	return p.SetWriteDeadline(c.writeEnd)
}

// current is the POST that is used now.
func (c *httpConn) current() *postStream {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.post
}

// postStream is a POST's connection, whose input is looked at as it comes.
type postStream struct {
	*reactor.Stream
	c    *httpConn
	r    httpwire.Response
	once sync.Once
	over chan struct{} // closed when the server has ended it
}

// retireTime is how long a POST that we end waits for the server to end it, too: only then has all of it been taken, and the next one
// cannot overtake it. Servers that never do cost this once a POST.
const retireTime = time.Second

// retire ends a POST after what was written to it.
func (p *postStream) retire() {
	p.CloseWrite()
	timeout := time.NewTimer(retireTime)
	defer timeout.Stop()
	select {
	case <-p.over:
	case <-timeout.C:
	}
	p.Close()
}

// ended reports whether the server has ended it.
func (p *postStream) ended() bool {
	select {
	case <-p.over:
		return true
	default:
		return false
	}
}

// OnEOF is part of reactor.EOFHandler.
func (p *postStream) OnEOF(c *reactor.Conn) {
	p.once.Do(func() { close(p.over) })
	p.Stream.OnEOF(c)
}

// OnClose is part of reactor.Handler.
func (p *postStream) OnClose(c *reactor.Conn, err error) {
	p.once.Do(func() { close(p.over) })
	p.Stream.OnClose(c, err)
}

// OnData is part of reactor.Handler: some servers answer 200; anything that refuses ends the tunnel.
func (p *postStream) OnData(c *reactor.Conn, in []byte) int {
	n, err := p.r.Parse(in, &httpwire.Limits{MaxHeadBytes: 4 << 10})
	switch {
	case err != nil:
		p.c.fail(err)
	case n == 0:
		return 0
	case p.r.Status() >= 300:
		p.c.fail(&RefusedError{"POST", p.r.Status(), string(p.r.Reason())})
	}
	return len(in)
}

// fail ends the tunnel for what a POST met.
func (c *httpConn) fail(err error) {
	c.mu.Lock()
	if c.refused == nil {
		c.refused = err
	}
	c.mu.Unlock()
	c.get.Conn().Abort(err)
}

// Read is part of net.Conn.
func (c *httpConn) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.refused != nil && !c.closed {
			err = c.refused
		}
	}
	return n, err
}

// Write is part of net.Conn. When the POST's length is used up, or it has ended, another takes its place.
func (c *httpConn) Write(p []byte) (int, error) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	limit := c.o.PostBytes
	if limit == 0 {
		limit = defaultPostBytes
	}
	for done := 0; done < len(p) || len(p) == 0; {
		piece := p[done:]
		if limit > 0 {
			piece = piece[:min(len(piece), max(limit/4*3-3, 3))]
		}
		c.enc = wire.AppendEncode(c.enc[:0], piece)
		if c.current().ended() || limit > 0 && c.sent > 0 && c.sent+len(c.enc) > limit {
			c.current().retire()
			if err := c.reopen(); err != nil {
				return done, err
			}
		}
		n, err := c.current().Write(c.enc)
		if err != nil && n == 0 && !errors.Is(err, os.ErrDeadlineExceeded) && c.goesOn() { // a proxy has cut it
			if err = c.reopen(); err == nil {
				_, err = c.current().Write(c.enc)
			}
		}
		if err != nil {
			return done, err
		}
		c.sent += len(c.enc)
		if done += len(piece); len(p) == 0 {
			break
		}
	}
	return len(p), nil
}

// reopen opens another POST, within the write deadline.
func (c *httpConn) reopen() error {
	if !c.goesOn() {
		return net.ErrClosed
	}
	c.mu.Lock()
	end := c.writeEnd
	c.mu.Unlock()
	if end.IsZero() {
		end = time.Now().Add(defaultDial)
	}
	ctx, cancel := context.WithDeadline(context.Background(), end)
	defer cancel()
	return c.openPost(ctx)
}

// goesOn reports whether the tunnel is neither closed nor refused.
func (c *httpConn) goesOn() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.closed && c.refused == nil
}

// Close is part of net.Conn.
func (c *httpConn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	return errors.Join(c.get.Close(), c.current().Close())
}

// LocalAddr is part of net.Conn: the GET's.
func (c *httpConn) LocalAddr() net.Addr { return c.get.LocalAddr() }

// RemoteAddr is part of net.Conn.
func (c *httpConn) RemoteAddr() net.Addr { return c.get.RemoteAddr() }

// SetDeadline is part of net.Conn.
func (c *httpConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline is part of net.Conn.
func (c *httpConn) SetReadDeadline(t time.Time) error { return c.get.SetReadDeadline(t) }

// SetWriteDeadline is part of net.Conn.
func (c *httpConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	c.writeEnd = t
	c.mu.Unlock()
	return c.current().SetWriteDeadline(t)
}
