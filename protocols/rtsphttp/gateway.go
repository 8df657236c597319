package rtsphttp

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/auth"
	"github.com/calandria-go/calandria/protocols/rtsphttp/internal/pairing"
	"github.com/calandria-go/calandria/protocols/websocket"
)

const (
	textPlain   = "text/plain; charset=utf-8"
	contentType = "application/x-rtsp-tunnelled"
	// SubProtocol is RTSP's over a WebSocket (ONVIF Streaming Specification section 5.1.1.4).
	SubProtocol = "rtsp.onvif.org"
)

// Gateway is an http1.Handler for the tunnels of its routes. An http1.Server that it serves under must allow bodies of any declared
// length, by a negative MaxBodyBytes: a POST's Content-Length is fiction. Handle is for the loops; the other methods are safe from any
// goroutine.
type Gateway struct {
	cfg     Config
	set     settings
	log     *slog.Logger
	routes  atomic.Pointer[[]*route]
	table   *pairing.Table[*session, *post]
	sockets websocket.Server
	count   counters

	mu   sync.Mutex
	open map[*session]struct{}
}

// New makes a Gateway. The error is about a route.
func New(c Config) (*Gateway, error) {
	g := &Gateway{cfg: c, set: c.settings(), log: c.Logger, open: map[*session]struct{}{}}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	g.table = pairing.New[*session, *post](g.set.pairing)
	g.sockets = websocket.Server{
		Config:    websocket.Config{MaxQueue: -1}, // the tunnel has its own
		Protocols: []string{SubProtocol}, Origins: c.Origins,
	}
	if err := g.SetRoutes(c.Routes); err != nil {
		return nil, err
	}
	return g, nil
}

// Handle is part of http1.Handler.
func (g *Gateway) Handle(x *http1.Exchange) {
	if r := g.find(x); r != nil {
		r.handler.Handle(x)
		return
	}
	g.refuse(x, http.StatusNotFound, "no_route", "no such route")
}

// serve handles a request whose user, if there has to be one, is known.
func (g *Gateway) serve(x *http1.Exchange, r *route) {
	if a := x.ClientAddr().Unmap(); r.Deny != nil && r.Deny.Contains(a) || r.Allow != nil && !r.Allow.Contains(a) {
		g.refuse(x, http.StatusForbidden, "address", "address is not allowed")
		return
	}
	cookie, ok := x.Request().Get("x-sessioncookie")
	switch string(x.Method()) {
	case http.MethodGet:
		switch {
		case ok:
			g.openGet(x, r, string(cookie))
		case x.Request().Upgrade():
			g.openSocket(x, r)
		default:
			g.refuse(x, http.StatusBadRequest, "no_cookie", "not a tunnel: no x-sessioncookie, and no WebSocket")
		}
	case http.MethodPost:
		switch {
		case !ok:
			g.refuse(x, http.StatusBadRequest, "no_cookie", "not a tunnel: no x-sessioncookie")
		case !tunnelled(x):
			g.refuse(x, http.StatusUnsupportedMediaType, "content_type", "Content-Type is not "+contentType)
		default:
			g.openPost(x, string(cookie))
		}
	default:
		x.SetHeader("Allow", "GET, POST")
		g.refuse(x, http.StatusMethodNotAllowed, "method", "method not allowed")
	}
}

// tunnelled reports whether a POST's Content-Type is RTSP's, with parameters or not; one without is taken.
func tunnelled(x *http1.Exchange) bool {
	v, ok := x.Request().Get("Content-Type")
	v, _, _ = bytes.Cut(v, []byte(";"))
	return !ok || strings.EqualFold(string(bytes.TrimSpace(v)), contentType)
}

// full reports whether there are as many tunnels as may be, of both kinds.
func (g *Gateway) full() bool {
	_, sessions := g.table.Counts()
	return sessions+int(g.count.sockets.Load()) >= g.set.pairing.Sessions
}

// half is who brings a half.
func (g *Gateway) half(x *http1.Exchange, cookie string) pairing.Half {
	ip := x.ClientAddr().Unmap()
	bits := g.cfg.IPv4Bits
	if !ip.Is4() {
		bits = g.cfg.IPv6Bits
	}
	switch {
	case bits == 0 || bits > ip.BitLen():
		bits = ip.BitLen()
	case bits < 0:
		bits = 0
	}
	from, _ := ip.WithZone("").Prefix(bits)
	if bits == 0 {
		from = netip.Prefix{} // of either family
	}
	return pairing.Half{Cookie: cookie, From: from, User: userOf(x), IP: ip, Conn: x.Conn().ID()}
}

// userOf is who has authenticated; empty for nobody.
func userOf(x *http1.Exchange) string {
	if u := auth.UserOf(x); u != nil {
		return u.Name
	}
	return ""
}

// refuse answers a request that becomes no tunnel, and closes: a body of a POST's length never comes.
func (g *Gateway) refuse(x *http1.Exchange, status int, reason, text string) {
	g.count.refuse(reason)
	if status == http.StatusServiceUnavailable {
		x.SetHeader("Retry-After", "5")
	}
	x.SetHeader("Cache-Control", "no-store")
	x.CloseAfter()
	x.Respond(status, textPlain, []byte(text+"\n"))
}

// refuseHalf is refuse for what the pairing said.
func (g *Gateway) refuseHalf(x *http1.Exchange, err error) {
	status, reason := refusal(err)
	g.refuse(x, status, reason, strings.TrimPrefix(err.Error(), "rtsphttp: "))
}

// add counts a tunnel that is open.
func (g *Gateway) add(s *session) {
	g.mu.Lock()
	g.open[s] = struct{}{}
	g.mu.Unlock()
	g.count.opened.Add(1)
	g.log.Debug("rtsphttp: tunnel opened", "id", s.vc.ID(), "viewer", s.viewer, "user", s.user, "camera", s.rt.name(), "by", s.kind)
}

// drop counts a tunnel that has ended.
func (g *Gateway) drop(s *session, reason string) {
	g.mu.Lock()
	delete(g.open, s)
	g.mu.Unlock()
	g.count.end(reason, s.up.Load(), s.down.Load())
	g.log.Debug("rtsphttp: tunnel ended", "id", s.vc.ID(), "viewer", s.viewer, "reason", reason, "up", s.up.Load(), "down", s.down.Load())
}
