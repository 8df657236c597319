package tftp

import (
	"net/netip"
	"os"
	"strings"
)

// neighbour finds the hardware address of an IPv4 address in the table that Linux keeps of those it has talked to.
func neighbour(ip netip.Addr) (string, bool) {
	b, err := os.ReadFile("/proc/net/arp")
	if err != nil {
		return "", false
	}
	return findNeighbour(string(b), ip)
}

// findNeighbour reads that table: address, kind, flags, hardware address, mask, device.
func findNeighbour(table string, ip netip.Addr) (string, bool) {
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) >= 6 && f[0] == ip.String() && f[3] != "00:00:00:00:00:00" {
			return f[3], true
		}
	}
	return "", false
}
