package proxy

import (
	"net"
	"net/netip"
	"strconv"
)

// What SOCKS5 has on the wire (RFC 1928, RFC 1929).
const (
	socksVersion  = 5
	loginVersion  = 1
	methodNone    = 0x00
	methodLogin   = 0x02
	methodRefused = 0xff
	cmdConnect    = 1
	addrIPv4      = 1
	addrName      = 3
	addrIPv6      = 4
	// maxSOCKSField is what a length of one byte can say: of names, users and passwords.
	maxSOCKSField = 255
)

// appendGreeting is the client's first message: the methods that it knows (RFC 1928, section 3).
func appendGreeting(b []byte, login bool) []byte {
	if login {
		return append(b, socksVersion, 2, methodNone, methodLogin)
	}
	return append(b, socksVersion, 1, methodNone)
}

// parseMethod reads the proxy's choice. n is 0 while more is needed, here and below.
func parseMethod(b []byte, login bool) (method byte, n int, err error) {
	if len(b) > 0 && b[0] != socksVersion {
		return 0, 0, errSOCKSVersion
	}
	if len(b) < 2 {
		return 0, 0, nil
	}
	switch m := b[1]; {
	case m == methodRefused:
		return 0, 0, ErrSOCKSMethod
	case m == methodNone, m == methodLogin && login:
		return m, 2, nil
	}
	return 0, 0, errSOCKSChoice
}

// appendLogin is RFC 1929's request; its fields have been checked.
func appendLogin(b []byte, user, password string) []byte {
	b = append(b, loginVersion, byte(len(user)))
	b = append(append(b, user...), byte(len(password)))
	return append(b, password...)
}

// parseLogin reads what came of it.
func parseLogin(b []byte) (n int, err error) {
	if len(b) > 0 && b[0] != loginVersion {
		return 0, errSOCKSVersion
	}
	if len(b) < 2 {
		return 0, nil
	}
	if b[1] != 0 {
		return 0, ErrSOCKSLogin
	}
	return 2, nil
}

// target is what the proxy is to connect to: a name, or an address.
type target struct {
	name string
	addr netip.Addr
	port uint16
}

// parseTarget reads "host:port" with a number for the port. A name that is one has no control characters and no blanks; what
// else a name must be is the proxy's business.
func parseTarget(s string) (target, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return target{}, ErrSOCKSTarget
	}
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil || p == 0 {
		return target{}, ErrSOCKSTarget
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.Zone() != "" { // names an interface of this machine
			return target{}, ErrSOCKSTarget
		}
		return target{addr: ip.Unmap(), port: uint16(p)}, nil
	}
	if host == "" || len(host) > maxSOCKSField {
		return target{}, ErrSOCKSTarget
	}
	for i := range len(host) {
		if host[i] <= ' ' || host[i] >= 0x7f {
			return target{}, ErrSOCKSTarget
		}
	}
	return target{name: host, port: uint16(p)}, nil
}

// appendRequest is CONNECT (RFC 1928, section 4).
func appendRequest(b []byte, t target) []byte {
	b = append(b, socksVersion, cmdConnect, 0)
	switch {
	case t.name != "":
		b = append(append(b, addrName, byte(len(t.name))), t.name...)
	case t.addr.Is4():
		b = append(append(b, addrIPv4), t.addr.AsSlice()...)
	default:
		b = append(append(b, addrIPv6), t.addr.AsSlice()...)
	}
	return append(b, byte(t.port>>8), byte(t.port))
}

// parseReply reads what came of it (section 6). A refusal is known by its second byte, whatever the proxy sends then. The address is the one
// that the proxy connects from; most say nothing useful there, and it may be a name, which is left out.
func parseReply(b []byte) (bound netip.AddrPort, n int, err error) {
	switch {
	case len(b) > 0 && b[0] != socksVersion:
		return bound, 0, errSOCKSVersion
	case len(b) > 1 && b[1] != 0:
		return bound, 0, socksReply(b[1])
	case len(b) > 2 && b[2] != 0:
		return bound, 0, errSOCKSReserved
	case len(b) < 5:
		return bound, 0, nil
	}
	at, size := 4, 0
	switch b[3] {
	case addrIPv4:
		size = 4
	case addrIPv6:
		size = 16
	case addrName:
		at, size = 5, int(b[4])
	default:
		return bound, 0, errSOCKSAddress
	}
	end := at + size + 2
	if len(b) < end {
		return bound, 0, nil
	}
	port := uint16(b[end-2])<<8 | uint16(b[end-1])
	if ip, ok := netip.AddrFromSlice(b[at : at+size]); ok && b[3] != addrName {
		bound = netip.AddrPortFrom(ip, port)
	}
	return bound, end, nil
}
