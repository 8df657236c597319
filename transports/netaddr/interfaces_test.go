package netaddr_test

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"github.com/calandria-go/calandria/transports/netaddr"
)

// What package net says of this machine is said too.
func TestInterfaces(t *testing.T) {
	std, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	all, err := netaddr.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]netaddr.Interface{}
	loopback := false
	for _, i := range all {
		byName[i.Name] = i
		if i.Kind == netaddr.Loopback {
			loopback = slices.Contains(i.Addrs, netip.MustParsePrefix("127.0.0.1/8"))
		}
		for _, g := range i.Gateways {
			if !g.IsValid() || g.IsUnspecified() {
				t.Errorf("%s: gateway %v", i.Name, g)
			}
		}
	}
	if !loopback {
		t.Error("no loopback interface with 127.0.0.1/8")
	}
	for _, want := range std {
		got, ok := byName[want.Name]
		if !ok {
			continue // it came meanwhile
		}
		addrs, err := want.Addrs()
		if err != nil {
			t.Fatal(err)
		}
		if got.Index != want.Index || got.MTU != want.MTU || got.MAC.String() != want.HardwareAddr.String() || len(got.Addrs) != len(addrs) {
			t.Errorf("%s: %+v; package net says %+v, %v", want.Name, got, want, addrs)
		}
		for i, a := range addrs {
			if i < len(got.Addrs) && got.Addrs[i].String() != a.String() {
				t.Errorf("%s: %v; package net says %v", want.Name, got.Addrs[i], a)
			}
		}
	}
}

// The default address is one of the machine's.
func TestDefaultAddr(t *testing.T) {
	all, err := netaddr.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	own := func(a netip.Addr) bool {
		return slices.ContainsFunc(all, func(i netaddr.Interface) bool {
			return slices.ContainsFunc(i.Addrs, func(p netip.Prefix) bool { return p.Addr() == a.WithZone("") })
		})
	}
	found := 0
	for _, network := range []string{"ip4", "ip6"} {
		a, err := netaddr.DefaultAddr(network)
		switch {
		case err != nil && !errors.Is(err, syscall.ENETUNREACH) && !errors.Is(err, syscall.EADDRNOTAVAIL):
			t.Errorf("%s: %v", network, err)
		case err == nil && (!own(a) || a.Is4() != (network == "ip4")):
			t.Errorf("%s: %v", network, a)
		case err == nil:
			found++
		}
	}
	if a, err := netaddr.DefaultAddr("ip"); (err == nil) != (found > 0) || err == nil && !own(a) {
		t.Errorf("ip: %v, %v", a, err)
	}
	if a, err := netaddr.SourceAddr(netip.MustParseAddr("127.0.0.1")); err != nil || a != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("to the loopback: %v, %v", a, err)
	}
	if _, err := netaddr.DefaultAddr("tcp"); !errors.As(err, new(net.UnknownNetworkError)) {
		t.Errorf("tcp: %v", err)
	}
}

func TestBroadcast(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.7/24": "192.0.2.255", "10.1.2.3/8": "10.255.255.255", "192.0.2.130/25": "192.0.2.255", "192.0.2.1/30": "192.0.2.3",
		"0.0.0.0/0": "255.255.255.255", "192.0.2.7/31": "", "192.0.2.7/32": "", "2001:db8::1/64": "",
	} {
		a, ok := netaddr.Broadcast(netip.MustParsePrefix(in))
		if ok != (want != "") || ok && a.String() != want {
			t.Errorf("%s: %v, %v", in, a, ok)
		}
	}
	if _, ok := netaddr.Broadcast(netip.Prefix{}); ok {
		t.Error("of no network")
	}
}
