package tcp

import (
	"context"
	"net"
	"net/netip"
	"strings"
)

// Resolver finds the addresses of a host name. *net.Resolver is one.
type Resolver interface {
	// LookupNetIP is net.Resolver's: network is "ip", "ip4" or "ip6".
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// resolve gives the addresses of a "host:port", in the resolver's order, without those that network does not have. For
// an empty host there is one, which is not valid.
func resolve(ctx context.Context, r Resolver, network, addr string) ([]netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if network != "tcp" && network != "tcp4" && network != "tcp6" {
		return nil, net.UnknownNetworkError(network)
	}
	port, err := net.DefaultResolver.LookupPort(ctx, network, service)
	if err != nil {
		return nil, err
	}
	if host == "" {
		return []netip.AddrPort{netip.AddrPortFrom(netip.Addr{}, uint16(port))}, nil
	}
	ips, err := lookup(ctx, r, network, host)
	if err != nil {
		return nil, err
	}
	var out []netip.AddrPort
	for _, ip := range ips {
		ip = ip.Unmap()
		if network == "tcp4" && !ip.Is4() || network == "tcp6" && ip.Is4() {
			continue
		}
		out = append(out, netip.AddrPortFrom(ip, uint16(port)))
	}
	if len(out) == 0 {
		return nil, &net.AddrError{Err: "no suitable address found", Addr: host}
	}
	return out, nil
}

func lookup(ctx context.Context, r Resolver, network, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	if r == nil {
		r = net.DefaultResolver
	}
	return r.LookupNetIP(ctx, "ip"+strings.TrimPrefix(network, "tcp"), host)
}

// resolveListen gives the one address to listen on: for a name its first IPv4 address, as package net does.
func resolveListen(ctx context.Context, network, addr string) (netip.AddrPort, error) {
	all, err := resolve(ctx, nil, network, addr)
	if err != nil {
		return netip.AddrPort{}, err
	}
	for _, ap := range all {
		if ap.Addr().Is4() {
			return ap, nil
		}
	}
	return all[0], nil
}

// tcpAddr is ap as package net has it.
func tcpAddr(ap netip.AddrPort) *net.TCPAddr {
	if !ap.Addr().IsValid() {
		return &net.TCPAddr{Port: int(ap.Port())}
	}
	return net.TCPAddrFromAddrPort(ap)
}
