package rtsphttp

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/rtsphttp/internal/pairing"
	"github.com/calandria-go/calandria/protocols/rtsphttp/wire"
	"github.com/calandria-go/calandria/reactor"
)

type state uint8

const (
	dialing state = iota // the camera; the viewer has no answer yet
	live
	ended
)

// viewer is where a camera's bytes go: the connection of a GET, or a WebSocket.
type viewer interface {
	send(p []byte) error
	finish(err error) // closes behind what is queued
}

// session is one tunnel. All of it belongs to the loop of the viewer's connection, which is the camera's, too; what is not says so.
type session struct {
	g      *Gateway
	rt     *route
	vc     *reactor.Conn // the viewer's; any goroutine
	out    viewer
	camera *reactor.Conn
	tunnel *pairing.Tunnel[*session, *post] // nil for a WebSocket
	post   *post                            // that is attached

	kind, viewer, user string // any goroutine
	began              time.Time
	up, down           atomic.Uint64 // bytes, from and to the viewer; any goroutine

	state    state
	full     bool // the camera does not take what the viewer sends
	paused   bool // the camera is
	opaque   bool // the camera speaks no RTSP: its bytes pass as they are
	teardown bool // one was sent on
	channels uint8
	fromCam  wire.Framer
	fromView wire.Framer
	held     []byte // of the viewer's: a message that is not complete
	inject   []byte // of ours, for when the camera's frame is complete
	base     []byte // scheme and authority of the viewer's URLs
	auth     *login // nil: the camera's credentials are not ours

	timer                             reactor.Timer
	armed                             time.Duration // when it fires, by Conn.Elapsed; 0: not running
	pairBy, lingerBy, replyBy, idleAt time.Duration // 0: never
}

func (g *Gateway) newSession(x *http1.Exchange, r *route, kind string) *session {
	s := &session{
		g: g, rt: r, vc: x.Conn(), kind: kind, viewer: x.ClientAddr().String(), user: userOf(x), began: x.Now(),
		fromCam: g.set.framer, fromView: g.set.framer,
	}
	s.fromCam.Bodies, s.fromCam.Known = !r.rewrites, !r.rewrites
	if r.User != "" {
		s.auth = &login{credentials: credentials{user: r.User, password: r.Password}}
	}
	return s
}

// run has f run on the tunnel's loop, unless its connection has closed. Any goroutine.
func (s *session) run(f func()) { s.vc.Post(f) }

// opened says that the viewer has its answer.
func (s *session) opened(h reactor.Handler) {
	if s.vc.Handler() != h && s.kind == "http" { // its connection is closing already
		s.end(ErrViewerGone)
		return
	}
	if s.state != dialing {
		return
	}
	s.state = live
	s.g.add(s)
	s.vc.InitTimer(&s.timer, s.expired)
	s.touch()
	s.arm()
	switch {
	case s.post != nil:
		s.attach(s.post)
	case s.tunnel != nil && s.pairBy == 0: // it came and went
		s.waitForPost()
	}
}

// attach makes p the tunnel's POST.
func (s *session) attach(p *post) {
	switch s.state {
	case ended:
		p.dismiss(ErrViewerGone)
		return
	case dialing:
		s.post = p
		return
	}
	s.post, s.pairBy, s.lingerBy = p, 0, 0
	p.c.Post(func() { p.start(s) })
}

// postGone says that a POST has ended, and perhaps which one is in its place.
func (s *session) postGone(p, next *post, promoted bool) {
	if s.state == ended || s.post != p && s.post != nil {
		return
	}
	s.post = nil
	if promoted {
		s.attach(next)
		return
	}
	if s.state == live {
		s.waitForPost()
	}
}

// waitForPost sets how long the tunnel goes on without a POST.
func (s *session) waitForPost() {
	wait := s.g.set.linger
	if s.teardown {
		wait = min(wait, afterTeardown)
	}
	s.lingerBy = s.vc.Elapsed() + wait
	s.arm()
}

// touch notes that the tunnel is not idle.
func (s *session) touch() { s.idleAt = s.vc.Elapsed() + s.g.set.idle }

// arm sets the timer, if it has to fire earlier than it does.
func (s *session) arm() {
	next := s.idleAt
	for _, at := range []time.Duration{s.pairBy, s.lingerBy, s.replyBy} {
		if at != 0 && at < next {
			next = at
		}
	}
	if s.armed == 0 || next < s.armed {
		s.armed = next
		s.timer.Reset(max(next-s.vc.Elapsed(), 0))
	}
}

// expired looks at what the timer was for.
func (s *session) expired() {
	if s.state != live {
		return
	}
	s.armed = 0
	now := s.vc.Clock()
	due := func(at time.Duration) bool { return at != 0 && now >= at }
	switch {
	case due(s.pairBy) && s.g.table.Expire(s.tunnel):
		s.end(ErrPairTimeout)
	case due(s.replyBy):
		s.answer(504, "Gateway Time-out", nil, "")
		s.end(ErrNoReply)
	case due(s.lingerBy) && s.post == nil:
		s.end(ErrPostTimeout)
	case due(s.idleAt):
		s.end(ErrIdle)
	default:
		if due(s.pairBy) { // a POST is on its way here
			s.pairBy = 0
		}
		s.arm()
	}
}

// writable says that the viewer takes more.
func (s *session) writable() {
	if s.paused {
		s.paused = false
		s.camera.Resume()
	}
}

// garbled ends the tunnel for what a POST brought: where it would go on is not known.
func (s *session) garbled(err error) {
	if s.state == live {
		s.answer(400, "Bad Request", nil, "")
		s.end(err)
	}
}

// viewerClosed says that the viewer's connection has closed, for err.
func (s *session) viewerClosed(err error) {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		err = ErrViewerGone
	}
	s.end(err)
}

// end ends the tunnel, once: what is queued for the viewer and for the camera goes out first, unless the viewer is too slow.
func (s *session) end(err error) {
	if s.state == ended {
		return
	}
	was := s.state
	s.state = ended
	s.timer.Stop()
	s.held, s.inject, s.auth = nil, nil, nil
	if s.tunnel != nil {
		for _, p := range s.g.table.End(s.tunnel, was == dialing) {
			p.dismiss(err)
		}
	} else {
		s.g.count.sockets.Add(-1)
	}
	if s.camera != nil {
		s.camera.CloseWith(err)
	}
	if was != live {
		return
	}
	if errors.Is(err, ErrSlowViewer) {
		s.vc.Abort(err)
	} else {
		s.out.finish(err)
	}
	s.g.drop(s, reactor.ReasonOf(err))
}
