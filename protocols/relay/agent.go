package relay

import (
	"context"
	ctls "crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/calandria-go/calandria/protocols/relay/access"
	"github.com/calandria-go/calandria/protocols/relay/link"
	"github.com/calandria-go/calandria/protocols/relay/wire"
	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports"
)

// Dialing says how an Agent or a Client reaches the relay.
type Dialing struct {
	// Reactor has the loops. It must be set.
	Reactor *reactor.Reactor
	// URL is the relay's: "ws://HOST:PORT/", "wss://HOST/".
	URL string
	// Token is sent as Authorization: Bearer: a secret, or a JWT.
	Token string
	// TokenFunc is asked instead for each link, if it is set: for tokens that expire.
	TokenFunc func(ctx context.Context) (string, error)
	// TLS is crypto/tls's, for wss, with a client certificate if the relay asks for one.
	TLS *ctls.Config
	// Dialer opens the connection below: through a proxy, say; nil: directly.
	Dialer transports.Dialer
	// Link bounds the session. Its Resume keeps streams when the link breaks; 0: it does not.
	Link link.Config
	// MinBackoff and MaxBackoff bound the wait before a link is dialed again: 0.2 s and 30 s. Each wait is random between 0 and a
	// bound that doubles from the one to the other, and starts anew after a link that held for a minute.
	MinBackoff, MaxBackoff time.Duration
	// OnLink is told of each link that is up (err is nil) and of why each came to its end or could not be opened. It must not
	// block; nil: nobody is told.
	OnLink func(up bool, err error)
	// Logger gets a line for each of these; nil: none.
	Logger *slog.Logger
}

// AgentService is one service that an Agent offers.
type AgentService struct {
	// Name is what the relay and clients know it by.
	Name string
	// Target is where it is, in the form of access.ParseTarget: "tcp://HOST:PORT", "http://HOST:PORT", "unix:/PATH" or
	// "udp://HOST:PORT". Empty if Protocol is set.
	Target string
	// Protocol serves it in this process, without any port: each relayed connection gets a handler of it, on a loop.
	Protocol reactor.Protocol
	// HTTP says that a unix socket or a Protocol speaks HTTP, so that the relay may route requests to it by host and path.
	HTTP bool
	// Address is where the relay should serve it, "tcp://HOST:PORT" in the relay's terms; empty: as it is configured there.
	Address string
	// ProxyProtocol sends the target a PROXY protocol v2 header with the client's address first.
	ProxyProtocol bool
	// Key lets clients encrypt end to end; nil: they cannot.
	Key *Key
	// RequireKey refuses streams that are not encrypted.
	RequireKey bool
}

// Agent is the private side: it dials the relay, offers services, and joins what the relay sends to their targets. The exported
// fields must be set before Run.
type Agent struct {
	Dialing
	// ID tells agents of one grant apart; empty: the grant's name. A newer link of the same ID replaces an older one.
	ID string
	// Links is how many links are kept in parallel: 1.
	Links int
	// Services are offered. SetServices replaces them while the agent runs.
	Services []AgentService
	// Targets says which addresses a target's name may lead to. A target that is an address, a unix socket or "localhost" is
	// configured by being named, and may be any.
	Targets access.Targets
	// Resolver looks names up; nil: net.DefaultResolver.
	Resolver Resolver
	// DialTimeout bounds the connection to a target, with its resolution: 10 s.
	DialTimeout time.Duration

	mu       sync.Mutex
	services map[string]*agentService
	links    map[*agentLink]struct{}
	started  bool
}

// Resolver looks names up: net.Resolver is one.
type Resolver interface {
	// LookupNetIP gives the addresses of a host for network "ip". It may block.
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

type agentService struct {
	AgentService
	kind   wire.Kind
	target access.Target
	number uint32
}

// agentLink is one link of an agent: the owner of its session.
type agentLink struct {
	a  *Agent
	m  *mux
	id string
}

// ErrStarted: Run was called before.
var ErrStarted = errors.New("relay: agent runs already")

func prepare(list []AgentService) (map[string]*agentService, error) {
	out := map[string]*agentService{}
	for i, s := range list {
		v := &agentService{AgentService: s, kind: wire.KindTCP, number: uint32(i + 1)}
		switch {
		case !wire.Name(s.Name):
			return nil, fmt.Errorf("relay: %q is not a service's name", s.Name)
		case out[s.Name] != nil:
			return nil, fmt.Errorf("relay: service %q twice", s.Name)
		case (s.Protocol == nil) == (s.Target == ""):
			return nil, fmt.Errorf("relay: service %q needs a Target or a Protocol, and not both", s.Name)
		case s.RequireKey && s.Key == nil:
			return nil, fmt.Errorf("relay: service %q requires a key and has none", s.Name)
		}
		if s.Target != "" {
			t, err := access.ParseTarget(s.Target)
			if err != nil {
				return nil, err
			}
			v.target = t
		}
		switch {
		case v.target.Scheme == "udp":
			v.kind = wire.KindUDP
		case s.HTTP || v.target.Scheme == "http":
			v.kind = wire.KindHTTP
		}
		out[s.Name] = v
	}
	return out, nil
}

// SetServices replaces the services. Those that are new are offered, those that are gone withdrawn; open streams go on. Any
// goroutine.
func (a *Agent) SetServices(list []AgentService) error {
	next, err := prepare(list)
	if err != nil {
		return err
	}
	a.mu.Lock()
	old := a.services
	top := uint32(0)
	for _, v := range old {
		top = max(top, v.number)
	}
	for name, v := range next {
		if o := old[name]; o != nil && o.kind == v.kind && o.Address == v.Address {
			v.number = o.number
			continue
		}
		top++
		v.number = top
	}
	a.services, a.Services = next, list
	var links []*agentLink
	for l := range a.links {
		links = append(links, l)
	}
	a.mu.Unlock()
	for _, l := range links {
		l.m.lock()
		if l.m.s.Open() {
			for name, o := range old {
				if v := next[name]; v == nil || v.number != o.number {
					l.m.s.SendWithdraw(o.number)
				}
			}
			for name, v := range next {
				if o := old[name]; o == nil || v.number != o.number {
					l.offer(v)
				}
			}
		}
		l.m.unlock()
	}
	return nil
}

func (l *agentLink) offer(v *agentService) {
	l.m.s.SendOffer(v.number, &wire.Open{Kind: v.kind, Service: []byte(v.Name), Address: []byte(v.Address)})
}

// Run keeps the links up until ctx ends; then it says so to the relay, closes them, and returns ctx's cause. It returns at once
// if the configuration is wrong. It is for a goroutine of its own, and uses one for each link.
func (a *Agent) Run(ctx context.Context) error {
	services, err := prepare(a.Services)
	if err != nil {
		return err
	}
	if a.Reactor == nil || a.URL == "" {
		return errors.New("relay: an agent needs a Reactor and a URL")
	}
	a.mu.Lock()
	if a.started {
		a.mu.Unlock()
		return ErrStarted
	}
	a.started = true
	if a.services == nil {
		a.services = services
	}
	a.links = map[*agentLink]struct{}{}
	a.mu.Unlock()
	var wg sync.WaitGroup
	for i := range max(a.Links, 1) {
		id := a.ID
		if i > 0 {
			id += "." + strconv.Itoa(i)
		}
		wg.Go(func() {
			a.Dialing.keep(ctx, func() (*mux, func()) {
				l := &agentLink{a: a, id: id}
				cfg := a.Link
				cfg.Role, cfg.ID = wire.RoleAgent, id
				l.m = &mux{r: a.Reactor, down: l.down}
				l.m.s = link.New(cfg, l)
				a.mu.Lock()
				a.links[l] = struct{}{}
				a.mu.Unlock()
				return l.m, func() {
					a.mu.Lock()
					delete(a.links, l)
					a.mu.Unlock()
				}
			})
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// Drain tells the relay that no new streams are taken, and returns when those that are open are over, or with ctx's cause. Then Run
// should be ended: to go on, an agent needs new links. Any goroutine but a loop's.
func (a *Agent) Drain(ctx context.Context) error {
	a.mu.Lock()
	var links []*agentLink
	for l := range a.links {
		links = append(links, l)
	}
	a.mu.Unlock()
	for _, l := range links {
		l.m.goAway("the agent drains")
	}
	tick := time.NewTicker(drainCheck)
	defer tick.Stop()
	for _, l := range links {
		for l.m.busy() {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
	return nil
}

// busy says whether there are open streams.
func (m *mux) busy() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.s.Len() > 0
}

// down keeps a broken session for as long as it may be resumed.
func (l *agentLink) down(m *mux, err error, kept bool) { failLater(m, err, kept) }

// failLater ends a suspended session when its time is over, unless it has a link again.
func failLater(m *mux, err error, kept bool) {
	if !kept {
		return
	}
	m.mu.Lock()
	d := m.s.ResumeFor()
	m.mu.Unlock()
	time.AfterFunc(d, func() {
		m.lock()
		defer m.unlock()
		if m.ws == nil {
			m.s.Fail(wire.CodeLinkLost, err)
		}
	})
}

// keep dials one link again and again, with a new session when the last one is over.
func (d *Dialing) keep(ctx context.Context, session func() (*mux, func())) {
	lo, hi := d.MinBackoff, d.MaxBackoff
	if lo <= 0 {
		lo = 200 * time.Millisecond
	}
	if hi <= 0 {
		hi = 30 * time.Second
	}
	bound := lo
	var m *mux
	var forget func()
	defer func() {
		if m != nil {
			m.stop(wire.CodeShutdown, "the agent ends")
			forget()
		}
	}()
	for ctx.Err() == nil {
		if m == nil || m.over() {
			if m != nil {
				forget()
			}
			m, forget = session()
		}
		began := time.Now()
		err := d.hold(ctx, m)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > time.Minute {
			bound = lo
		}
		wait := rand.N(bound) + time.Millisecond
		bound = min(2*bound, hi)
		if d.Logger != nil {
			d.Logger.Warn("relay: link down", "url", d.URL, "err", err, "again", wait)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

func (m *mux) over() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.s.Err() != nil
}

// hold opens one link and returns when it has ended.
func (d *Dialing) hold(ctx context.Context, m *mux) (err error) {
	ended := make(chan error, 1)
	o, err := d.options(ctx)
	if err == nil {
		c := &carrier{m: m, ended: func(_ *websocket.Conn, err error) { ended <- err }}
		o.Handler = c
		_, err = websocket.Dial(ctx, d.URL, o)
	}
	if err != nil {
		d.tell(false, err)
		return err
	}
	d.tell(true, nil)
	if d.Logger != nil {
		d.Logger.Info("relay: linked", "url", d.URL)
	}
	select {
	case err = <-ended:
	case <-ctx.Done():
		m.stop(wire.CodeShutdown, "the agent ends")
		err = <-ended
	}
	m.mu.Lock()
	if e := m.s.Err(); e != nil {
		err = e
	}
	m.mu.Unlock()
	d.tell(false, err)
	return err
}

func (d *Dialing) tell(up bool, err error) {
	if d.OnLink != nil {
		d.OnLink(up, err)
	}
}

func (d *Dialing) options(ctx context.Context) (*websocket.DialOptions, error) {
	o := &websocket.DialOptions{
		Config: linkConfig(), Reactor: d.Reactor, Dialer: d.Dialer, TLS: d.TLS,
		Protocols: []string{Subprotocol}, Header: http.Header{},
	}
	token := d.Token
	if d.TokenFunc != nil {
		var err error
		if token, err = d.TokenFunc(ctx); err != nil {
			return nil, err
		}
	}
	if token != "" {
		o.Header.Set("Authorization", "Bearer "+token)
	}
	return o, nil
}

// Established is part of link.Owner: everything is offered, again after a resume.
func (l *agentLink) Established(s *link.Session, _ *wire.Hello, _ bool) {
	l.a.mu.Lock()
	defer l.a.mu.Unlock()
	for _, v := range l.a.services {
		l.offer(v)
	}
}

// Offer is part of link.Owner.
func (l *agentLink) Offer(uint32, *wire.Open) {}

// Withdraw is part of link.Owner.
func (l *agentLink) Withdraw(uint32) {}

// Offered is part of link.Owner.
func (l *agentLink) Offered(number uint32, code wire.Code, text string) {
	if l.a.Logger == nil {
		return
	}
	l.a.mu.Lock()
	name := ""
	for _, v := range l.a.services {
		if v.number == number {
			name = v.Name
		}
	}
	l.a.mu.Unlock()
	if code != wire.CodeNone {
		l.a.Logger.Error("relay: service refused", "service", name, "code", code.String(), "why", text)
		return
	}
	l.a.Logger.Info("relay: service offered", "service", name, "at", text)
}

// GoAway is part of link.Owner: the relay drains. Streams go on; when they are over, so is the link.
func (l *agentLink) GoAway(code wire.Code, text string) {
	if l.a.Logger != nil {
		l.a.Logger.Info("relay: the relay takes no new streams", "code", code.String(), "why", text)
	}
}

var errNoAddress = &net.DNSError{Err: "no address", IsNotFound: true}
