package wire

// The classes of one byte, as bits in the table chars.
const (
	cToken = 1 << iota // tchar, RFC 9110 5.6.2
	cPath              // in a request target before the query
	cQuery             // in a query
	cHost              // reg-name and IPv4address, RFC 3986 3.2.2, without the comma and pct-encoded
	cHex               // HEXDIG
	cDigit             // DIGIT
	cPlain             // as cPath, but for the percent sign
	cText              // in a field value: VCHAR, obs-text, SP, HTAB (RFC 9110 5.5)
)

var chars = charTable()

func charTable() (t [256]uint8) {
	set := func(class uint8, s string) {
		for _, c := range []byte(s) {
			t[c] |= class
		}
	}
	const (
		digits     = "0123456789"
		letters    = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		unreserved = digits + letters + "-._~"
	)
	set(cDigit, digits)
	set(cHex, digits+"abcdefABCDEF")
	set(cToken, digits+letters+"!#$%&'*+-.^_`|~")
	set(cHost, unreserved+"!$&'()*+;=")
	// The first strings are pchar and "/" (RFC 3986 3.3, 3.4); the last are what
	// user agents do not encode (see the package comment).
	set(cPath, unreserved+"!$&'()*+,;=:@%/"+"[]{}|^`")
	set(cPlain, unreserved+"!$&'()*+,;=:@/"+"[]{}|^`")
	set(cQuery, unreserved+"!$&'()*+,;=:@%/?"+"[]{}|^`\\")
	for c := range 256 {
		if c == '\t' || c >= ' ' && c != 0x7f {
			t[c] |= cText
		}
	}
	return t
}

// skip returns the index of the first byte of b at or after i that is not of
// the class.
func skip(b []byte, i int, class uint8) int {
	for len(b)-i >= 4 {
		w := b[i : i+4 : i+4]
		if chars[w[0]]&chars[w[1]]&chars[w[2]]&chars[w[3]]&class == 0 {
			break
		}
		i += 4
	}
	for j, c := range b[i:] {
		if chars[c]&class == 0 {
			return i + j
		}
	}
	return len(b)
}

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// equalFold reports whether a and b are the same but for the case of ASCII
// letters.
func equalFold[A, B string | []byte](a A, b B) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func isOWS(c byte) bool { return c == ' ' || c == '\t' }

// trimOWS cuts spaces and tabs, and only these, off both ends (RFC 9110 5.6.3).
func trimOWS(b []byte) []byte {
	for len(b) > 0 && isOWS(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isOWS(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// ValidToken reports whether s is a token: a method, a field name, a transfer
// coding (RFC 9110 5.6.2).
func ValidToken(s string) bool {
	for i := range len(s) {
		if chars[s[i]]&cToken == 0 {
			return false
		}
	}
	return s != ""
}

// ValidFieldValue reports whether s may be written as a field value: any bytes
// but control characters, HTAB excepted (RFC 9110 5.5). White space at its ends
// is valid, but not part of the value that the peer will see.
func ValidFieldValue(s string) bool {
	for i := range len(s) {
		if chars[s[i]]&cText == 0 {
			return false
		}
	}
	return true
}
