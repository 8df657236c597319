package udp

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"strconv"

	"github.com/calandria-go/calandria/reactor"
)

// Config is how to bind a socket. The zero value is good.
type Config struct {
	// Network is "udp", "udp4" or "udp6"; empty: "udp". As in package net, "udp" on an unspecified address (":69",
	// "0.0.0.0:69", "[::]:69") takes IPv6 and IPv4, "udp6" is IPv6 alone.
	Network string
	// Shards is the number of sockets on the one address, among which the system spreads the peers by their addresses
	// (SO_REUSEPORT); 0: one, or GOMAXPROCS if ReusePort is set. Linux only; elsewhere more than one is
	// errors.ErrUnsupported. When one is closed, its peers' datagrams go to others.
	Shards int
	// ReusePort sets SO_REUSEPORT even on a single socket, so that other processes of this user can share the address. Linux
	// only; elsewhere it does nothing.
	ReusePort bool
	// Broadcast permits sending to broadcast addresses (SO_BROADCAST).
	Broadcast bool
	// Coalesce has the kernel put datagrams of one peer that arrive together into one, to be taken apart by the endpoint
	// (UDP_GRO): for those who receive much. Linux only; elsewhere it does nothing.
	Coalesce bool
	// ReadBuffer and WriteBuffer fix SO_RCVBUF and SO_SNDBUF; 0: the system's default, 208 KiB on most Linux systems.
	// What comes while the first is full is lost. The system cuts them to its own limits.
	ReadBuffer, WriteBuffer int
	// Control is called with each socket before it is bound, for options that are not here; nil for none.
	Control func(fd int) error
}

// Socket is one bound socket, or several on one address, that no reactor has yet. It is a reactor.PacketSocket if it is one.
type Socket struct {
	addr   net.Addr
	fd     int            // or -1
	pc     net.PacketConn // or nil
	shards []*Socket      // itself first
}

// Listen is Config.Listen with the zero Config.
func Listen(addr string) (*Socket, error) { return Config{}.Listen(context.Background(), addr) }

// Listen resolves a "host:port" and binds Shards sockets to its first address. It may wait for the resolver.
func (c Config) Listen(ctx context.Context, addr string) (*Socket, error) {
	ap, err := c.resolve(ctx, addr)
	if err != nil {
		return nil, c.error(nil, err)
	}
	n := c.Shards
	if n <= 0 {
		n = 1
		if c.ReusePort {
			n = runtime.GOMAXPROCS(0)
		}
	}
	if n > 1 && !sharding {
		if c.Shards > 1 {
			return nil, c.error(ap, errors.ErrUnsupported)
		}
		n = 1
	}
	c.ReusePort = c.ReusePort || n > 1
	first, err := c.Open(ap)
	if err != nil {
		return nil, err
	}
	first.shards = []*Socket{first}
	first.LocalAddr() // while it can be asked
	if a, ok := first.LocalAddr().(*net.UDPAddr); ok && n > 1 {
		ap = netip.AddrPortFrom(ap.Addr(), uint16(a.Port)) // which the system may have chosen
	}
	for len(first.shards) < n {
		s, err := c.Open(ap)
		if err != nil {
			first.Close()
			return nil, err
		}
		first.shards = append(first.shards, s)
	}
	return first, nil
}

// Open binds one socket to an address, or to any for the zero AddrPort. It never waits, so it may be called on a loop; it
// takes three to five system calls. Shards does not matter here.
func (c Config) Open(addr netip.AddrPort) (*Socket, error) {
	if ip := addr.Addr(); ip.IsValid() && (c.Network == "udp4" && !ip.Is4() || c.Network == "udp6" && !ip.Is6()) {
		return nil, c.error(addr, &net.AddrError{Err: "address of the wrong family", Addr: ip.String()})
	}
	s, err := open(&c, addr)
	if err != nil {
		return nil, c.error(addr, err)
	}
	return s, nil
}

// FromPacketConn makes a Socket of a net.PacketConn, such as one that systemd has opened. It belongs to the Socket then.
func FromPacketConn(pc net.PacketConn) *Socket { return &Socket{fd: -1, pc: pc, addr: pc.LocalAddr()} }

func (c *Config) network() string {
	if c.Network == "" {
		return "udp"
	}
	return c.Network
}

func (c *Config) resolve(ctx context.Context, addr string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return netip.AddrPort{}, err
	}
	number, err := net.DefaultResolver.LookupPort(ctx, c.network(), port)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if host == "" {
		return netip.AddrPortFrom(netip.Addr{}, uint16(number)), nil
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return netip.AddrPortFrom(ip.Unmap(), uint16(number)), nil
	}
	family := "ip" + c.network()[len("udp"):]
	all, err := net.DefaultResolver.LookupNetIP(ctx, family, host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(all[0].Unmap(), uint16(number)), nil
}

// error is what package net returns.
func (c *Config) error(addr any, err error) error {
	out := &net.OpError{Op: "listen", Net: c.network(), Err: err}
	if ap, ok := addr.(netip.AddrPort); ok {
		out.Addr = net.UDPAddrFromAddrPort(ap)
	}
	return out
}

// LocalAddr is the address that it is bound to, a *net.UDPAddr. Of one that Open made and that was given away, it is empty:
// ask the Endpoint.
func (s *Socket) LocalAddr() net.Addr {
	if s.addr == nil {
		s.addr = localAddr(s)
	}
	return s.addr
}

// Shards are the sockets on the address; of one, itself.
func (s *Socket) Shards() []*Socket {
	if s.shards == nil {
		return []*Socket{s}
	}
	return s.shards
}

// Close closes what was not given to a reactor.
func (s *Socket) Close() error {
	for _, one := range s.Shards() {
		closeSocket(one)
	}
	return nil
}

// Detach gives the socket away: to a reactor, by OpenPacket. It has nothing to close then. Of several it is the first alone.
func (s *Socket) Detach() (fd int, pc net.PacketConn) {
	fd, pc = s.fd, s.pc
	s.fd, s.pc = -1, nil
	return fd, pc
}

// Serve gives all sockets of s to the reactor, each on a loop of its own as far as there are so many; each gets a handler of
// its own from mk, which is called with the socket's number. Endpoint.Close ends one. After an error all are closed.
func Serve(r *reactor.Reactor, s *Socket, o reactor.PacketOptions, mk func(shard int) reactor.PacketHandler) ([]*reactor.Endpoint, error) {
	var all []*reactor.Endpoint
	for i, one := range s.Shards() {
		if len(s.Shards()) > 1 {
			o.Near = reactor.LoopNumber(i)
		}
		e, err := r.OpenPacket(one, o, mk(i))
		if err != nil {
			s.Close()
			for _, e := range all {
				e.Close()
			}
			return nil, c0.error(nil, err)
		}
		all = append(all, e)
	}
	return all, nil
}

var c0 Config

func portString(ap netip.AddrPort) string {
	host := ""
	if ap.Addr().IsValid() {
		host = ap.Addr().String()
	}
	return net.JoinHostPort(host, strconv.Itoa(int(ap.Port())))
}
