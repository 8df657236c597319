package router

import (
	"bytes"
	"path"
)

// cleanPath says whether p begins with a slash and has no empty segment but the last, and none that is "." or "..".
func cleanPath[P string | []byte](p P) bool {
	if len(p) == 0 || p[0] != '/' {
		return false
	}
	for i := 0; i+1 < len(p); i++ {
		if p[i] != '/' {
			continue
		}
		switch p[i+1] {
		case '/':
			return false
		case '.':
			if dots(p[i+1:]) {
				return false
			}
		}
	}
	return true
}

// dots says whether the first segment of p, which begins with a dot, is "." or "..".
func dots[P string | []byte](p P) bool {
	n := 1
	if len(p) > 1 && p[1] == '.' {
		n = 2
	}
	return len(p) == n || p[n] == '/'
}

// clean gives the clean path for p, a slash at its end kept.
func clean(p []byte) []byte {
	c := path.Clean("/" + string(p))
	if len(p) > 0 && p[len(p)-1] == '/' && c != "/" {
		c += "/"
	}
	return []byte(c)
}

// appendNormal appends p in the form that the trees have: of each segment that is encoded well only '%' and '/' are encoded,
// and of another one every '%', so that it stands for itself.
func appendNormal(dst, p []byte) []byte {
	for len(p) > 0 {
		if p[0] == '/' {
			dst, p = append(dst, '/'), p[1:]
			continue
		}
		n := bytes.IndexByte(p, '/')
		if n < 0 {
			n = len(p)
		}
		s := p[:n]
		p = p[n:]
		if !encodedWell(s) {
			dst = appendEncoded(dst, s)
			continue
		}
		for i := 0; i < len(s); i++ {
			c := s[i]
			if c == '%' {
				c = hex(s[i+1])<<4 | hex(s[i+2])
				i += 2
			}
			dst = appendEncodedByte(dst, c)
		}
	}
	return dst
}

// appendEncoded appends a decoded segment in the trees' form.
func appendEncoded[S string | []byte](dst []byte, s S) []byte {
	for i := range len(s) {
		dst = appendEncodedByte(dst, s[i])
	}
	return dst
}

func appendEncodedByte(dst []byte, c byte) []byte {
	switch c {
	case '%':
		return append(dst, "%25"...)
	case '/':
		return append(dst, "%2F"...)
	}
	return append(dst, c)
}

// decode gives the percent-decoded form of s: s itself if nothing is encoded, or if a percent sign does not begin an encoded
// byte.
func decode(s []byte) []byte {
	if bytes.IndexByte(s, '%') < 0 || !encodedWell(s) {
		return s
	}
	d := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			c = hex(s[i+1])<<4 | hex(s[i+2])
			i += 2
		}
		d = append(d, c)
	}
	return d
}

func decodeString(s string) string { return string(decode([]byte(s))) }

// encodedWell says whether each percent sign of s begins an encoded byte.
func encodedWell(s []byte) bool {
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			continue
		}
		if i+2 >= len(s) || hex(s[i+1]) > 15 || hex(s[i+2]) > 15 {
			return false
		}
		i += 2
	}
	return true
}

// hex is the value of a hexadecimal digit, above 15 for another byte.
func hex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 255
}
