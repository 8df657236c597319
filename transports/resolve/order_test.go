package resolve

import (
	"fmt"
	"net/netip"
	"testing"
)

// The examples of RFC 6724, section 10.2, as far as rules 1, 2, 5, 6, 8 and 9 decide them, and others.
func TestOrder(t *testing.T) {
	for _, c := range []struct {
		name   string
		source map[string]string // by destination; none: unreachable
		in     []string
		want   string
	}{
		{
			"matching scope: a global IPv6 source",
			map[string]string{"2001:db8:1::1": "2001:db8:1::2", "198.51.100.121": "169.254.13.78"},
			[]string{"198.51.100.121", "2001:db8:1::1"},
			"[2001:db8:1::1 198.51.100.121]",
		},
		{
			"matching scope: a global IPv4 source",
			map[string]string{"2001:db8:1::1": "fe80::1", "198.51.100.121": "198.51.100.117"},
			[]string{"2001:db8:1::1", "198.51.100.121"},
			"[198.51.100.121 2001:db8:1::1]",
		},
		{
			"higher precedence",
			map[string]string{"2001:db8:1::1": "2001:db8:1::2", "10.1.2.3": "10.1.2.4"},
			[]string{"10.1.2.3", "2001:db8:1::1"},
			"[2001:db8:1::1 10.1.2.3]",
		},
		{
			"smaller scope",
			map[string]string{"2001:db8:1::1": "2001:db8:1::2", "fe80::1": "fe80::2"},
			[]string{"2001:db8:1::1", "fe80::1"},
			"[fe80::1 2001:db8:1::1]",
		},
		{
			"longest prefix",
			map[string]string{"2001:db8:1::1": "2001:db8:1::2", "2001:db8:3ffe::1": "2001:db8:3f44::2"},
			[]string{"2001:db8:3ffe::1", "2001:db8:1::1"},
			"[2001:db8:1::1 2001:db8:3ffe::1]",
		},
		{
			"matching label: 6to4",
			map[string]string{"2002:c633:6401::1": "2002:c633:6401::2", "2001:db8:1::1": "2002:c633:6401::2"},
			[]string{"2001:db8:1::1", "2002:c633:6401::1"},
			"[2002:c633:6401::1 2001:db8:1::1]",
		},
		{
			"higher precedence than 6to4",
			map[string]string{"2002:c633:6401::1": "2002:c633:6401::2", "2001:db8:1::1": "2001:db8:1::2"},
			[]string{"2002:c633:6401::1", "2001:db8:1::1"},
			"[2001:db8:1::1 2002:c633:6401::1]",
		},
		{
			"no IPv6 at all",
			map[string]string{"192.0.2.1": "192.0.2.9", "192.0.2.2": "192.0.2.9"},
			[]string{"2001:db8::1", "192.0.2.2", "192.0.2.1"},
			"[192.0.2.2 192.0.2.1 2001:db8::1]",
		},
		{"nothing reachable", nil, []string{"192.0.2.1", "2001:db8::1"}, "[2001:db8::1 192.0.2.1]"},
		{
			"unique local comes after IPv4",
			map[string]string{"fd00::1": "2001:db8::2", "192.0.2.1": "192.0.2.9"},
			[]string{"fd00::1", "192.0.2.1"},
			"[192.0.2.1 fd00::1]",
		},
		{
			"the loopback first",
			map[string]string{"::1": "::1", "127.0.0.1": "127.0.0.1"},
			[]string{"127.0.0.1", "::1"},
			"[::1 127.0.0.1]",
		},
		{
			"IPv4 keeps its order",
			map[string]string{"192.0.2.1": "192.0.2.9", "198.51.100.1": "192.0.2.9"},
			[]string{"198.51.100.1", "192.0.2.1"},
			"[198.51.100.1 192.0.2.1]",
		},
		{
			"beyond 64 bits nothing counts",
			map[string]string{"2001:db8::1": "2001:db8::8", "2001:db8::9": "2001:db8::8"},
			[]string{"2001:db8::1", "2001:db8::9"},
			"[2001:db8::1 2001:db8::9]",
		},
	} {
		got := order(ips(c.in...), func(a netip.Addr) netip.Addr {
			s, ok := c.source[a.String()]
			if !ok {
				return netip.Addr{}
			}
			return ip(s)
		})
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s: %v; want %s", c.name, got, c.want)
		}
	}
}

func TestClassify(t *testing.T) {
	for in, want := range map[string]string{
		"::1": "50 0", "2001:db8::1": "40 1", "192.0.2.1": "35 4", "2002::1": "30 2", "2001::1": "5 5", "fd00::1": "3 13",
		"::192.0.2.1": "1 3", "fec0::1": "1 11", "3ffe::1": "1 12", "fe80::1%eth0": "40 1",
	} {
		p, l := classify(ip(in))
		if got := fmt.Sprint(p, l); got != want {
			t.Errorf("%s: %s; want %s", in, got, want)
		}
	}
	for in, want := range map[string]int{
		"::1": 2, "fe80::1": 2, "fec0::1": 5, "2001:db8::1": 14, "ff02::1": 2, "ff05::1": 5, "127.0.0.1": 2, "169.254.1.1": 2, "10.0.0.1": 14,
	} {
		if got := scopeOf(ip(in)); got != want {
			t.Errorf("%s: scope %d; want %d", in, got, want)
		}
	}
	if got := sourceOf(ip("127.0.0.1")); got != ip("127.0.0.1") {
		t.Errorf("to 127.0.0.1 from %v", got)
	}
}
