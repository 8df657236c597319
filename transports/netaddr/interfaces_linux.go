package netaddr

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// sysNet is where the kernel describes interfaces.
const sysNet = "/sys/class/net"

// describe asks sysfs what an interface is and how fast.
func describe(i net.Interface) (Kind, int) {
	dir := filepath.Join(sysNet, filepath.Base(i.Name))
	speed, err := strconv.Atoi(readLine(filepath.Join(dir, "speed")))
	if err != nil || speed < 0 {
		speed = 0
	}
	arp, err := strconv.Atoi(readLine(filepath.Join(dir, "type")))
	if err != nil {
		return kindByFlags(i.Flags), speed
	}
	uevent, _ := os.ReadFile(filepath.Join(dir, "uevent"))
	return kindOf(arp, devType(string(uevent)), func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}), speed
}

func readLine(path string) string {
	b, _ := os.ReadFile(path)
	return strings.TrimSpace(string(b))
}

// devType is the driver's word for what a device is.
func devType(uevent string) string {
	for line := range strings.Lines(uevent) {
		if t, ok := strings.CutPrefix(strings.TrimSpace(line), "DEVTYPE="); ok {
			return t
		}
	}
	return ""
}

// The hardware types of if_arp.h that matter here.
const (
	arpEther    = 1
	arpPPP      = 512
	arpTunnel   = 768
	arpTunnel6  = 769
	arpLoopback = 772
	arpSIT      = 776
	arpGRE      = 778
	arpWiFi     = 801
	arpWiFiLast = 803
	arpGRE6     = 823
	arpNone     = 65534
)

// kindOf knows a kind by the hardware type, the driver's word and the files that are there.
func kindOf(arp int, devtype string, has func(string) bool) Kind {
	switch devtype {
	case "wlan":
		return WiFi
	case "wwan":
		return Cellular
	case "ppp":
		return PPP
	case "wireguard", "vxlan", "geneve":
		return Tunnel
	case "bridge", "bond", "vlan", "macvlan", "dsa":
		return Virtual
	}
	switch {
	case arp == arpLoopback:
		return Loopback
	case arp == arpPPP:
		return PPP
	case arp >= arpWiFi && arp <= arpWiFiLast, has("phy80211"), has("wireless"):
		return WiFi
	case slices.Contains([]int{arpTunnel, arpTunnel6, arpSIT, arpGRE, arpGRE6, arpNone}, arp), has("tun_flags"):
		return Tunnel
	case arp == arpEther && has("device"):
		return Ethernet
	case arp == arpEther:
		return Virtual
	}
	return UnknownKind
}

// maxRoutes bounds what is read of a table of routes, in bytes: a router of the internet has a million.
const maxRoutes = 1 << 20

// gateways are the next hops of default routes by interface, the one with the least metric first.
func gateways() map[string][]netip.Addr {
	var all []route
	for path, parse := range map[string]func(string) (route, bool){"/proc/net/route": parseRoute4, "/proc/net/ipv6_route": parseRoute6} {
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		all = append(all, readRoutes(f, parse)...)
		f.Close()
	}
	slices.SortStableFunc(all, func(a, b route) int {
		if d := yes(a.gateway.Is4(), b.gateway.Is4()); d != 0 {
			return d
		}
		return cmp.Compare(a.metric, b.metric)
	})
	out := map[string][]netip.Addr{}
	for _, r := range all {
		if !slices.Contains(out[r.name], r.gateway) {
			out[r.name] = append(out[r.name], r.gateway)
		}
	}
	return out
}

// yes has what is true come first.
func yes(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// route is a default route by a gateway.
type route struct {
	name    string
	gateway netip.Addr
	metric  uint32
}

func readRoutes(r io.Reader, parse func(line string) (route, bool)) []route {
	var out []route
	s := bufio.NewScanner(io.LimitReader(r, maxRoutes))
	for s.Scan() {
		if r, ok := parse(s.Text()); ok {
			out = append(out, r)
		}
	}
	return out
}

// Flags of a route, of route.h.
const (
	routeUp      = 0x1
	routeGateway = 0x2
	routeReject  = 0x200
)

func usable(flags uint64) bool {
	return flags&(routeUp|routeGateway) == routeUp|routeGateway && flags&routeReject == 0
}

// parseRoute4 reads a line of /proc/net/route: Iface Destination Gateway Flags RefCnt Use Metric Mask, where addresses are
// numbers of the machine's byte order. False for all but default routes by a gateway.
func parseRoute4(line string) (route, bool) {
	f := strings.Fields(line)
	if len(f) < 8 || f[1] != "00000000" || f[7] != "00000000" {
		return route{}, false
	}
	gateway, err1 := strconv.ParseUint(f[2], 16, 32)
	flags, err2 := strconv.ParseUint(f[3], 16, 32)
	metric, err3 := strconv.ParseUint(f[6], 10, 31)
	if err1 != nil || err2 != nil || err3 != nil || !usable(flags) || gateway == 0 {
		return route{}, false
	}
	var b [4]byte
	binary.NativeEndian.PutUint32(b[:], uint32(gateway))
	return route{f[0], netip.AddrFrom4(b), uint32(metric)}, true
}

// parseRoute6 reads a line of /proc/net/ipv6_route: destination, its length, source, its length, next hop, metric, reference
// count, use, flags, interface.
func parseRoute6(line string) (route, bool) {
	f := strings.Fields(line)
	if len(f) < 10 || f[1] != "00" || f[3] != "00" || strings.Trim(f[0], "0") != "" {
		return route{}, false
	}
	hop, err1 := hex.DecodeString(f[4])
	metric, err2 := strconv.ParseUint(f[5], 16, 32)
	flags, err3 := strconv.ParseUint(f[8], 16, 32)
	gateway, ok := netip.AddrFromSlice(hop)
	if err1 != nil || err2 != nil || err3 != nil || !ok || !gateway.Is6() || !usable(flags) || gateway.IsUnspecified() {
		return route{}, false
	}
	if gateway.IsLinkLocalUnicast() {
		gateway = gateway.WithZone(f[9])
	}
	return route{f[9], gateway, uint32(min(metric, 1<<31-1))}, true
}
