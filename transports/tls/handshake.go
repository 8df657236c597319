package tls

import (
	"context"
	ctls "crypto/tls"
	"net/netip"

	"github.com/calandria-go/calandria/reactor"
)

// handshake is one connection's, from its first byte to the handler that it is for.
type handshake struct {
	c      *reactor.Conn
	server *settings     // nil on a client
	client *clientDial   // nil on a server
	timer  reactor.Timer // bounds it all
	scan   scan
	state  stage
	layer  *Layer
	stream *reactor.Stream
	ip     netip.Addr // that the gate counts
	err    error      // why it failed, when it did
	cancel context.CancelFunc
}

type stage uint8

const (
	stageHello  stage = iota // the loop collects the ClientHello
	stageWorker              // a worker is at it
	stageFailed              // an alert is on its way
	stageDone
)

// start sets crypto/tls to work over a Stream, on a worker. Loop only.
func (h *handshake) start(ctx context.Context, mk func(*wire) *ctls.Conn) {
	s := reactor.NewStream()
	s.SkipLoopCheck() // it is a worker's
	l := &Layer{conn: h.c, below: h.c.Layer(), stream: s}
	if h.server != nil {
		l.piece = pieceFor(h.scan.want)
	}
	l.tls = mk((*wire)(l))
	h.layer, h.stream, h.state = l, s, stageWorker
	ctx, h.cancel = context.WithCancel(ctx)
	h.c.Upgrade(&shaking{s, h})
	if err := h.c.Offload(func() { h.work(ctx) }); err != nil {
		h.leaveGate()
		h.fail(err)
	}
}

// work runs on a worker. A panic in a callback of the user's is contained by Offload, and closes the connection.
func (h *handshake) work(ctx context.Context) {
	err := h.shake(ctx)
	if err == nil {
		h.stream.Upgrade(&finished{h})
		return
	}
	err = handshakeError(err)
	h.c.Post(func() { h.fail(err) })
}

// shake gives its place back before anybody hears how it went, and after a panic too.
func (h *handshake) shake(ctx context.Context) error {
	defer h.leaveGate()
	return h.layer.tls.HandshakeContext(ctx)
}

func (h *handshake) leaveGate() {
	if h.server != nil {
		h.server.gate.leave(h.ip)
	}
}

// fail closes so that the peer reads the alert, as long as the timer allows. Loop only.
func (h *handshake) fail(err error) {
	if h.state == stageFailed {
		return
	}
	h.count(err)
	h.state, h.err = stageFailed, err
	h.c.CloseLinger(alertLinger, alertBytes, err)
	h.tell(err)
}

// expired is the timer's.
func (h *handshake) expired() {
	if h.state == stageFailed { // the peer does not even read the alert
		h.c.Abort(h.err)
		return
	}
	err := ErrHandshakeTimeout
	if h.state == stageHello && h.c.Reactor().Draining() {
		err = reactor.ErrShutdown
	}
	h.count(err)
	h.state, h.err = stageFailed, err
	if h.c.Unsent() > 0 {
		h.c.Abort(err)
	} else {
		h.c.CloseWith(err)
	}
	h.tell(err)
}

// ended is OnClose of any stage but the last.
func (h *handshake) ended(err error) {
	if h.cancel != nil {
		h.cancel()
	}
	if h.state == stageWorker {
		h.count(err)
	}
	if h.err != nil {
		err = h.err
	}
	h.tell(err)
}

// count is for a server's counters.
func (h *handshake) count(err error) {
	switch {
	case h.server == nil:
	case err == ErrHandshakeLimit, err == ErrHandshakeLimitPerIP, err == reactor.ErrOverload:
		h.server.refused.Add(1)
	default:
		h.server.failed.Add(1)
	}
}

// tell gives whoever dials the reason that there is no connection.
func (h *handshake) tell(err error) {
	if h.client != nil {
		h.client.tell(nil, err)
	}
}

// shaking is the handler while a worker is at it: the Stream that the worker reads from.
type shaking struct {
	*reactor.Stream
	h *handshake
}

// OnClose is part of reactor.Handler.
func (s *shaking) OnClose(c *reactor.Conn, err error) {
	s.Stream.OnClose(c, err)
	s.h.ended(err)
}

// finished is the handler for the moment in which the connection passes from the worker to the loop.
type finished struct{ h *handshake }

// OnOpen is part of reactor.Handler: it installs the Layer and the handler above it. Nothing here stays behind but the Layer.
func (f *finished) OnOpen(c *reactor.Conn) {
	h := f.h
	h.timer.Stop()
	h.cancel()
	h.state = stageDone
	h.layer.stream = nil
	c.SetLayer(h.layer)
	if h.server != nil {
		h.server.opened(c, h.layer)
		return
	}
	h.client.opened(c)
}

// OnData is part of reactor.Handler; there is none before the next handler.
func (f *finished) OnData(*reactor.Conn, []byte) int { return 0 }

// OnClose is part of reactor.Handler: making the next handler failed.
func (f *finished) OnClose(_ *reactor.Conn, err error) { f.h.tell(err) }
