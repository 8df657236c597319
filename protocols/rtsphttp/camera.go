package rtsphttp

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/tls"
)

// dial connects to the camera, and calls opened with the tunnel's connection to it; else it answers x. The viewer waits
// meanwhile, and may go away.
func (s *session) dial(x *http1.Exchange, opened func()) {
	x.OnCancel(func(*http1.Exchange, error) { s.end(ErrViewerGone) })
	d := &dialer{s: s, x: x, opened: opened, until: x.Conn().Clock() + s.g.set.dial}
	host, port, _ := net.SplitHostPort(s.rt.addr)
	n, _ := strconv.ParseUint(port, 10, 16)
	d.port = uint16(n)
	if ip, err := netip.ParseAddr(host); err == nil {
		d.next([]netip.Addr{ip}, nil)
		return
	}
	d.resolve(host)
}

// dialer is one attempt to reach a camera.
type dialer struct {
	s      *session
	x      *http1.Exchange
	opened func()
	port   uint16
	until  time.Duration // by Conn.Clock
}

// resolve finds the camera's addresses, on a worker.
func (d *dialer) resolve(host string) {
	c, limit := d.x.Conn(), d.s.g.set.dial
	var r tcp.Resolver = net.DefaultResolver
	if d.s.g.cfg.Resolver != nil {
		r = d.s.g.cfg.Resolver
	}
	err := d.x.Offload(func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		all, err := r.LookupNetIP(ctx, "ip", host)
		c.Post(func() { d.next(all, err) })
	})
	if err != nil {
		d.fail(err)
	}
}

// next tries the first of the addresses that are left, for its share of the time; err is what came of the one before.
func (d *dialer) next(all []netip.Addr, err error) {
	left := d.until - d.s.vc.Clock()
	switch {
	case d.s.state != dialing:
		return
	case len(all) == 0:
		d.fail(err)
		return
	case left <= 0:
		d.fail(os.ErrDeadlineExceeded)
		return
	}
	left /= time.Duration(len(all)) // so that one that is silent leaves time for the others
	var h reactor.Handler = (*cameraSide)(d)
	retry := func(err error) {
		d.s.vc.Post(func() { d.next(all[1:], err) })
	}
	if d.s.rt.secure {
		cl := tls.Client{Config: d.s.rt.TLS, HandshakeTimeout: left}
		h = cl.Handler(h, func(_ *reactor.Conn, err error) {
			if err != nil {
				retry(err)
			}
		})
	}
	to := tcp.Dialer{Near: d.s.vc, Timeout: left}
	addr := net.TCPAddrFromAddrPort(netip.AddrPortFrom(all[0].Unmap(), d.port))
	d.s.vc.Reactor().DialFunc(addr, to.Options(), h, func(c *reactor.Conn, err error) {
		switch {
		case err != nil:
			retry(err)
		case d.s.state != dialing:
			c.Abort(ErrViewerGone)
		default:
			d.s.camera = c // a handshake may follow, which ends with the viewer
		}
	})
}

// fail answers for a camera that cannot be reached.
func (d *dialer) fail(err error) {
	s := d.s
	if s.state != dialing {
		return
	}
	status, reason, text := http.StatusBadGateway, "camera_refused", "camera cannot be reached"
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		status, reason, text = http.StatusGatewayTimeout, "camera_timeout", "camera does not answer"
	}
	s.g.log.Debug("rtsphttp: "+text, "camera", s.rt.name(), "err", err)
	s.end(ErrCameraGone)
	s.g.refuse(d.x, status, reason, text)
}

// cameraSide is the handler of a camera's connection.
type cameraSide dialer

// OnOpen is part of reactor.Handler.
func (h *cameraSide) OnOpen(c *reactor.Conn) {
	s := h.s
	if s.state != dialing {
		c.Abort(ErrViewerGone)
		return
	}
	s.camera = c
	opened := h.opened
	h.x, h.opened = nil, nil
	opened()
}

// OnData is part of reactor.Handler.
func (h *cameraSide) OnData(_ *reactor.Conn, in []byte) int { return h.s.fromCamera(in) }

// OnWritable is part of reactor.WritableHandler.
func (h *cameraSide) OnWritable(*reactor.Conn) {
	s := h.s
	if !s.full {
		return
	}
	s.full = false
	if s.post != nil {
		s.post.resume()
	} else if r, ok := s.out.(*socketSide); ok {
		r.c.Resume()
	}
}

// OnEOF is part of reactor.EOFHandler: a camera that sends no more is of no use.
func (h *cameraSide) OnEOF(*reactor.Conn) { h.s.end(ErrCameraGone) }

// OnClose is part of reactor.Handler.
func (h *cameraSide) OnClose(_ *reactor.Conn, err error) {
	if err == nil {
		err = ErrCameraGone
	}
	h.s.end(err)
}
