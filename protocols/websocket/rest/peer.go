package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
)

// Peer is one end of a connection: a websocket.Handler for it, an http.RoundTripper for its requests, which go to the other end
// whatever the host of their URL. It is for one connection. RoundTrip, Client, Notify, Shutdown and Conn are safe from any goroutine.
type Peer struct {
	cfg  Config
	ctx  context.Context // ends with the connection
	cut  context.CancelCauseFunc
	done chan struct{} // closed when the connection has ended
	turn chan struct{} // synopsejson: one call at a time

	mu       sync.Mutex
	c        *websocket.Conn // nil before OnOpen
	synopse  bool
	ended    bool
	err      error
	next     uint64
	ours     map[uint64]*call
	theirs   map[uint64]*served
	draining bool // no new requests, theirs or ours
	away     bool // the other end wants none

	waiting *waiter   // synopsejson: the call that the next answer is for
	queue   []synopse // synopsejson: requests that wait for their turn
	running bool      // synopsejson: one of them is being handled
}

// New makes a peer, to be the handler of a connection whose handshake offers Protocol, Synopse, or both.
func New(cfg Config) *Peer {
	p := &Peer{
		cfg: cfg.withDefaults(), done: make(chan struct{}), turn: make(chan struct{}, 1),
		ours: map[uint64]*call{}, theirs: map[uint64]*served{},
	}
	p.ctx, p.cut = context.WithCancelCause(context.Background())
	p.turn <- struct{}{}
	return p
}

// Conn is the connection; nil before it has opened.
func (p *Peer) Conn() *websocket.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.c
}

// Client is an http.Client whose requests go to the other end. It follows no redirects to other hosts: there are none.
func (p *Peer) Client() *http.Client { return &http.Client{Transport: p} }

// Done is closed when the connection has ended.
func (p *Peer) Done() <-chan struct{} { return p.done }

// OnOpen is part of websocket.Handler.
func (p *Peer) OnOpen(c *websocket.Conn) {
	p.mu.Lock()
	p.c = c
	p.synopse = c.Subprotocol() == Synopse
	p.mu.Unlock()
	if c.Subprotocol() != Protocol && c.Subprotocol() != Synopse {
		c.Close(wire.ProtocolError, ErrSubprotocol.Error())
		return
	}
	if p.cfg.OnOpen != nil {
		p.cfg.OnOpen(p)
	}
}

// OnMessage is part of websocket.Handler.
func (p *Peer) OnMessage(c *websocket.Conn, op websocket.Opcode, b []byte) {
	var err error
	switch {
	case p.synopse && op == websocket.Text:
		err = p.onSynopse(b)
	case p.synopse || op != websocket.Binary:
		err = violation("wrong kind of WebSocket message")
	default:
		err = p.onFrame(b)
	}
	var v violation
	switch {
	case errors.As(err, &v):
		c.Close(wire.ProtocolError, v.Error())
	case err != nil:
		c.Close(websocket.PolicyViolation, err.Error())
	}
}

// OnClose is part of websocket.Handler.
func (p *Peer) OnClose(c *websocket.Conn, err error) {
	p.mu.Lock()
	if c.Subprotocol() != Protocol && c.Subprotocol() != Synopse {
		err = ErrSubprotocol
	}
	p.ended, p.err = true, err
	ours, theirs := p.ours, p.theirs
	p.ours, p.theirs, p.queue = nil, nil, nil
	close(p.done)
	p.mu.Unlock()
	gone := p.gone()
	p.cut(gone)
	for _, q := range ours {
		q.fail(gone)
	}
	for _, s := range theirs {
		s.stop(gone)
	}
	if p.cfg.OnClose != nil {
		p.cfg.OnClose(p, err)
	}
}

// gone is why there is no connection.
func (p *Peer) gone() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		return ErrClosed
	}
	return fmt.Errorf("%w: %w", ErrClosed, p.err)
}

// OnDrain is part of websocket.DrainHandler: requests in progress are finished, new ones are not taken, and then the connection
// is closed with 1001.
func (p *Peer) OnDrain(*websocket.Conn) { p.drain() }

func (p *Peer) drain() {
	p.mu.Lock()
	first := !p.draining && p.c != nil && !p.ended
	p.draining = true
	tell := first && !p.synopse
	p.mu.Unlock()
	if tell {
		p.control(&frame{kind: kindGoAway})
	}
	p.closeIfIdle()
}

// closeIfIdle ends a connection that drains and has nothing in progress.
func (p *Peer) closeIfIdle() {
	p.mu.Lock()
	idle := p.draining && !p.ended && p.c != nil && len(p.ours) == 0 && len(p.theirs) == 0 && !p.running && len(p.queue) == 0 && p.waiting == nil
	c := p.c
	p.mu.Unlock()
	if idle {
		c.Close(websocket.GoingAway, "")
	}
}

// Shutdown takes no new requests, has those in progress finished, and closes the connection. When ctx ends first the connection is
// aborted.
func (p *Peer) Shutdown(ctx context.Context) error {
	if p.Conn() == nil {
		return nil
	}
	p.drain()
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		p.Conn().Abort(context.Cause(ctx))
		return context.Cause(ctx)
	}
}

// control sends a small message, past what bodies wait for.
func (p *Peer) control(f *frame) error {
	return p.c.Send(websocket.Binary, f.append(make([]byte, 0, 32+len(f.data))))
}

// onFrame takes a message of our own sub-protocol.
func (p *Peer) onFrame(b []byte) error {
	f, err := parseFrame(b, &p.cfg)
	if err != nil {
		return err
	}
	switch f.kind {
	case kindRequest:
		return p.onRequest(&f)
	case kindGoAway:
		p.mu.Lock()
		p.away = true
		p.mu.Unlock()
		return nil
	}
	p.mu.Lock()
	q, s := p.ours[f.id], p.theirs[f.id]
	p.mu.Unlock()
	if f.flags&flagAnswer != 0 {
		if q == nil {
			return nil // it has ended: this was on the way
		}
		return q.on(&f)
	}
	if s == nil {
		return nil
	}
	return s.on(&f)
}
