package resolve

import (
	"net/netip"
	"strings"
)

// maxName is the length of a name in text form, without the root's dot (RFC 1035, 2.3.4).
const maxName = 253

// canonical is host as the cache has it: in lower case, without the dot of the root. False if it cannot be a host name.
func canonical(host string) (string, bool) {
	name := strings.TrimSuffix(host, ".")
	if name == "" || len(name) > maxName {
		return "", false
	}
	label := 0
	for i := range len(name) {
		switch c := name[i]; {
		case c == '.':
			if label == 0 {
				return "", false
			}
			label = 0
			continue
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return "", false
		}
		if label++; label > 63 {
			return "", false
		}
	}
	return strings.ToLower(name), label > 0
}

// special answers names that are never asked of anybody: localhost and what is below it are this machine (RFC 6761, 6.3),
// invalid (6.4) and onion (RFC 7686) do not exist in DNS.
func special(name string) (addrs []netip.Addr, ok bool) {
	switch top := name[strings.LastIndexByte(name, '.')+1:]; top {
	case "localhost":
		return []netip.Addr{netip.IPv6Loopback(), netip.AddrFrom4([4]byte{127, 0, 0, 1})}, true
	case "invalid", "onion":
		return nil, true
	}
	return nil, false
}

// family is the addresses of one family, of both for "ip", without those that are not of it. IPv4-mapped ones are IPv4.
func family(network string, all []netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, a := range all {
		a = a.Unmap()
		if a.IsValid() && (network == "ip" || (network == "ip4") == a.Is4()) {
			out = append(out, a)
		}
	}
	return out
}
