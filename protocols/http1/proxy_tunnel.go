package http1

import (
	"os"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/reactor"
)

// switchProtocols joins the two connections after a 101.
func (pc *proxyCall) switchProtocols(r *wire.Response) {
	x, call := pc.x, &pc.call
	protocol, _ := r.Get("Upgrade")
	var fields []string
	passFields(r, nil, func(name, value []byte) { fields = append(fields, string(name), string(value)) })
	t := &proxyTunnel{idle: pc.p.set.tunnel, up: pc.up}
	t.up.active.Add(1)
	client, server := &tunnelEnd{t: t}, &tunnelEnd{t: t}
	client.other, server.other = server, client
	pc.finish()
	c := x.s.c
	if err := x.SwitchProtocols(string(protocol), client, fields...); err != nil {
		t.over()
		call.Abort(err)
		if !x.Answered() {
			x.Abort(err)
		}
		return
	}
	if client.c == nil { // the client is closing
		t.over()
		call.Abort(nil)
		return
	}
	if call.HandOver(server) != nil || server.c == nil {
		t.over()
		c.Abort(nil)
		return
	}
	t.watch(c)
}

// proxyTunnel is two connections of one loop that were upgraded together.
type proxyTunnel struct {
	idle  time.Duration
	moved time.Duration
	up    *upstream
	ended bool
	timer reactor.Timer
}

// tunnelEnd is one of them.
type tunnelEnd struct {
	t     *proxyTunnel
	other *tunnelEnd
	c     *reactor.Conn
	early []byte // what came before the other end was there
}

func (t *proxyTunnel) over() {
	if !t.ended {
		t.ended = true
		t.up.active.Add(-1)
	}
}

// watch ends a tunnel on which nothing happens.
func (t *proxyTunnel) watch(c *reactor.Conn) {
	t.moved = c.Elapsed()
	if t.idle == forever {
		return
	}
	c.InitTimer(&t.timer, func() {
		if left := t.moved + t.idle - c.Elapsed(); left > 0 {
			t.timer.Reset(left)
			return
		}
		c.CloseWith(os.ErrDeadlineExceeded)
	})
	t.timer.Reset(t.idle)
}

// OnOpen is part of reactor.Handler.
func (e *tunnelEnd) OnOpen(c *reactor.Conn) {
	e.c = c
	if len(e.other.early) > 0 {
		c.Write(e.other.early)
		e.other.early = nil
	}
}

// OnData is part of reactor.Handler.
func (e *tunnelEnd) OnData(c *reactor.Conn, in []byte) int {
	e.t.moved = c.Elapsed()
	to := e.other.c
	if to == nil {
		e.early = append(e.early, in...) // within one turn: at most what one read has brought
		return len(in)
	}
	to.Write(in)
	if to.OverHigh() {
		c.Pause()
	}
	return len(in)
}

// OnWritable is part of reactor.WritableHandler.
func (e *tunnelEnd) OnWritable(*reactor.Conn) {
	if e.other.c != nil {
		e.other.c.Resume()
	}
}

// OnEOF is part of reactor.EOFHandler.
func (e *tunnelEnd) OnEOF(*reactor.Conn) {
	if e.other.c != nil {
		e.other.c.CloseWrite()
	}
}

// OnClose is part of reactor.Handler.
func (e *tunnelEnd) OnClose(_ *reactor.Conn, err error) {
	e.t.over()
	if to := e.other.c; to != nil {
		if err != nil {
			to.Abort(err)
		} else {
			to.Close()
		}
	}
}
