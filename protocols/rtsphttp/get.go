package rtsphttp

import (
	"github.com/calandria-go/calandria/protocols/http1"
	httpwire "github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/protocols/rtsphttp/internal/pairing"
	"github.com/calandria-go/calandria/reactor"
)

// openGet takes a GET: it is paired, or waits; its camera is dialed, and then it is answered.
func (g *Gateway) openGet(x *http1.Exchange, r *route, cookie string) {
	if g.full() {
		g.refuseHalf(x, pairing.ErrSessions)
		return
	}
	s := g.newSession(x, r, "http")
	e, p, paired, err := g.table.Get(x.Now(), g.half(x, cookie), s)
	if err != nil {
		g.refuseHalf(x, err)
		return
	}
	s.tunnel = e
	if paired {
		s.post = p
	} else {
		s.pairBy = x.Conn().Elapsed() + g.set.pairing.Deadline
	}
	s.dial(x, func() {
		h := &getHalf{s: s, minor: x.Request().Minor()}
		s.out = h
		x.HandOver(h)
		s.opened(h)
	})
}

// getHalf is a GET's connection, once it is answered.
type getHalf struct {
	s     *session
	minor int
	junk  int
}

// OnOpen is part of reactor.Handler: it answers, in the request's version, as some clients insist on.
func (h *getHalf) OnOpen(c *reactor.Conn) {
	b := make([]byte, 0, 320)
	b = append(b, "HTTP/1."...)
	b = append(b, byte('0'+h.minor))
	b = append(b, " 200 OK\r\nConnection: close\r\nCache-Control: no-store\r\nPragma: no-cache\r\nContent-Type: "+contentType+"\r\n"...)
	b = append(httpwire.AppendDate(append(b, "Date: "...), c.Now()), "\r\n"...)
	if ip := h.s.g.cfg.ServerIP; ip != "" {
		if with, err := httpwire.AppendField(b, "x-server-ip-address", ip); err == nil {
			b = with
		}
	}
	c.Write(append(b, "\r\n"...))
}

// OnData is part of reactor.Handler. Nothing is to come here, whatever Content-Length the GET had.
func (h *getHalf) OnData(_ *reactor.Conn, in []byte) int {
	if h.junk += len(in); h.junk > maxJunk {
		h.s.end(ErrTooMany)
	}
	return len(in)
}

// OnEOF is part of reactor.EOFHandler: a viewer that has closed cannot be told from one that has half-closed, and is gone.
func (h *getHalf) OnEOF(*reactor.Conn) { h.s.end(ErrViewerGone) }

// OnWritable is part of reactor.WritableHandler.
func (h *getHalf) OnWritable(*reactor.Conn) { h.s.writable() }

// OnDrain is part of reactor.DrainHandler: a stream has no end to wait for.
func (h *getHalf) OnDrain(*reactor.Conn) { h.s.end(reactor.ErrShutdown) }

// OnClose is part of reactor.Handler.
func (h *getHalf) OnClose(_ *reactor.Conn, err error) { h.s.viewerClosed(err) }

// send is part of viewer.
func (h *getHalf) send(p []byte) error {
	_, err := h.s.vc.Write(p)
	return err
}

// finish is part of viewer.
func (h *getHalf) finish(err error) { h.s.vc.CloseWith(err) }
