package guard

import (
	"bytes"
	"net/netip"

	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// maxNode is the longest address with brackets and port that is looked at.
const maxNode = 64

// parseAddr reads an address as X-Forwarded-For and X-Real-IP have it: IPv4 or IPv6, with or without a port, IPv6 with or
// without brackets. An IPv4-mapped address is given as IPv4; a zone is not accepted.
func parseAddr(b []byte) (netip.Addr, bool) {
	if len(b) == 0 || len(b) > maxNode {
		return netip.Addr{}, false
	}
	if b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 0 || !isPort(b[end+1:]) {
			return netip.Addr{}, false
		}
		a, ok := ip(b[1:end])
		return a, ok && bytes.IndexByte(b[1:end], ':') >= 0
	}
	if i := bytes.IndexByte(b, ':'); i >= 0 && bytes.IndexByte(b[i+1:], ':') < 0 { // one colon: IPv4 and a port
		if !isPort(b[i:]) {
			return netip.Addr{}, false
		}
		b = b[:i]
	}
	return ip(b)
}

func ip(b []byte) (netip.Addr, bool) {
	a, err := netip.ParseAddr(string(b)) // does not escape: no allocation
	if err != nil || a.Zone() != "" {
		return netip.Addr{}, false
	}
	return a.Unmap(), true
}

// isPort says whether b is empty, or a colon and what may follow it in a node: digits, or an obfuscated port (RFC 7239 section
// 6).
func isPort(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	if b[0] != ':' || len(b) == 1 {
		return false
	}
	b = b[1:]
	obfuscated := b[0] == '_'
	for _, c := range b {
		digit := c >= '0' && c <= '9'
		if !digit && !(obfuscated && (c == '_' || c == '.' || c == '-' || lower(c) >= 'a' && lower(c) <= 'z')) {
			return false
		}
	}
	return obfuscated && len(b) > 1 || !obfuscated && len(b) <= 5
}

// forwardedFor is the address in the parameter "for" of one element of Forwarded (RFC 7239 section 4). An element that is not
// well-formed in any part has none, and so has one that names nobody.
func forwardedFor(e []byte) (a netip.Addr, ok bool) {
	var node [maxNode]byte
	var value []byte
	found := false
	for len(e) > 0 {
		var name, v []byte
		var quoted bool
		if name, v, e, quoted, ok = pair(e); !ok {
			return a, false
		}
		if !isName(name, "for") {
			continue
		}
		if found { // each parameter at most once
			return a, false
		}
		found = true
		if value = v; quoted {
			if value, ok = unquote(node[:0], v); !ok {
				return a, false
			}
		}
	}
	if !found {
		return a, false
	}
	return nodeAddr(value)
}

// nodeAddr is the address in a node: IPv6 only in brackets (RFC 7239 section 6).
func nodeAddr(b []byte) (netip.Addr, bool) {
	if len(b) > 0 && b[0] != '[' && bytes.Count(b, []byte(":")) > 1 {
		return netip.Addr{}, false
	}
	return parseAddr(b)
}

// pair cuts a forwarded-pair off an element, and the semicolon behind it. v is what a quoted string has between its quotes.
func pair(e []byte) (name, v, rest []byte, quoted, ok bool) {
	eq := bytes.IndexByte(e, '=')
	if eq < 0 || !wire.ValidToken(string(e[:eq])) {
		return nil, nil, nil, false, false
	}
	name, e = e[:eq], e[eq+1:]
	end := 0
	if len(e) > 0 && e[0] == '"' {
		quoted = true
		for end = 1; end < len(e) && e[end] != '"'; end++ {
			if e[end] == '\\' {
				end++
			}
		}
		if end >= len(e) {
			return nil, nil, nil, false, false
		}
		v, e = e[1:end], e[end+1:]
	} else {
		if end = bytes.IndexByte(e, ';'); end < 0 {
			end = len(e)
		}
		v, e = trim(e[:end]), e[end:]
		if !wire.ValidToken(string(v)) {
			return nil, nil, nil, false, false
		}
	}
	// White space around the semicolon is not in the grammar; some write it.
	if e = trim(e); len(e) > 0 {
		if e[0] != ';' {
			return nil, nil, nil, false, false
		}
		e = trim(e[1:])
	}
	return name, v, e, quoted, true
}

// unquote appends what is in a quoted string. One that is longer than dst has room for is no address.
func unquote(dst, v []byte) ([]byte, bool) {
	for i := 0; i < len(v); i++ {
		if v[i] == '\\' && i+1 < len(v) {
			i++
		}
		if len(dst) == cap(dst) {
			return nil, false
		}
		dst = append(dst, v[i])
	}
	return dst, true
}
