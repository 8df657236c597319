package rtsphttp

import (
	"net/http"
	"strconv"

	"github.com/calandria-go/calandria/protocols/http1"
	httpwire "github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/protocols/rtsphttp/internal/pairing"
	"github.com/calandria-go/calandria/protocols/rtsphttp/wire"
	"github.com/calandria-go/calandria/reactor"
)

// post is a POST's connection. It belongs to a loop of its own: what it has for its tunnel is posted there, unless the loop is the
// same. Until the tunnel takes it, it is paused.
type post struct {
	g       *Gateway
	c       *reactor.Conn
	tunnel  *pairing.Tunnel[*session, *post]
	s       *session // that has taken it
	dec     wire.Decoder
	chunked *httpwire.Chunked // nil for a body that is not
	timer   reactor.Timer
	verdict pairing.Verdict
	minor   uint8
	gone    bool
}

// openPost takes a POST. It is never answered, unless to refuse it.
func (g *Gateway) openPost(x *http1.Exchange, cookie string) {
	p := &post{g: g, c: x.Conn(), minor: uint8(x.Request().Minor())}
	if x.Request().Chunked() {
		p.chunked = &httpwire.Chunked{}
	}
	e, s, v, err := g.table.Post(x.Now(), g.half(x, cookie), p)
	if err != nil {
		g.refuseHalf(x, err)
		return
	}
	if x.Request().Expect100() {
		x.Inform(http.StatusContinue)
	}
	p.tunnel, p.verdict = e, v
	x.HandOver(p)
	if p.c.Handler() != reactor.Handler(p) { // the connection is closing already
		p.leave()
		return
	}
	if v == pairing.Attached {
		s.run(func() { s.attach(p) })
	}
}

// OnOpen is part of reactor.Handler.
func (p *post) OnOpen(c *reactor.Conn) {
	c.Pause()
	c.InitTimer(&p.timer, p.expired)
	switch p.verdict {
	case pairing.Waits:
		p.timer.Reset(p.g.set.pairing.Deadline)
	case pairing.Queued:
		p.timer.Reset(p.g.set.grace)
	}
}

// expired ends a POST that waited in vain.
func (p *post) expired() {
	switch {
	case p.s != nil || p.gone:
	case p.verdict == pairing.Waits && p.g.table.Expire(p.tunnel):
		p.refuse(http.StatusRequestTimeout, "pair_timeout", ErrPairTimeout)
	case p.verdict == pairing.Queued && p.g.table.Withdraw(p.tunnel, p):
		p.refuse(http.StatusConflict, "second_post", ErrWithdrawn)
	}
}

// refuse answers at last, with a bare status.
func (p *post) refuse(status int, reason string, err error) {
	p.gone = true
	p.g.count.refuse(reason)
	b := append(append(make([]byte, 0, 128), "HTTP/1."...), '0'+p.minor, ' ')
	b = append(append(strconv.AppendInt(b, int64(status), 10), ' '), httpwire.StatusText(status)...)
	p.c.Write(append(b, "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"...))
	p.c.CloseLinger(p.g.set.grace, maxJunk, err)
	p.c.Resume()
}

// start gives p its tunnel, and lets its bytes come. On p's loop.
func (p *post) start(s *session) {
	if p.gone { // it left on its way here, and the tunnel may have heard of that before it had p
		s.run(func() { s.postGone(p, nil, false) })
		return
	}
	p.s = s
	p.timer.Stop()
	p.c.Resume()
}

// scratchKey is for the buffer of a loop that bodies are decoded into.
type scratchKey struct{}

// maxScratch is how large that buffer stays.
const maxScratch = 64 << 10

// OnData is part of reactor.Handler.
func (p *post) OnData(c *reactor.Conn, in []byte) int {
	if p.s == nil || p.gone {
		if p.gone {
			return len(in)
		}
		return 0
	}
	buf := c.LoopLocal(scratchKey{}, func() any { return new([]byte) }).(*[]byte)
	out, err := p.decode((*buf)[:0], in)
	if cap(out) <= maxScratch {
		*buf = out
	}
	if len(out) > 0 {
		p.deliver(out)
	}
	switch {
	case p.gone: // the tunnel has ended over it
	case err != nil:
		s := p.s
		p.leave()
		c.CloseWith(err)
		s.run(func() { s.garbled(err) })
	case p.chunked != nil && p.chunked.Done():
		p.leave()
		c.Close()
	}
	return len(in)
}

// decode takes the body's framing, if it has any, and its base64 away.
func (p *post) decode(dst, in []byte) ([]byte, error) {
	if p.chunked == nil {
		return p.dec.Decode(dst, in)
	}
	for len(in) > 0 && !p.chunked.Done() {
		data, n, err := p.chunked.Next(in, nil)
		if err != nil {
			return dst, err
		}
		if dst, err = p.dec.Decode(dst, data); err != nil {
			return dst, err
		}
		in = in[n:]
	}
	return dst, nil
}

// deliver gives the tunnel its bytes. On another loop it gets a copy, and p waits until it has been taken.
func (p *post) deliver(b []byte) {
	s := p.s
	if s.vc.Reactor() == p.c.Reactor() && s.vc.LoopIndex() == p.c.LoopIndex() {
		if s.fromViewer(b); s.full {
			p.c.Pause()
		}
		return
	}
	p.c.Pause()
	b = append([]byte(nil), b...)
	s.run(func() {
		if s.fromViewer(b); !s.full {
			p.resume()
		}
	})
}

// resume lets p's bytes come again. Any goroutine.
func (p *post) resume() {
	p.c.Post(func() {
		if !p.gone {
			p.c.Resume()
		}
	})
}

// leave takes p out of its tunnel.
func (p *post) leave() {
	if p.gone {
		return
	}
	p.gone = true
	p.timer.Stop()
	s, next, promoted, gone := p.g.table.PostGone(p.tunnel, p)
	if gone && s != nil {
		s.run(func() { s.postGone(p, next, promoted) })
	}
}

// OnEOF is part of reactor.EOFHandler.
func (p *post) OnEOF(c *reactor.Conn) {
	p.leave()
	c.Close()
}

// OnClose is part of reactor.Handler.
func (p *post) OnClose(*reactor.Conn, error) { p.leave() }

// dismiss closes p because its tunnel has ended for err. Any goroutine.
func (p *post) dismiss(err error) {
	p.c.Post(func() {
		p.gone = true
		p.timer.Stop()
		p.c.CloseWith(err)
	})
}
