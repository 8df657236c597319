package relay

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/calandria-go/calandria/protocols/relay/access"
	"github.com/calandria-go/calandria/protocols/relay/link"
	"github.com/calandria-go/calandria/protocols/relay/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/proxy"
)

// Opened is part of link.Owner: somebody wants a service.
func (l *agentLink) Opened(st *link.Stream, o *wire.Open, flags uint8) {
	l.a.mu.Lock()
	v := l.a.services[string(o.Service)]
	l.a.mu.Unlock()
	encrypted := flags&wire.FlagEncrypted != 0
	switch {
	case v == nil:
		st.Refuse(wire.CodeNoService, "no such service here")
	case encrypted && v.Key == nil:
		st.Refuse(wire.CodeEncryption, "the service has no key")
	case !encrypted && v.RequireKey:
		st.Refuse(wire.CodeEncryption, "the service takes encrypted streams only")
	default:
		in := &incoming{l: l, v: v, st: st, near: l.m.ws.Reactor(), client: addrOf(o.Address, Addr{v.kind, v.Name}), encrypted: encrypted}
		l.m.later(in.serve)
	}
}

// incoming is a stream on its way to its service.
type incoming struct {
	l         *agentLink
	v         *agentService
	st        *link.Stream
	near      *reactor.Conn // the link: all of the stream is on its loop
	client    net.Addr
	encrypted bool
}

func (in *incoming) local() net.Addr { return Addr{in.v.kind, in.v.Name} }

// serve gives the stream to the service.
func (in *incoming) serve() {
	if p := in.v.Protocol; p != nil {
		in.accept(in.secured(&lazy{p}))
		return
	}
	if in.v.kind == wire.KindUDP {
		in.serveUDP()
		return
	}
	t := in.v.target
	switch {
	case t.Scheme == "unix":
		in.dial([]net.Addr{&net.UnixAddr{Net: "unix", Name: t.Path}})
	case t.Addr.IsValid():
		in.dial([]net.Addr{net.TCPAddrFromAddrPort(netip.AddrPortFrom(t.Addr, t.Port))})
	case t.Host == "localhost":
		in.dial([]net.Addr{
			&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(t.Port)},
			&net.TCPAddr{IP: net.IPv6loopback, Port: int(t.Port)},
		})
	default:
		if err := in.near.Offload(in.resolve); err != nil {
			in.refuse(wire.CodeLimit, "too many look-ups")
		}
	}
}

func (a *Agent) timeout() time.Duration {
	if a.DialTimeout <= 0 {
		return 10 * time.Second
	}
	return a.DialTimeout
}

// resolve looks the target's name up, on a worker. The addresses that it gives are the ones that are checked and dialed.
func (in *incoming) resolve() {
	ctx, cancel := context.WithTimeout(context.Background(), in.l.a.timeout())
	defer cancel()
	addrs, err := in.l.a.lookup(ctx, in.v.target)
	if err != nil {
		in.refuse(codeOfTarget(err), err.Error())
		return
	}
	in.near.Post(func() { in.dial(addrs) })
}

// lookup gives the addresses of a name that may be dialed: an error if there are none.
func (a *Agent) lookup(ctx context.Context, t access.Target) ([]net.Addr, error) {
	r := a.Resolver
	if r == nil {
		r = net.DefaultResolver
	}
	ips, err := r.LookupNetIP(ctx, "ip", t.Host)
	if err != nil {
		return nil, err
	}
	if len(ips) == 0 {
		return nil, errNoAddress
	}
	var out []net.Addr
	var last error
	for _, ip := range ips {
		ap := netip.AddrPortFrom(ip.Unmap(), t.Port)
		if ip.Zone() != "" {
			ap = netip.AddrPortFrom(ip, t.Port)
		}
		if err := a.Targets.Check(ap); err != nil {
			last = err
			continue
		}
		out = append(out, net.TCPAddrFromAddrPort(ap))
	}
	if len(out) == 0 {
		return nil, last
	}
	return out, nil
}

func codeOfTarget(err error) wire.Code {
	if isForbidden(err) {
		return wire.CodeRefused
	}
	if c := link.CodeOf(err); c != wire.CodeInternal {
		return c
	}
	return wire.CodeUnreachable
}

func (in *incoming) refuse(code wire.Code, text string) {
	in.l.m.lock()
	in.st.Refuse(code, text)
	in.l.m.unlock()
}

// accept answers the stream and puts a connection on it.
func (in *incoming) accept(h reactor.Handler) (*reactor.Conn, error) {
	m := in.l.m
	m.lock()
	defer m.unlock()
	if err := in.st.Err(); err != nil {
		return nil, err
	}
	in.st.Accept()
	return m.connect(in.st, in.near, in.local(), in.client, h)
}

// dial tries the addresses one after another.
func (in *incoming) dial(addrs []net.Addr) {
	out, back := splice(&spliced{})
	o := reactor.DialOptions{Near: in.near, Timeout: in.l.a.timeout()}
	in.l.a.Reactor.DialFunc(addrs[0], o, &greeting{in, back}, func(c *reactor.Conn, err error) {
		switch {
		case err == nil:
			if _, err := in.accept(in.secured(out)); err != nil {
				c.Abort(err)
			}
		case len(addrs) > 1:
			in.dial(addrs[1:])
		default:
			in.refuse(codeOfTarget(err), err.Error())
		}
	})
}

// greeting sends the PROXY header before anything else.
type greeting struct {
	in *incoming
	*end
}

// OnOpen is part of reactor.Handler.
func (g *greeting) OnOpen(c *reactor.Conn) {
	if g.in.v.ProxyProtocol {
		if b, err := proxy.AppendV2(nil, proxyHeader(g.in.client, c)); err == nil {
			c.Write(b)
		}
	}
	c.Upgrade(g.end)
}

// proxyHeader says where a relayed connection comes from: LOCAL if that is not known.
func proxyHeader(client net.Addr, c *reactor.Conn) *proxy.Header {
	src, ok := client.(*net.TCPAddr)
	if !ok {
		return &proxy.Header{Version: 2, Command: proxy.Local}
	}
	from := src.AddrPort()
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	to := c.RemoteAddrPort()
	h := &proxy.Header{Version: 2, Family: proxy.TCP4, Source: from, Destination: to}
	if !from.Addr().Is4() || !to.IsValid() || !to.Addr().Is4() {
		h.Family = proxy.TCP6
		h.Source = netip.AddrPortFrom(netip.AddrFrom16(from.Addr().As16()), from.Port())
		if to.IsValid() {
			h.Destination = netip.AddrPortFrom(netip.AddrFrom16(to.Addr().As16()), to.Port())
		} else {
			h.Destination = netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
		}
	}
	return h
}

// lazy gives a connection the handler of a protocol when it opens.
type lazy struct{ p reactor.Protocol }

// OnOpen is part of reactor.Handler.
func (h *lazy) OnOpen(c *reactor.Conn) { c.Upgrade(h.p.NewHandler(c)) }

// OnData is part of reactor.Handler.
func (h *lazy) OnData(*reactor.Conn, []byte) int { return 0 }

// OnClose is part of reactor.Handler.
func (h *lazy) OnClose(*reactor.Conn, error) {}

func isForbidden(err error) bool { return errors.Is(err, access.ErrForbidden) }
