package accesslog

import "unicode/utf8"

// maxValue bounds a value of a line before it is escaped. Heads are 16 KiB by default: one client could else fill the disk
// four times as fast by sending bytes that have to be escaped.
const maxValue = 4 << 10

const hexDigits = "0123456789ABCDEF"

func cut(v []byte) []byte { return v[:min(len(v), maxValue)] }

// plain are the bytes that stay as they are in both notations.
var plain = func() (t [256]bool) {
	for c := byte(' '); c < 0x7f; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// run is the number of plain bytes at the beginning.
func run(v []byte) int {
	for i, c := range v {
		if !plain[c] {
			return i
		}
	}
	return len(v)
}

// appendEscaped escapes as nginx does by default.
func appendEscaped(dst, v []byte) []byte {
	for v = cut(v); ; v = v[1:] {
		n := run(v)
		dst = append(dst, v[:n]...)
		if v = v[n:]; len(v) == 0 {
			return dst
		}
		dst = append(dst, '\\', 'x', hexDigits[v[0]>>4], hexDigits[v[0]&15])
	}
}

// appendJSONText escapes for the inside of a JSON string. Beside what RFC 8259 section 7 demands, DEL, U+0085, U+2028 and U+2029
// are escaped, at which some readers of lines break them.
func appendJSONText(dst, v []byte) []byte {
	for v = cut(v); ; {
		n := run(v)
		dst = append(dst, v[:n]...)
		if v = v[n:]; len(v) == 0 {
			return dst
		}
		r, size := utf8.DecodeRune(v)
		switch {
		case r < utf8.RuneSelf:
			dst = appendJSONByte(dst, v[0])
		case r == utf8.RuneError && size == 1:
			dst = append(dst, `\ufffd`...)
		case r == 0x85:
			dst = append(dst, `\u0085`...)
		case r == '\u2028', r == '\u2029':
			dst = append(append(dst, `\u202`...), hexDigits[r&15])
		default:
			dst = append(dst, v[:size]...)
		}
		v = v[size:]
	}
}

// appendJSONByte escapes one that is not plain.
func appendJSONByte(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
