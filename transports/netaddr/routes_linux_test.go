package netaddr

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

const (
	table4 = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	100	00000000	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
wlan0	00000000	0100000A	0003	0	0	600	00000000	0	0	0
ppp0	00000000	00000000	0001	0	0	0	00000000	0	0	0
down0	00000000	0100000A	0002	0	0	0	00000000	0	0	0
half0	00000000	0100000A	0003	0	0	0	00000080	0	0	0
dead0	00000000	0100000A	0203	0	0	0	00000000	0	0	0
cut0	00000000	0100000A	0003
bad0	00000000	zzzzzzzz	0003	0	0	0	00000000	0	0	0
`
	table6 = `fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 00000400 00000003 00000000 00000003     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000200 00000003 00000000 00000003    wlan0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd0000000000000000000000000001 00000400 00000003 00000000 00000003     cut0
`
)

// The kernel's tables, as they stand in /proc. IPv4's numbers are those of a little-endian machine.
func TestRoutes(t *testing.T) {
	if got := routes(table4, parseRoute4); got != "eth0 192.0.2.1 100, wlan0 10.0.0.1 600" &&
		got != "eth0 1.2.0.192 100, wlan0 1.0.0.10 600" { // big-endian
		t.Errorf("IPv4: %s", got)
	}
	if got := routes(table6, parseRoute6); got != "eth0 fd00::1 1024, wlan0 fe80::1%wlan0 512" {
		t.Errorf("IPv6: %s", got)
	}
}

func routes(table string, parse func(string) (route, bool)) string {
	var out []string
	for _, r := range readRoutes(strings.NewReader(table), parse) {
		out = append(out, fmt.Sprint(r.name, " ", r.gateway, " ", r.metric))
	}
	return strings.Join(out, ", ")
}

// FuzzRoutes reads any line of either table.
func FuzzRoutes(f *testing.F) {
	for line := range strings.Lines(table4 + table6) {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		for _, parse := range []func(string) (route, bool){parseRoute4, parseRoute6} {
			r, ok := parse(line)
			if ok != (r != route{}) || ok && (r.name == "" || !r.gateway.IsValid() || r.gateway == netip.IPv6Unspecified()) {
				t.Fatalf("%q: %+v, %v", line, r, ok)
			}
		}
	})
}

func TestKindOf(t *testing.T) {
	for _, c := range []struct {
		arp   int
		devt  string
		files string
		want  Kind
	}{
		{1, "", "device", Ethernet},
		{1, "", "", Virtual},
		{1, "", "phy80211 device", WiFi},
		{1, "", "wireless", WiFi},
		{1, "wlan", "device", WiFi},
		{801, "", "", WiFi},
		{803, "", "", WiFi},
		{1, "wwan", "device", Cellular},
		{65534, "wwan", "", Cellular},
		{512, "", "", PPP},
		{512, "ppp", "", PPP},
		{772, "", "", Loopback},
		{65534, "", "tun_flags", Tunnel},
		{1, "", "tun_flags", Tunnel},
		{65534, "wireguard", "", Tunnel},
		{778, "", "", Tunnel},
		{1, "bridge", "", Virtual},
		{1, "vlan", "", Virtual},
		{1, "bond", "", Virtual},
		{1, "vxlan", "", Tunnel},
		{32, "", "device", UnknownKind},
	} {
		if got := kindOf(c.arp, c.devt, func(name string) bool { return strings.Contains(c.files, name) }); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	if got := devType("DEVTYPE=wlan\nINTERFACE=wlan0\n"); got != "wlan" {
		t.Errorf("%q", got)
	}
	for k := UnknownKind; k <= Virtual; k++ {
		if k.String() == "" || k > 0 && k.String() == "unknown" {
			t.Errorf("%d has no name", k)
		}
	}
	if Kind(99).String() != "unknown" {
		t.Error("a kind that is none")
	}
}
