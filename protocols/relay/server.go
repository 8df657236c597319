package relay

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/relay/access"
	"github.com/calandria-go/calandria/protocols/relay/link"
	"github.com/calandria-go/calandria/protocols/relay/wire"
	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports"
	"github.com/calandria-go/calandria/transports/tls"
)

// Server is the public relay: agents and clients link to it through Links, services are reached at the addresses of Listen and
// through HTTP. Nothing is served that was not configured: who may come is in Rules, which services there are in AddService, or, with
// Dynamic, in what the rules let an agent offer.
//
// The exported fields must be set before the first use. Methods are safe from any goroutine.
type Server struct {
	// Reactor has the loops. It must be set.
	Reactor *reactor.Reactor
	// Rules say which agents and clients may come. The zero value lets nobody in.
	Rules access.Rules
	// Dynamic serves what an agent offers, if its grant allows that, without an AddService before, with the limits of Default.
	Dynamic bool
	// Default has the limits of such services.
	Default Service
	// Link bounds the sessions. Its Resume keeps streams of broken links; 0: it does not.
	Link link.Config
	// MaxLinks bounds the links: 4,096.
	MaxLinks int
	// OpenTimeout bounds how long an agent may take to reach its target: 10 s.
	OpenTimeout time.Duration
	// MaxAttempts bounds the agents that are tried for one stream: 3.
	MaxAttempts int
	// PathPrefix says that HTTP services are also at the path /NAME/ of every host that is not a service's own.
	PathPrefix bool
	// TrustForwarded keeps the X-Forwarded fields that a request brings, for a relay behind a proxy of one's own.
	TrustForwarded bool
	// Logger gets a line for each link that comes and goes; nil: none.
	Logger *slog.Logger

	mu        sync.Mutex
	services  map[string]*service
	ids       map[string]*peer // by role, grant and id
	sessions  map[wire.Token]*peer
	listeners map[string]*listening // by target, as it was asked for

	upgrader websocket.Server
	once     sync.Once
	count    struct{ refused, resumed, replaced, linked atomic.Uint64 }
}

type listening struct {
	ln   *reactor.Listener
	svc  *service
	addr net.Addr
}

// ErrNoService: there is no service of that name, or no agent offers it now.
var ErrNoService error = &link.StreamError{Code: wire.CodeNoService}

func (s *Server) init() {
	s.once.Do(func() {
		s.upgrader.Config = linkConfig()
		s.upgrader.Protocols = []string{Subprotocol}
		s.services, s.ids = map[string]*service{}, map[string]*peer{}
		s.sessions, s.listeners = map[wire.Token]*peer{}, map[string]*listening{}
		if s.MaxLinks == 0 {
			s.MaxLinks = 4096
		}
		if s.OpenTimeout <= 0 {
			s.OpenTimeout = 10 * time.Second
		}
		if s.MaxAttempts <= 0 {
			s.MaxAttempts = 3
		}
	})
}

func (s *Server) log() *slog.Logger {
	if s.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Logger
}

// Check says what is wrong with the configuration, and reads the keys in it. It must be called once, before Links is served.
func (s *Server) Check() error {
	s.init()
	if s.Reactor == nil {
		return fmt.Errorf("relay: Server without a Reactor")
	}
	return s.Rules.Check()
}

// Links is the handler of the address that agents and clients dial: a WebSocket with the sub-protocol of this package, by which
// other requests are refused.
func (s *Server) Links() http1.Handler {
	s.init()
	return http1.HandlerFunc(func(x *http1.Exchange) {
		r := x.Request()
		if !r.HasToken("Sec-WebSocket-Protocol", Subprotocol) {
			x.Respond(400, "text/plain; charset=utf-8", []byte("this address is for the sub-protocol "+Subprotocol+"\n"))
			return
		}
		auth, _ := r.Get("Authorization")
		cred := access.Credentials{Authorization: string(auth)}
		if st, ok := tls.State(x.Conn()); ok && len(st.VerifiedChains) > 0 {
			cred.Certificate = st.PeerCertificates[0]
		}
		g, err := s.Rules.Authenticate(cred, time.Now())
		if err != nil {
			s.count.refused.Add(1)
			x.SetHeader("WWW-Authenticate", `Bearer realm="relay"`)
			x.Respond(401, "text/plain; charset=utf-8", []byte("relay: credentials are needed\n"))
			return
		}
		s.upgrader.Upgrade(x, &carrier{first: func(c *carrier, ws *websocket.Conn, p []byte) *mux { return s.hello(c, ws, g, p) }})
	})
}

// AddService makes a service known. One that is known already gets the new limits only at the next start.
func (s *Server) AddService(c Service) error {
	s.init()
	if !wire.Name(c.Name) {
		return fmt.Errorf("relay: %q is not a service's name", c.Name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.services[c.Name] != nil {
		return fmt.Errorf("relay: service %q is there already", c.Name)
	}
	s.services[c.Name] = newService(c)
	return nil
}

// lookup finds a service by name.
func (s *Server) lookup(name string) *service {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.services[name]
}

// serviceFor finds the service that an agent offers.
func (s *Server) serviceFor(name string, kind wire.Kind, addr string) (*service, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.services[name]
	if v == nil {
		if !s.Dynamic {
			return nil, fmt.Errorf("service %q is not configured", name)
		}
		c := s.Default
		c.Name, c.Kind = name, kind
		v = newService(c)
		s.services[name] = v
	}
	if (v.Kind == wire.KindUDP) != (kind == wire.KindUDP) { // HTTP is a byte stream, too
		return nil, fmt.Errorf("service %q is %v here", name, v.Kind)
	}
	return v, nil
}

func (v *service) needs(s *Server, addr string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasSuffix(addr, ":0") {
		addr = v.Name + " " + addr
	}
	l := s.listeners[addr]
	return l == nil || l.svc != v
}

// addressOf is where a service is served, for people.
func (s *Server) addressOf(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, l := range s.listeners {
		if l.svc.Name == name {
			all = append(all, l.addr.Network()+"://"+l.addr.String())
		}
	}
	slices.Sort(all)
	out := ""
	for _, a := range all {
		if len(out)+len(a) < wire.MaxText {
			if out != "" {
				out += " "
			}
			out += a
		}
	}
	return out
}

// Listen serves a service at a public address: "tcp://HOST:PORT" (port 0: any), "unix:/PATH", or "udp://HOST:PORT".
func (s *Server) Listen(name, target string) (net.Addr, error) {
	s.init()
	v := s.lookup(name)
	if v == nil {
		return nil, fmt.Errorf("relay: service %q is not configured", name)
	}
	key := target
	if strings.HasSuffix(target, ":0") { // each service has a port of its own
		key = name + " " + target
	}
	s.mu.Lock()
	if l := s.listeners[key]; l != nil {
		s.mu.Unlock()
		if l.svc == v {
			return l.addr, nil
		}
		return nil, fmt.Errorf("relay: %s is service %q's", target, l.svc.Name)
	}
	s.mu.Unlock()
	if v.Kind == wire.KindUDP {
		return s.listenUDP(v, target, key)
	}
	t, err := transports.ParseTarget(strings.TrimPrefix(target, "tcp://"))
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	ln, err := t.Listen(reactor.ListenLimits{})
	if err != nil {
		return nil, err
	}
	addr := ln.Addr()
	l, err := s.Reactor.Listen(ln, reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return &entry{srv: s, svc: v} }))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners[key] = &listening{l, v, addr}
	return addr, nil
}

// enter registers a session. A newer one of the same agent replaces one that is there.
func (s *Server) enter(p *peer) (wire.Token, error) {
	var token wire.Token
	rand.Read(token[:])
	key := p.key()
	s.mu.Lock()
	if len(s.sessions) >= s.MaxLinks {
		s.mu.Unlock()
		return token, &link.LinkError{Code: wire.CodeLimit, Text: "too many links"}
	}
	var old *peer
	if p.role == wire.RoleAgent {
		old = s.ids[key]
		s.ids[key] = p
	}
	s.sessions[token] = p
	s.mu.Unlock()
	s.count.linked.Add(1)
	if old != nil {
		s.count.replaced.Add(1)
		go old.replaced() // its link has a lock of its own
	}
	return token, nil
}

func (p *peer) key() string { return p.grant.Name + "\x00" + p.id }

// replaced ends a session for a newer one.
func (p *peer) replaced() {
	p.m.stop(wire.CodeReplaced, "a newer link of the same agent took over")
	p.over(errReplaced) // if it was suspended
}

// session finds the one to resume: the token is a secret, and the credentials must be of the same grant.
func (s *Server) session(t wire.Token, g *access.Grant) *peer {
	if t == (wire.Token{}) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.sessions[t]; p != nil && p.grant.Name == g.Name {
		return p
	}
	return nil
}

// forget takes a session out of the tables.
func (s *Server) forget(p *peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ids[p.key()] == p {
		delete(s.ids, p.key())
	}
	for t, q := range s.sessions {
		if q == p {
			delete(s.sessions, t)
		}
	}
}

// peers are all sessions.
func (s *Server) peers() []*peer {
	s.init()
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*peer, 0, len(s.sessions))
	for _, p := range s.sessions {
		all = append(all, p)
	}
	return all
}

// Drain tells all agents and clients that no new streams are taken.
func (s *Server) Drain() {
	for _, p := range s.peers() {
		p.m.goAway("draining")
	}
}

// Close ends all links, and with them their streams, also those that wait for a resume.
func (s *Server) Close() error {
	for _, p := range s.peers() {
		p.m.stop(wire.CodeShutdown, "the relay ends")
		p.over(net.ErrClosed)
	}
	return nil
}

// Shutdown drains: no new connections are accepted, open streams go on until ctx ends, then everything is closed. It also shuts
// the Reactor down.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Drain()
	err := s.Reactor.Shutdown(ctx)
	s.Close()
	return err
}
