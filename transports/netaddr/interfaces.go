package netaddr

import (
	"errors"
	"net"
	"net/netip"
)

// Kind is what an interface is.
type Kind uint8

// The kinds of interfaces. Only Linux tells more than Loopback, Tunnel and UnknownKind.
const (
	// UnknownKind is any other, or the system does not say.
	UnknownKind Kind = iota
	// Loopback is the machine itself.
	Loopback
	// Ethernet is by wire, or a virtual machine's idea of it.
	Ethernet
	// WiFi is IEEE 802.11.
	WiFi
	// Cellular is a modem for mobile networks.
	Cellular
	// PPP is the Point-to-Point Protocol.
	PPP
	// Tunnel is a VPN's end, or another network inside of packets: tun, WireGuard, GRE, SIT.
	Tunnel
	// Virtual is made of others, or of nothing: bridges, bonds, VLANs, a container's veth, dummies.
	Virtual
)

// String is the kind in a word.
func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k]
	}
	return "unknown"
}

var kinds = [...]string{"unknown", "loopback", "ethernet", "wifi", "cellular", "ppp", "tunnel", "virtual"}

// Interface is a network interface of this machine, as it was when it was asked for.
type Interface struct {
	// Name is the system's name, "eth0".
	Name string
	// Index is its number, from 1.
	Index int
	// Kind is what it is.
	Kind Kind
	// MAC is its hardware address; the zero MAC if it has none.
	MAC MAC
	// Addrs are its addresses with the lengths of their networks. Addr is the address, Masked the network.
	Addrs []netip.Prefix
	// MTU is the size of the largest packet, in bytes.
	MTU int
	// Flags say whether it is up, and more.
	Flags net.Flags
	// Gateways are the next hops of its default routes, the one that is used first; on Linux alone. A link-local one has the
	// interface as its zone.
	Gateways []netip.Addr
	// Speed is in Mbit/s; 0 if it is not known. On Linux alone.
	Speed int
}

// Interfaces gives the machine's interfaces, in the system's order. It asks the system each time: some system calls and, on
// Linux, small files of /sys and /proc for each; where those are not there the fields from them are empty.
func Interfaces() ([]Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	routes := gateways()
	out := make([]Interface, 0, len(all))
	for _, i := range all {
		n := Interface{Name: i.Name, Index: i.Index, MTU: i.MTU, Flags: i.Flags, Gateways: routes[i.Name]}
		if len(i.HardwareAddr) > 0 {
			n.MAC, _ = MACFrom(i.HardwareAddr) // of another length: none
		}
		addrs, err := i.Addrs()
		if err != nil {
			return nil, err
		}
		for _, a := range addrs {
			if p, ok := prefixOf(a); ok {
				n.Addrs = append(n.Addrs, p)
			}
		}
		n.Kind, n.Speed = describe(i)
		out = append(out, n)
	}
	return out, nil
}

// prefixOf is package net's address of an interface.
func prefixOf(a net.Addr) (netip.Prefix, bool) {
	n, ok := a.(*net.IPNet)
	if !ok {
		return netip.Prefix{}, false
	}
	ip, ok := netip.AddrFromSlice(n.IP)
	bits, size := n.Mask.Size()
	if !ok || size == 0 { // not a mask of ones and then zeros
		return netip.Prefix{}, false
	}
	ip = ip.Unmap()
	if ip.Is4() && size == 128 {
		bits -= 96
	}
	p := netip.PrefixFrom(ip, bits)
	return p, p.IsValid()
}

// kindByFlags is what every system tells.
func kindByFlags(f net.Flags) Kind {
	switch {
	case f&net.FlagLoopback != 0:
		return Loopback
	case f&net.FlagPointToPoint != 0:
		return Tunnel
	}
	return UnknownKind
}

// Two servers of the root of DNS stand for "anywhere". Nothing is sent to them.
var (
	anywhere4 = netip.AddrFrom4([4]byte{198, 41, 0, 4})
	anywhere6 = netip.MustParseAddr("2001:503:ba3e::2:30")
)

// DefaultAddr is the address of this machine from which it reaches the rest of the network, by its default route: network is
// "ip4", "ip6", or "ip" for IPv4 if there is a route, else IPv6. The error is a *net.OpError with syscall.ENETUNREACH if there is no
// such route. Nothing is sent; it costs three system calls.
func DefaultAddr(network string) (netip.Addr, error) {
	switch network {
	case "ip4":
		return SourceAddr(anywhere4)
	case "ip6":
		return SourceAddr(anywhere6)
	case "ip":
		if a, err := SourceAddr(anywhere4); err == nil {
			return a, nil
		}
		return SourceAddr(anywhere6)
	}
	return netip.Addr{}, net.UnknownNetworkError(network)
}

// SourceAddr is the address of this machine from which it would send to another: DefaultAddr for one destination. On Linux it
// costs some microseconds.
func SourceAddr(to netip.Addr) (netip.Addr, error) {
	from, err := sourceAddr(to.Unmap())
	if err != nil {
		return netip.Addr{}, &net.OpError{Op: "dial", Net: "udp", Addr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, 0)), Err: err}
	}
	return from, nil
}

// askNet asks by a socket of package net.
func askNet(to netip.Addr) (netip.Addr, error) {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, discard)))
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		return netip.Addr{}, err
	}
	defer c.Close()
	ap := c.LocalAddr().(*net.UDPAddr).AddrPort()
	return ap.Addr().Unmap(), nil
}

// discard is the port that a socket is connected to, though nothing is sent.
const discard = 9

// Broadcast is the last address of an IPv4 network, which all of its hosts hear; false for IPv6, and for networks of one or two
// addresses, which have none (RFC 3021).
func Broadcast(p netip.Prefix) (netip.Addr, bool) {
	if !p.IsValid() || !p.Addr().Is4() || p.Bits() > 30 {
		return netip.Addr{}, false
	}
	b := p.Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b), true
}
