package access

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Errors of targets. Each comes with what is wrong.
var (
	// ErrTarget: the target is not in one of the forms that are taken.
	ErrTarget = errors.New("relay: malformed target")
	// ErrForbidden: the address is reserved and not allowed, or the port is not.
	ErrForbidden = errors.New("relay: target is not allowed")
)

// Target is where an agent's service is: "tcp://HOST:PORT", "http://HOST:PORT", "udp://HOST:PORT" or "unix:/PATH".
type Target struct {
	Scheme string     // tcp, http, udp or unix
	Host   string     // a name, lower case; empty for an address or a path
	Addr   netip.Addr // if the host is an address
	Port   uint16     // 1 to 65535
	Path   string     // of a unix socket
}

// ParseTarget reads a target strictly. There is one way to write each: no user, no path behind the port, no query, no zone, no
// spaces, no escapes; an address in its usual form, so that "0177.0.0.1", "2130706433" and "0x7f.1" are neither addresses nor
// names, whatever a resolver of the system would make of them; and an IPv4 address is not written as an IPv6 one.
func ParseTarget(s string) (Target, error) {
	bad := func(why string) (Target, error) { return Target{}, fmt.Errorf("%w %q: %s", ErrTarget, s, why) }
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		path = strings.TrimPrefix(path, "//")
		switch {
		case path == "" || path[0] != '/' || len(path) > 100:
			return bad("the path of a socket is absolute, and of 100 bytes at the most")
		case !printable(path) || strings.Contains(path+"/", "/../"):
			return bad("the path has characters or parts that it must not have")
		}
		return Target{Scheme: "unix", Path: path}, nil
	}
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || scheme != "tcp" && scheme != "http" && scheme != "udp" {
		return bad("the scheme must be tcp, http, udp or unix")
	}
	host, port, ok := cutPort(rest)
	if !ok {
		return bad("it is not HOST:PORT")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || port[0] == '0' || port[0] == '+' {
		return bad("the port must be 1 to 65535")
	}
	t := Target{Scheme: scheme, Port: uint16(n)}
	if strings.HasPrefix(host, "[") {
		a, err := netip.ParseAddr(host[1 : len(host)-1])
		if err != nil || !a.Is6() || a.Zone() != "" || a.Is4In6() {
			return bad("not an IPv6 address, or one with a zone or an IPv4 address in it")
		}
		t.Addr = a
		return t, nil
	}
	if a, err := netip.ParseAddr(host); err == nil {
		t.Addr = a
		return t, nil
	}
	if !hostName(host) {
		return bad("the host is neither an address nor a name")
	}
	t.Host = strings.ToLower(host)
	return t, nil
}

// cutPort cuts at the last colon. Whatever else there is must be a host.
func cutPort(s string) (host, port string, ok bool) {
	if strings.HasPrefix(s, "[") {
		host, port, ok = strings.Cut(s, "]:")
		return host + "]", port, ok && !strings.ContainsAny(port, ":]") && port != ""
	}
	host, port, ok = strings.Cut(s, ":")
	return host, port, ok && port != "" && !strings.Contains(port, ":")
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '%' || s[i] == '\\' {
			return false
		}
	}
	return true
}

// hostName says whether s is a name of DNS whose last label is not a number: else a resolver may take it for an IPv4 address in
// one of its older forms (the WHATWG's rule for URLs).
func hostName(s string) bool {
	if len(s) == 0 || len(s) > 253 {
		return false
	}
	labels := strings.Split(strings.TrimSuffix(s, "."), ".")
	for _, l := range labels {
		if len(l) == 0 || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
		for i := range len(l) {
			c := l[i]
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
				return false
			}
		}
	}
	return !numeric(labels[len(labels)-1])
}

func numeric(l string) bool {
	if strings.HasPrefix(strings.ToLower(l), "0x") {
		l = l[2:]
		for i := range len(l) {
			if !strings.ContainsRune("0123456789abcdefABCDEF", rune(l[i])) {
				return false
			}
		}
		return true
	}
	for i := range len(l) {
		if l[i] < '0' || l[i] > '9' {
			return false
		}
	}
	return true
}

// String is the target as ParseTarget reads it.
func (t Target) String() string {
	if t.Scheme == "unix" {
		return "unix:" + t.Path
	}
	host := t.Host
	if t.Addr.IsValid() {
		return t.Scheme + "://" + netip.AddrPortFrom(t.Addr, t.Port).String()
	}
	return t.Scheme + "://" + host + ":" + strconv.Itoa(int(t.Port))
}
