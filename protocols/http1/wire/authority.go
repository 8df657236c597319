package wire

import "bytes"

// parseAuthority checks uri-host [ ":" port ] (RFC 9110 4.2, 7.2; RFC 3986
// 3.2.2). The host may not be empty (RFC 9110 4.2.1); port is -1 if there is none or
// it has no digits. Narrower than the grammar, because hosts are compared and
// dialled: no user information, no zone, no IPvFuture, no comma, and a port is at
// most 65535.
func parseAuthority(b []byte) (port int, ok bool) {
	i := skip(b, 0, cHost)
	switch {
	case i > 0:
	case len(b) > 0 && b[0] == '[':
		end := bytes.IndexByte(b, ']')
		if end < 0 || !validIPv6(b[1:end]) {
			return 0, false
		}
		i = end + 1
	case len(b) == 0 || b[0] != '%':
		return 0, false
	}
	for i < len(b) && b[i] == '%' && b[0] != '[' {
		if !percentAt(b, i) {
			return 0, false
		}
		i = skip(b, i+3, cHost)
	}
	if i == len(b) {
		return -1, true
	}
	if b[i] != ':' {
		return 0, false
	}
	return parsePort(b[i+1:])
}

// parsePort reads *DIGIT, at most five of them.
func parsePort(b []byte) (port int, ok bool) {
	if len(b) == 0 {
		return -1, true
	}
	if len(b) > 5 {
		return 0, false
	}
	for _, c := range b {
		if chars[c]&cDigit == 0 {
			return 0, false
		}
		port = port*10 + int(c-'0')
	}
	return port, port <= 65535
}

// percentAt reports whether b[i] is a percent sign with two hex digits after it
// (RFC 3986 2.1).
func percentAt(b []byte, i int) bool {
	return len(b)-i > 2 && b[i] == '%' && chars[b[i+1]]&chars[b[i+2]]&cHex != 0
}

// validIPv6 checks IPv6address (RFC 3986 3.2.2): eight groups of one to four
// hex digits, or fewer around one "::", the last two perhaps as an IPv4address.
func validIPv6(b []byte) bool {
	groups, short, i := 0, false, 0
	if bytes.HasPrefix(b, []byte("::")) {
		short, i = true, 2
	}
	for i < len(b) || !short && groups == 0 {
		j := skip(b, i, cHex)
		if j < len(b) && b[j] == '.' {
			if !validIPv4(b[i:]) {
				return false
			}
			groups += 2
			break
		}
		if j == i || j-i > 4 {
			return false
		}
		groups++
		if j == len(b) {
			break
		}
		if b[j] != ':' || j+1 == len(b) {
			return false
		}
		i = j + 1
		if b[i] == ':' {
			if short {
				return false
			}
			short = true
			i++
		}
	}
	if short {
		return groups <= 7
	}
	return groups == 8
}

// validIPv4 checks IPv4address (RFC 3986 3.2.2): four numbers up to 255, without
// leading zeros.
func validIPv4(b []byte) bool {
	for n := range 4 {
		i := skip(b, 0, cDigit)
		if i == 0 || i > 3 || i > 1 && b[0] == '0' || i == 3 && string(b[:3]) > "255" {
			return false
		}
		b = b[i:]
		if n < 3 {
			if len(b) == 0 || b[0] != '.' {
				return false
			}
			b = b[1:]
		}
	}
	return len(b) == 0
}
