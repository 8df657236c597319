package conform

import (
	"fmt"
	"strings"
)

// fieldCases covers the syntax of field lines: RFC 9112, section 5, and RFC
// 9110, section 5.
func fieldCases() []Case {
	get := func(field string) string { return get("/plaintext", field) }
	cases := []Case{
		// Valid forms that a parser must not trip over.
		accept(Must, "9110-5.1-name-case-insensitive", head("GET /plaintext HTTP/1.1", "hOsT: conform"), hello),
		accept(Must, "9112-5.1-no-space-after-colon", head("GET /plaintext HTTP/1.1", "Host:conform"), hello),
		accept(Must, "9112-5.1-spaces-around-value", head("GET /plaintext HTTP/1.1", "Host:   conform \t "), hello),
		accept(Must, "9112-5.1-tab-after-colon", head("GET /plaintext HTTP/1.1", "Host:\tconform"), hello),
		accept(Must, "9110-5.5-empty-value", get("X-Empty:"), hello),
		accept(Must, "9110-5.5-blank-value", get("X-Blank: \t "), hello),
		accept(Must, "9110-5.5-colons-in-value", get("X-Colons: a:b::c"), hello),
		accept(Must, "9110-5.5-tab-inside-value", get("X-Tab: a\tb"), hello),
		accept(Must, "9110-5.5-obs-text-value", get("X-Latin: caf\xe9 \x80\xff"), hello),
		accept(Must, "9110-5.5-utf8-value", get("X-Utf8: \xe2\x82\xac"), hello),
		accept(Must, "9110-5.5-every-visible-character", get("X-All: "+visible()), hello),
		accept(Must, "9110-5.6.2-every-token-character", get("!#$%&'*+-.^_`|~09azAZ: x"), hello),
		accept(Must, "9110-5.1-one-letter-name", get("x: y"), hello),
		accept(Must, "9110-5.3-repeated-list-field", get("Accept: text/html\r\nAccept: text/plain"), hello),
		accept(Must, "9110-5.1-unknown-field-ignored", get("X-Unknown: 1"), hello),

		// Section 5.1: white space before the colon MUST be a 400: it is how
		// fields are hidden from the next parser.
		refuse(Must, "9112-5.1-space-before-colon", get("X-Space : a")),
		refuse(Must, "9112-5.1-tab-before-colon", get("X-Tab\t: a")),
		refuse(Must, "9112-5.1-spaces-before-colon", get("X-Spaces  : a")),
		refuse(Must, "9112-5.1-space-before-colon-last-field", head("GET /plaintext HTTP/1.1", "Host: conform", "A: b", "Z :c")),
		refuse(Must, "9112-5-no-colon", get("X-No-Colon")),
		refuse(Must, "9112-5-no-colon-first", head("GET /plaintext HTTP/1.1", "Garbage", "Host: conform")),
		refuse(Must, "9112-5-empty-name", get(": value")),
		refuse(Must, "9112-5-only-colon", get(":")),
		refuse(Must, "9112-5-space-in-name", get("X Space: a")),
		refuse(Must, "9112-5-equals-for-colon", get("X-Equals=a")),
		refuse(Must, "9112-5-request-line-as-field", get("GET /json HTTP/1.1")),

		// Section 5.2: obs-fold in a request is refused, or else replaced by
		// spaces, which is a repair.
		refuse(Security, "9112-5.2-obs-fold-space", get("X-Fold: a\r\n b")),
		refuse(Security, "9112-5.2-obs-fold-tab", get("X-Fold: a\r\n\tb")),
		refuse(Security, "9112-5.2-obs-fold-spaces", get("X-Fold: a\r\n    b")),
		refuse(Security, "9112-5.2-obs-fold-empty", get("X-Fold: a\r\n ")),
		refuse(Security, "9112-5.2-obs-fold-with-colon", get("X-Fold: a\r\n Y-Fold: b")),
		refuse(Security, "9112-5.2-obs-fold-twice", get("X-Fold: a\r\n b\r\n c")),
		refuse(Security, "9112-5.2-obs-fold-last", head("GET /plaintext HTTP/1.1", "Host: conform", " ")),

		// Line ends inside the header section.
		refuse(Security, "9112-2.2-bare-lf-in-fields", get("X-A: a\nX-B: b")),
		refuse(Security, "9112-2.2-bare-lf-after-last-field", "GET /plaintext HTTP/1.1\r\nHost: conform\n\r\n"),
		refuse(Security, "9112-2.2-bare-lf-empty-line", "GET /plaintext HTTP/1.1\r\nHost: conform\r\n\n"),
		refuseAlone(Security, "9112-2.2-bare-lf-empty-line-alone", "GET /plaintext HTTP/1.1\r\nHost: conform\r\n\n"),
		// A bare CR is invalid, or else replaced by a space.
		refuse(Security, "9112-2.2-bare-cr-in-value", get("X-Cr: a\rb")),
		refuse(Security, "9112-2.2-bare-cr-at-end-of-value", get("X-Cr: a\r")),
		refuse(Security, "9112-2.2-bare-cr-after-colon", get("X-Cr:\ra")),
		refuse(Must, "9112-2.2-bare-cr-in-name", get("X\r-Cr: a")),
		refuse(Must, "9112-2.2-bare-cr-before-colon", get("X-Cr\r: a")),
		refuse(Must, "9112-2.2-bare-cr-as-line-end", "GET /plaintext HTTP/1.1\r\nHost: conform\rX: y\r\n\r\n"),
		refuse(Must, "9112-2.2-cr-cr-lf-ends-head", "GET /plaintext HTTP/1.1\r\nHost: conform\r\n\r\r\n"),
		refuse(Security, "9112-2.2-lf-cr-ends-head", "GET /plaintext HTTP/1.1\r\nHost: conform\r\n\n\r"),

		// A head that never ends because the client went away.
		cutShort(May, "9112-8-head-without-end", "GET /plaintext HTTP/1.1\r\nHost: conform\r\n"),
		cutShort(May, "9112-8-head-ends-in-cr", "GET /plaintext HTTP/1.1\r\nHost: conform\r\n\r"),
		cutShort(May, "9112-8-head-ends-in-name", "GET /plaintext HTTP/1.1\r\nHost: conform\r\nX-Unfin"),
		cutShort(May, "9112-8-request-line-without-end", "GET /plaintext HTTP/1.1"),
		cutShort(May, "9112-8-one-letter", "G"),
	}
	// RFC 9110, section 5.6.2: what may not stand in a field name.
	for _, c := range []byte("\x00\x01\x08\x0b\x0c\x1f\x7f\x80\xe9\xff\"(),/;<=>?@[\\]{}") {
		cases = append(cases, refuse(Must, fmt.Sprintf("9110-5.1-name-with-%02x", c), get("X-A"+string([]byte{c})+"B: c")))
	}
	// Section 5.5: NUL, CR and LF are dangerous in a value, and a message with
	// them is refused or repaired; we refuse, and the other controls, which
	// are merely invalid, with them.
	for _, c := range []byte{0, 1, 7, 8, 0x0b, 0x0c, 0x0e, 0x1b, 0x1f, 0x7f} {
		cases = append(cases,
			refuse(Security, fmt.Sprintf("9110-5.5-value-with-%02x", c), get("X-A: b"+string([]byte{c})+"c")))
	}
	// At the edges of a value, where trimming functions would swallow them.
	for _, c := range []byte{0, 0x0b, 0x0c, 0x1c} {
		cases = append(cases,
			refuse(Security, fmt.Sprintf("9110-5.5-value-starts-with-%02x", c), get("X-A:"+string([]byte{c})+"b")),
			refuse(Security, fmt.Sprintf("9110-5.5-value-ends-with-%02x", c), get("X-A: b"+string([]byte{c}))))
	}
	return cases
}

// visible returns every VCHAR and the space.
func visible() string {
	var b strings.Builder
	for c := byte('!'); c <= '~'; c++ {
		b.WriteByte(c)
	}
	return b.String()
}
