package tftp

import (
	"net/netip"
	"testing"
)

func TestNeighbour(t *testing.T) {
	const table = `IP address       HW type     Flags       HW address            Mask     Device
192.0.2.1        0x1         0x2         00:11:22:aa:bb:cc     *        eth0
192.0.2.2        0x1         0x0         00:00:00:00:00:00     *        eth0
`
	for ip, want := range map[string]string{"192.0.2.1": "00:11:22:aa:bb:cc", "192.0.2.2": "", "192.0.2.3": "", "2001:db8::1": ""} {
		if got, ok := findNeighbour(table, netip.MustParseAddr(ip)); got != want || ok != (want != "") {
			t.Errorf("%s: %q", ip, got)
		}
	}
}
