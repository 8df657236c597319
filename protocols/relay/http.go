package relay

import (
	"bytes"
	"errors"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	hwire "github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/protocols/relay/link"
	"github.com/calandria-go/calandria/protocols/relay/wire"
	"github.com/calandria-go/calandria/reactor"
)

// HTTP is the handler of the relay's public HTTP: a request goes to the HTTP service whose name is the first label of the host, or, with
// PathPrefix, to the one named by the first segment of the path, which is taken off. Bodies are streamed in both directions,
// with back-pressure; upgrades, such as WebSocket's, become byte streams behind the 101. X-Forwarded-For, -Proto, -Host and
// -Prefix say what the service does not see; the client's own are dropped, unless TrustForwarded is set.
//
// A request that finds no service is answered 404, one whose service has no agent 503, one whose agent or target fails before it
// answers 502 or 504. One without a body and with an idempotent method is tried again first, on another connection.
func (s *Server) HTTP() http1.Handler {
	s.init()
	return http1.HandlerFunc(s.serveHTTP)
}

func (s *Server) serveHTTP(x *http1.Exchange) {
	v, prefix := s.route(x)
	if v == nil {
		plain(x, 404, "no such service")
		return
	}
	r := x.Request()
	if string(r.Method()) == http.MethodConnect {
		plain(x, 405, "CONNECT is not served")
		return
	}
	if prefix != "" && len(x.Path()) == len(prefix) {
		to := prefix + "/"
		if q := r.RawQuery(); len(q) > 0 {
			to += "?" + string(q)
		}
		x.SetHeader("Location", to)
		plain(x, 308, "")
		return
	}
	client := x.ClientAddr()
	if v.Verify != nil {
		auth, _ := r.Get("Authorization")
		if !v.Verify(string(auth)) {
			challenge := v.Challenge
			if challenge == "" {
				challenge = `Basic realm="relay"`
			}
			x.SetHeader("WWW-Authenticate", challenge)
			plain(x, 401, "credentials are needed")
			return
		}
	}
	if !v.Clients.Admit(client) {
		v.refused.Add(1)
		plain(x, 403, "this client may not use the service")
		return
	}
	if !v.admit(client) {
		plain(x, 503, "too many connections")
		return
	}
	p := &proxied{srv: s, svc: v, x: x, client: client}
	if err := p.prepare(r, prefix); err != nil {
		v.leave(client)
		plain(x, 400, "the request cannot be passed on")
		return
	}
	x.OnCancel(func(_ *http1.Exchange, err error) { p.cancelled(err) })
	p.connect()
}

// plain answers with a line of text.
func plain(x *http1.Exchange, status int, text string) {
	x.Respond(status, "text/plain; charset=utf-8", []byte(text+"\n"))
}

// route finds the service of a request, and the prefix of the path that is not the service's.
func (s *Server) route(x *http1.Exchange) (v *service, prefix string) {
	host := x.Request().Host()
	if i := bytes.IndexByte(host, '.'); i > 0 {
		if v := s.lookup(strings.ToLower(string(host[:i]))); v != nil && v.Kind == wire.KindHTTP {
			return v, ""
		}
	}
	path := x.Path()
	if !s.PathPrefix || len(path) < 2 {
		return nil, ""
	}
	name := path[1:]
	if i := bytes.IndexByte(name, '/'); i >= 0 {
		name = name[:i]
	}
	if v := s.lookup(string(name)); v != nil && v.Kind == wire.KindHTTP {
		return v, string(path[:1+len(name)])
	}
	return nil, ""
}

// proxied is one request on its way through the relay: the handler of its Call. All of it is on the client's loop.
type proxied struct {
	srv    *Server
	svc    *service
	x      *http1.Exchange
	client netip.Addr
	q      http1.ClientRequest
	body   bool // the request has one
	again  bool // it may be sent twice

	attempt *attempt
	tried   []*peer
	rounds  int
	call    http1.Call
	up      *upstream
	timer   *reactor.Timer
	headed  bool // the answer has begun
	reading bool // the request's body flows
	over    bool
	last    error // of an attempt before
}

// prepare makes the request that the service gets.
func (p *proxied) prepare(r *hwire.Request, prefix string) error {
	p.q.Method = string(r.Method())
	p.q.Target = string(r.Target())
	if bytes.HasPrefix(r.Target(), []byte("http")) { // the absolute form is for proxies
		p.q.Target = string(r.Path())
		if q := r.RawQuery(); len(q) > 0 {
			p.q.Target += "?" + string(q)
		}
	}
	p.q.Target = strings.TrimPrefix(p.q.Target, prefix)
	p.q.Host = string(r.Host())
	p.q.Length, p.q.NoLength = r.ContentLength(), true
	if r.Chunked() {
		p.q.Length = -1
	}
	p.q.Length = max(p.q.Length, -1)
	if p.body = r.HasBody(); !p.body {
		p.q.Length = 0
	}
	p.q.Trailers = r.AcceptsTrailers()
	if r.Upgrade() && !p.body {
		up, _ := r.Get("Upgrade")
		p.q.Upgrade = string(up)
	}
	switch p.q.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodDelete, http.MethodPut:
		p.again = !p.body && p.q.Upgrade == ""
	}
	var err error
	for i := range r.NumFields() {
		name, value := r.Field(i)
		if hop(name) || listed(r, name) || asciiEqual(name, "Host") || asciiEqual(name, "Expect") || asciiEqual(name, "Content-Length") ||
			!p.srv.TrustForwarded && forwarded0(name) {
			continue
		}
		if p.srv.TrustForwarded && asciiEqual(name, "X-Forwarded-For") {
			continue // it is added to below
		}
		if p.q.Fields, err = hwire.AppendFieldBytes(p.q.Fields, string(name), value); err != nil {
			return err
		}
	}
	return p.forwarded(r, prefix)
}

// forwarded adds what the service does not see.
func (p *proxied) forwarded(r *hwire.Request, prefix string) (err error) {
	add := func(name, value string) {
		if err == nil && value != "" {
			p.q.Fields, err = hwire.AppendField(p.q.Fields, name, value)
		}
	}
	chain := ""
	if p.srv.TrustForwarded {
		r.Values("X-Forwarded-For", func(v []byte) bool {
			chain += string(v) + ", "
			return true
		})
	}
	if p.client.IsValid() {
		add("X-Forwarded-For", chain+p.client.String())
	}
	if _, ok := r.Get("X-Forwarded-Proto"); !ok || !p.srv.TrustForwarded {
		proto := "http"
		if p.x.TLS() != nil {
			proto = "https"
		}
		add("X-Forwarded-Proto", proto)
	}
	if _, ok := r.Get("X-Forwarded-Host"); !ok || !p.srv.TrustForwarded {
		add("X-Forwarded-Host", string(r.Host()))
	}
	if _, ok := r.Get("X-Forwarded-Prefix"); prefix != "" && (!ok || !p.srv.TrustForwarded) {
		add("X-Forwarded-Prefix", prefix)
	}
	return err
}

// hop says whether a field is the connection's alone (RFC 9110 section 7.6.1).
func hop(name []byte) bool {
	switch len(name) {
	case 2:
		return asciiEqual(name, "TE")
	case 7:
		return asciiEqual(name, "Upgrade") || asciiEqual(name, "Trailer")
	case 10:
		return asciiEqual(name, "Connection") || asciiEqual(name, "Keep-Alive")
	case 16:
		return asciiEqual(name, "Proxy-Connection")
	case 17:
		return asciiEqual(name, "Transfer-Encoding")
	}
	return false
}

// tokens is what listed needs of a head.
type tokens interface {
	HasToken(name, token string) bool
}

// listed says whether Connection names the field. Those that frame or route the message are not the client's to take away.
func listed(r tokens, name []byte) bool {
	return r.HasToken("Connection", string(name)) && !asciiEqual(name, "Host") && !asciiEqual(name, "Authorization") &&
		!asciiEqual(name, "Cookie") && !asciiEqual(name, "Content-Type") && !forwarded0(name)
}

func forwarded0(name []byte) bool {
	return asciiEqual(name, "Forwarded") || asciiEqual(name, "X-Forwarded-For") || asciiEqual(name, "X-Forwarded-Host") ||
		asciiEqual(name, "X-Forwarded-Proto") || asciiEqual(name, "X-Forwarded-Prefix") || asciiEqual(name, "X-Real-IP")
}

func asciiEqual(b []byte, s string) bool { return len(b) == len(s) && strings.EqualFold(string(b), s) }

// connect finds a connection to the service: an idle one, or a new stream.
func (p *proxied) connect() {
	p.rounds++
	if p.rounds == 1 {
		if up := p.srv.idle(p.svc, p.x.Conn()); up != nil {
			p.use(up)
			return
		}
	}
	up := &upstream{srv: p.srv, svc: p.svc}
	var addr []byte
	if p.client.IsValid() {
		addr = netip.AddrPortFrom(p.client, p.x.Conn().RemoteAddrPort().Port()).AppendTo(nil)
	}
	p.attempt = &attempt{
		srv: p.srv, svc: p.svc, c: p.x.Conn(), client: p.client, addr: addr, handler: up.of, tried: p.tried,
		done: func(_ *peer, c *reactor.Conn, err error) {
			p.tried = p.attempt.tried
			p.attempt = nil
			if err != nil {
				p.fail(err)
				return
			}
			p.svc.opened.Add(1)
			c.Post(func() { p.use(up) })
		},
	}
	p.attempt.start()
}

// use sends the request on a connection that is open.
func (p *proxied) use(up *upstream) {
	if p.over {
		up.release()
		return
	}
	p.up = up
	if err := up.cc.Send(&p.call, &p.q, nil, p); err != nil {
		p.up = nil
		p.fail(err)
		return
	}
	if p.timer == nil {
		p.timer = p.x.Conn().AfterFunc(responseTimeout, p.timeout)
	}
	if p.body {
		p.reading = true
		p.x.StreamBody(p.onBody)
	}
}

// responseTimeout bounds the wait for an answer's head, from the time at which the request was sent.
const responseTimeout = 2 * time.Minute

func (p *proxied) timeout() {
	if !p.headed && !p.over {
		p.again = false
		p.call.Abort(os.ErrDeadlineExceeded)
	}
}

// onBody passes on the request's body.
func (p *proxied) onBody(x *http1.Exchange, piece []byte, last bool) {
	if p.over {
		return
	}
	p.svc.in.Add(uint64(len(piece)))
	if len(piece) > 0 {
		full, err := p.call.Write(piece)
		if err != nil {
			return // the answer is there, or OnDone tells
		}
		if full {
			x.PauseBody()
		}
	}
	if last {
		p.call.Finish(x.Trailers())
	}
}

// OnWritable is part of http1.CallHandler.
func (p *proxied) OnWritable(*http1.Call) { p.x.ResumeBody() }

// OnInform is part of http1.CallHandler: 100 (Continue) is between us and the service; others, such as 103, are passed on.
func (p *proxied) OnInform(_ *http1.Call, r *hwire.Response) {
	if r.Status() == 100 || p.over {
		return
	}
	var fields []string
	for i := range r.NumFields() {
		if name, value := r.Field(i); !hop(name) {
			fields = append(fields, string(name), string(value))
		}
	}
	p.x.Inform(r.Status(), fields...)
}

// OnHead is part of http1.CallHandler.
func (p *proxied) OnHead(call *http1.Call, r *hwire.Response) {
	if p.over {
		return
	}
	p.headed = true
	p.timer.Stop()
	if r.Status() == 101 {
		p.switched(call, r)
		return
	}
	for i := range r.NumFields() {
		name, value := r.Field(i)
		if hop(name) || listed(r, name) || asciiEqual(name, "Content-Length") {
			continue
		}
		p.x.SetHeader(string(name), string(value))
	}
	kind, length := r.Framing(p.q.Method)
	switch {
	case p.q.Method == http.MethodHead:
		length = -1
		if _, ok := r.Get("Content-Length"); ok {
			length = r.ContentLength()
		}
	case kind == hwire.BodyNone:
		length = 0
	case kind != hwire.BodyFixed:
		length = -1
	}
	p.x.OnWritable(func(*http1.Exchange) { call.Resume() })
	if err := p.x.Start(r.Status(), "", length); err != nil {
		call.Abort(err)
	}
}

// switched joins the two connections behind a 101.
func (p *proxied) switched(call *http1.Call, r *hwire.Response) {
	protocol, _ := r.Get("Upgrade")
	var fields []string
	for i := range r.NumFields() {
		if name, value := r.Field(i); !hop(name) {
			fields = append(fields, string(name), string(value))
		}
	}
	in, out := splice(&spliced{limit: p.svc.limit, count: func(n, m int) {
		p.svc.in.Add(uint64(n))
		p.svc.out.Add(uint64(m))
	}})
	in.closed = func() { p.svc.leave(p.client) }
	if err := p.x.SwitchProtocols(string(protocol), in, fields...); err != nil {
		call.Abort(err)
		return
	}
	p.over = true // what counts it is the connection's end, from here on
	p.up = nil
	call.HandOver(out)
}

// OnPiece is part of http1.CallHandler.
func (p *proxied) OnPiece(call *http1.Call, piece []byte) {
	if p.over {
		return
	}
	p.svc.out.Add(uint64(len(piece)))
	if full, err := p.x.Write(piece); full && err == nil {
		call.Pause()
	}
}

// OnDone is part of http1.CallHandler.
func (p *proxied) OnDone(call *http1.Call, err error) {
	p.up = nil
	if p.over {
		return
	}
	if err != nil {
		if !call.Heard() {
			p.fail(err)
			return
		}
		if p.headed {
			p.end()
			p.x.Abort(err) // what came is not the whole: it must not look so
			return
		}
		p.again = false
		p.fail(err)
		return
	}
	for _, f := range call.Trailers() {
		p.x.SetTrailer(string(f.Name), string(f.Value))
	}
	p.end()
	p.x.Finish()
}

// fail tries again, or answers that the service cannot.
func (p *proxied) fail(err error) {
	if p.over {
		return
	}
	if p.again && !p.headed && p.rounds < p.srv.MaxAttempts && !errors.Is(err, os.ErrDeadlineExceeded) && err != ErrNoService {
		p.call, p.last = http1.Call{}, err
		p.connect()
		return
	}
	if err == ErrNoService && p.last != nil {
		err = p.last // there was one, and that is what became of it
	}
	p.svc.failed.Add(1)
	p.end()
	if p.headed {
		p.x.Abort(err)
		return
	}
	status, text := 502, "the service failed"
	switch code := link.CodeOf(err); {
	case code == wire.CodeNoService:
		status, text = 503, "no agent serves this now"
	case code == wire.CodeLimit || err == link.ErrDraining || err == link.ErrTooManyStreams:
		status, text = 503, "the service has too much to do"
	case errors.Is(err, os.ErrDeadlineExceeded):
		status, text = 504, "the service took too long"
	}
	p.x.CloseAfter()
	plain(p.x, status, text)
}

// end is called once, when the request is over.
func (p *proxied) end() {
	p.over = true
	if p.timer != nil {
		p.timer.Stop()
	}
	p.svc.leave(p.client)
}

// cancelled ends it when the client has gone.
func (p *proxied) cancelled(err error) {
	if p.over {
		return
	}
	p.end()
	if p.attempt != nil {
		p.attempt.cancel()
	}
	if p.up != nil {
		if err == nil {
			err = reactor.ErrAborted
		}
		p.call.Abort(err)
	}
}
