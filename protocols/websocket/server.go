package websocket

import (
	"errors"
	"net/url"
	"strings"
	"sync"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
)

// Server upgrades requests to WebSockets. The zero value is good. Its fields are read at the first Upgrade and must not change
// afterwards.
type Server struct {
	Config
	// Protocols are the sub-protocols that are spoken; the first that the client asks for and that is among them is chosen. A
	// client that asks for others only gets none (RFC 6455 4.2.2).
	Protocols []string
	// Origins are the hosts, such as "example.org" or "example.org:8080", whose pages may connect beside the server's own; "*" allows
	// all. A request without Origin is no browser's, and is allowed (RFC 6455 10.2).
	Origins []string
	// CheckOrigin decides about an Origin in place of that; nil for none. It runs where Upgrade does.
	CheckOrigin func(origin, host string) bool
	// KeepRequest keeps the request's head for Conn.Request, at the cost of its memory for the life of the connection.
	KeepRequest bool
	// Reactor has the loops that UpgradeHTTP moves connections to; nil: one of the process's own, with the default limits.
	Reactor *reactor.Reactor

	once  sync.Once
	set   *settings
	count counters
}

// Request is the head of a handshake that was kept.
type Request struct {
	// Path and RawQuery are of the target, as they were sent.
	Path, RawQuery string
	// Host and Origin are those fields.
	Host, Origin string
	// Fields are all header fields, in their order.
	Fields []Field
}

// Field is a header field.
type Field struct {
	// Name is as it was sent, Value without the white space around it.
	Name, Value string
}

// Get is the value of the first field of that name; empty for none.
func (r *Request) Get(name string) string {
	for _, f := range r.Fields {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

func (s *Server) settings() *settings {
	s.once.Do(func() { s.set = s.Config.settings(&s.count) })
	return s.set
}

// Stats gives the counters. Any goroutine.
func (s *Server) Stats() Stats {
	st := s.count.stats()
	if d := s.settings().deflate; d != nil {
		st.Contexts = d.used.Load()
	}
	return st
}

// Queues gives the send queues of the open connections. Any goroutine.
func (s *Server) Queues() Queues { return s.count.queues() }

// Upgrade answers a handshake with 101 and gives the connection to h, in place: h.OnOpen has been called when it returns, and frames
// that came with the request follow. A nil h is for Conn.Read. Fields that were set with x.SetHeader are part of the answer.
//
// Whoever may connect is decided before: by middleware, or in the handler, which may also take its time with x.Offload and
// upgrade in x.Post. A handshake that does not stand is answered here, with the status that RFC 6455 asks for, and the error
// is a *wire.Refusal or ErrOrigin. Loop only.
func (s *Server) Upgrade(x *http1.Exchange, h Handler) (*Conn, error) {
	r := x.Request()
	req, err := wire.CheckRequest(string(r.Method()), 1, r.Minor(), r)
	if err == nil && !s.allowed(req.Origin, string(r.Host())) {
		err = ErrOrigin
	}
	if err != nil {
		s.settings()
		s.count.refuse(err)
		refuse(x, err)
		return nil, err
	}
	c, fields := s.accept(&req, h)
	if s.KeepRequest {
		c.more().request = keepRequest(r, string(r.Path()), string(r.RawQuery()), string(r.Host()), req.Origin)
	}
	c.rc = x.Conn()
	err = x.SwitchProtocols("websocket", (*link)(c), fields...)
	if err == nil && c.state.Load() == stateOpening {
		err = ErrClosed // the connection is closing already
	}
	if err != nil {
		c.end()
		s.count.refuse(err)
		return nil, err
	}
	return c, nil
}

// accept makes the connection for a request that stands, and the fields of the answer.
func (s *Server) accept(req *wire.Request, h Handler) (*Conn, []string) {
	set := s.settings()
	fields := append(make([]string, 0, 6), "Sec-WebSocket-Accept", wire.Accept(req.Key))
	protocol := wire.ChooseProtocol(req.Protocols, s.Protocols)
	if protocol != "" {
		fields = append(fields, "Sec-WebSocket-Protocol", protocol)
	}
	pack, extension := set.deflate.accept(req.Extensions)
	if pack != nil {
		fields = append(fields, "Sec-WebSocket-Extensions", extension)
	}
	return newConn(set, wire.Server, h, pack, protocol), fields
}

// end gives back what a connection holds for compression.
func (c *Conn) end() {
	if z := c.pack(); z != nil {
		z.end()
	}
}

// allowed applies the origin's rules (RFC 6455 4.2.2, 10.2).
func (s *Server) allowed(origin, host string) bool {
	if origin == "" {
		return true
	}
	if s.CheckOrigin != nil {
		return s.CheckOrigin(origin, host)
	}
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	if u.Host != "" && strings.EqualFold(u.Host, host) {
		return true
	}
	for _, o := range s.Origins {
		if o == "*" || u.Host != "" && strings.EqualFold(o, u.Host) {
			return true
		}
	}
	return false
}

func keepRequest(f wire.Fields, path, query, host, origin string) *Request {
	r := &Request{Path: path, RawQuery: query, Host: host, Origin: origin}
	for i := range f.NumFields() {
		name, value := f.Field(i)
		r.Fields = append(r.Fields, Field{string(name), string(value)})
	}
	return r
}

// refusalOf gives the status and the text for a handshake that does not stand, and the fields that go with it.
func refusalOf(err error) (status int, text string, fields []string) {
	var r *wire.Refusal
	if !errors.As(err, &r) {
		return 403, "origin not allowed", nil
	}
	switch r.Status {
	case 405:
		fields = []string{"Allow", "GET"}
	case 426:
		fields = []string{"Sec-WebSocket-Version", wire.Version}
	}
	return r.Status, r.Msg, fields
}

// refuse answers a handshake that does not stand.
func refuse(x *http1.Exchange, err error) {
	status, text, fields := refusalOf(err)
	for i := 0; i < len(fields); i += 2 {
		x.SetHeader(fields[i], fields[i+1])
	}
	if status == 426 {
		x.OfferUpgrade("websocket")
	}
	x.Respond(status, "text/plain; charset=utf-8", []byte(text+"\n"))
}
