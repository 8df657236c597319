package conform

import (
	"fmt"
	"strings"
)

// chunkedCases covers valid chunked bodies: RFC 9112, section 7.1.
func chunkedCases() []Case {
	const end = "0\r\n\r\n"
	all256 := make([]byte, 256)
	for i := range all256 {
		all256[i] = byte(i)
	}
	var ones strings.Builder
	for i := range 500 {
		ones.WriteString(chunk(string(rune('a' + i%26))))
	}
	alphabet := strings.Repeat("abcdefghijklmnopqrstuvwxyz", 20)[:500]
	ok := func(checks ...Check) Check { return on(200, checks...) }
	cases := []Case{
		accept(Must, "9112-7.1-one-chunk", chunked("5\r\nhello\r\n"+end), echoed("hello"), framed(ByChunks)),
		accept(Must, "9112-7.1-no-chunk", chunked(end), echoed("")),
		accept(Must, "9112-7.1-three-chunks", chunked("3\r\nfoo\r\n1\r\n \r\n3\r\nbar\r\n"+end), echoed("foo bar")),
		accept(Must, "9112-7.1-one-byte-chunks", chunked(ones.String()+end), echoed(alphabet)),
		accept(Must, "9112-7.1-lower-case-hex", chunked("a\r\n0123456789\r\n"+end), echoed("0123456789")),
		accept(Must, "9112-7.1-upper-case-hex", chunked("A\r\n0123456789\r\n"+end), echoed("0123456789")),
		accept(Must, "9112-7.1-two-digit-hex", chunked("1f\r\n"+strings.Repeat("x", 31)+"\r\n"+end), echoed(strings.Repeat("x", 31))),
		accept(Must, "9112-7.1-mixed-case-hex", chunked("aB\r\n"+strings.Repeat("x", 171)+"\r\n"+end), echoed(strings.Repeat("x", 171))),
		accept(Must, "9112-7.1-leading-zeros", chunked("0005\r\nhello\r\n"+end), echoed("hello")),
		accept(Must, "9112-7.1-long-last-chunk", chunked("5\r\nhello\r\n000\r\n\r\n"), echoed("hello")),
		accept(Must, "9112-7.1-every-byte", chunked(chunk(string(all256))+end), echoed(string(all256))),
		accept(Must, "9112-7.1-crlf-in-data", chunked(chunk("\r\n0\r\n\r\n")+end), echoed("\r\n0\r\n\r\n")),
		accept(Must, "9112-7.1-request-in-data", chunked(chunk(smuggled)+end), echoed(smuggled)),
		accept(Must, "9112-7.1-64k-chunk", chunked(chunk(strings.Repeat("z", 65536))+end), echoed(strings.Repeat("z", 65536))),
		either(May, "9112-7.1-forty-leading-zeros", chunked(strings.Repeat("0", 40)+"5\r\nhello\r\n"+end),
			[]int{200, 400}, ok(echoed("hello"))),
		answers(Must, "9112-7.1-next-request-follows", chunked("5\r\nhello\r\n"+end)+get("/json"),
			status(200).with(echoed("hello")), status(200).with(helloJSON)),

		// Section 7.1.1: a recipient MUST ignore extensions it does not know.
		accept(Must, "9112-7.1.1-ext-name", chunked("5;ext\r\nhello\r\n"+end), echoed("hello")),
		accept(Must, "9112-7.1.1-ext-value", chunked("5;ext=val\r\nhello\r\n"+end), echoed("hello")),
		accept(Must, "9112-7.1.1-ext-quoted", chunked("5;ext=\"a b;c\"\r\nhello\r\n"+end), echoed("hello")),
		accept(Must, "9112-7.1.1-ext-quoted-pair", chunked("5;ext=\"a\\\"b\\\\\"\r\nhello\r\n"+end), echoed("hello")),
		accept(Must, "9112-7.1.1-ext-quoted-empty", chunked("5;ext=\"\"\r\nhello\r\n"+end), echoed("hello")),
		accept(Must, "9112-7.1.1-ext-several", chunked("5;a;b=c;d=\"e\"\r\nhello\r\n"+end), echoed("hello")),
		accept(Must, "9112-7.1.1-ext-on-last-chunk", chunked("5\r\nhello\r\n0;ext=val\r\n\r\n"), echoed("hello")),
		accept(Must, "9112-7.1.1-ext-token-characters", chunked("5;!#$%&'*+-.^_`|~=~\r\nhello\r\n"+end), echoed("hello")),
		// BWS in an extension is to be parsed, and is refused by many since
		// it let a bare CR pass.
		either(May, "9112-7.1.1-ext-space-after-semicolon", chunked("5; ext\r\nhello\r\n"+end), []int{200, 400}, ok(echoed("hello"))),
		either(May, "9112-7.1.1-ext-space-before-semicolon", chunked("5 ;ext\r\nhello\r\n"+end), []int{200, 400}, ok(echoed("hello"))),
		either(May, "9112-7.1.1-ext-space-around-equals", chunked("5;a = b\r\nhello\r\n"+end), []int{200, 400}, ok(echoed("hello"))),

		// Section 7.1.2: trailers may be discarded, and end the body.
		accept(Must, "9112-7.1.2-trailer", chunked("5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"), echoed("hello")),
		accept(Must, "9112-7.1.2-trailers", chunked("5\r\nhello\r\n0\r\nX-A: 1\r\nX-B: 2\r\nX-A:\r\n\r\n"), echoed("hello")),
		accept(Must, "9112-7.1.2-trailer-announced",
			chunked("5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", "Trailer: X-Sum"), echoed("hello")),
		accept(Must, "9112-7.1.2-trailer-without-chunks", chunked("0\r\nX-Sum: 1\r\n\r\n"), echoed("")),
		answers(Must, "9112-7.1.2-trailer-then-request", chunked("5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n")+get("/json"),
			status(200).with(echoed("hello")), status(200).with(helloJSON)),
		// RFC 9110, section 6.5.1: what governs framing or routing must not
		// take effect from a trailer.
		either(Security, "9110-6.5.1-trailer-content-length", chunked("5\r\nhello\r\n0\r\nContent-Length: 99\r\n\r\n"),
			[]int{200, 400}, ok(echoed("hello"))),
		either(Security, "9110-6.5.1-trailer-transfer-encoding", chunked("5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"),
			[]int{200, 400}, ok(echoed("hello"))),
		either(Security, "9110-6.5.1-trailer-host", chunked("5\r\nhello\r\n0\r\nHost: evil.example\r\n\r\n"),
			[]int{200, 400}, ok(echoed("hello"))),
		either(Security, "9110-6.5.1-trailer-connection", chunked("5\r\nhello\r\n0\r\nConnection: close\r\n\r\n"),
			[]int{200, 400}, ok(echoed("hello"))),

		// Section 8: the end has to come.
		cutShort(Must, "9112-8-chunk-data-cut-short", chunked("5\r\nhel")),
		cutShort(Must, "9112-8-no-last-chunk", chunked("5\r\nhello\r\n")),
		cutShort(Must, "9112-8-no-final-crlf", chunked("5\r\nhello\r\n0\r\n")),
		cutShort(Must, "9112-8-half-final-crlf", chunked("5\r\nhello\r\n0\r\n\r")),
		cutShort(Must, "9112-8-chunk-size-cut-short", chunked("5")),
		cutShort(Must, "9112-8-no-chunks", chunked("")),
		cutShort(Must, "9112-8-trailer-cut-short", chunked("5\r\nhello\r\n0\r\nX-Sum: 1\r\n")),
	}
	return cases
}

// chunkAttackCases covers what looks like a chunked body to a lenient parser:
// each of these gave somebody a second reading of where the body ends.
func chunkAttackCases() []Case {
	const end = "0\r\n\r\n"
	var cases []Case
	add := func(l Level, slug, raw string) {
		cases = append(cases, refuse(l, slug, chunked(raw)))
	}
	// The chunk size (section 7.1) is 1*HEXDIG and nothing else.
	for _, v := range []struct{ slug, size string }{
		{"empty", ""},
		{"not-hex", "g"},
		{"hex-prefix", "0x5"},
		{"hex-prefix-upper", "0X5"},
		{"h-suffix", "5h"},
		{"plus", "+5"},
		{"minus", "-5"},
		{"minus-zero", "-0"},
		{"underscore", "0_5"},
		{"dot", "5.0"},
		{"comma", "5,"},
		{"leading-space", " 5"},
		{"leading-tab", "\t5"},
		{"trailing-space", "5 "},
		{"trailing-tab", "5\t"},
		{"space-inside", "0 5"},
		{"leading-vt", "\x0b5"},
		{"nul-after", "5\x00"},
		{"nul-before", "\x005"},
		{"letter-after", "5g"},
		{"quoted", `"5"`},
		{"colon", "5:"},
		{"wide-digit", "\xef\xbc\x95"},
		{"high-byte", "5\xa0"},
		{"wraps-64-bits", "10000000000000005"},
		{"wraps-signed", "fffffffffffffffb"},
		{"twenty-digits", "fffffffffffffffffff5"},
		{"cr-after", "5\r"},
		{"cr-before", "\r5"},
		{"two-sizes", "5 5"},
		{"exponent", "5e+0"},
		{"percent", "%35"},
	} {
		c := refuse(Must, "9112-7.1-size-"+v.slug, chunked(v.size+"\r\nhello\r\n"+end))
		switch v.slug {
		case "wraps-64-bits", "wraps-signed", "twenty-digits":
			c.Want[0].Status = []int{400, 413} // too large is as good a reason
			if v.slug == "wraps-signed" {
				c.Level = Security // a size too large for us, but a size
			}
		case "trailing-space", "trailing-tab":
			c.Level = Security // padding of old: many parsers skip it
		}
		cases = append(cases, c)
	}
	// Line ends: CRLF after the size, after the data, after each trailer.
	add(Security, "9112-7.1-lf-after-size", "5\nhello\r\n"+end)
	add(Security, "9112-7.1-cr-after-size", "5\rhello\r\n"+end)
	add(Security, "9112-7.1-lf-after-data", "5\r\nhello\n"+end)
	add(Security, "9112-7.1-cr-after-data", "5\r\nhello\r"+end)
	add(Security, "9112-7.1-lf-everywhere", "5\nhello\n0\n\n")
	add(Security, "9112-7.1-lf-after-last-chunk", "5\r\nhello\r\n0\n\r\n")
	add(Security, "9112-7.1-lf-final", "5\r\nhello\r\n0\r\n\n")
	add(Security, "9112-7.1-cr-x-after-data", "5\r\nhello\rX"+end)
	add(Security, "9112-7.1-two-bytes-for-crlf", "5\r\nhelloXX"+end)
	add(Security, "9112-7.1-lf-cr-after-data", "5\r\nhello\n\r"+end)
	add(Security, "9112-7.1-crlf-crlf-after-data", "5\r\nhello\r\n\r\n"+end)
	add(Security, "9112-7.1-leading-crlf", "\r\n5\r\nhello\r\n"+end)
	add(Must, "9112-7.1-no-crlf-after-data", "5\r\nhello"+end)
	add(Must, "9112-7.1-data-longer-than-size", "5\r\nhello!\r\n"+end)
	add(Must, "9112-7.1-data-shorter-than-size", "6\r\nhello\r\n"+end)
	add(Must, "9112-7.1-no-final-crlf", "5\r\nhello\r\n0\r\n")
	add(Must, "9112-7.1-not-chunked-at-all", "hello")
	// Found in net/http as golang/go#65244 and its like.
	add(Security, "9112-7.1-space-line-between-chunks", "5\r\nhello\r\n \r\n"+end)

	// Section 7.1.1, extensions. Whoever skips to the next LF, or to the next
	// CR, disagrees with whoever parses (CVE-2025-55315, CVE-2025-22871).
	for _, v := range []struct{ slug, ext string }{
		{"lf-inside", ";a\nb"},
		{"lf-after-semicolon", ";\n"},
		{"lf-end", ";a\n5"},
		{"cr-inside", ";a\rb"},
		{"cr-before-crlf", ";a\r"},
		{"cr-x", ";a\rX"},
		{"lf-quoted", ";a=\"\n\""},
		{"crlf-quoted", ";a=\"\r\n\""},
		{"cr-quoted", ";a=\"\r\""},
		{"nul", ";a\x00b"},
		{"nul-quoted", ";a=\"\x00\""},
		{"control", ";a\x01"},
		{"del", ";a\x7f"},
		{"high-byte-name", ";\xe9"},
		{"empty", ";"},
		{"two-semicolons", ";;a"},
		{"trailing-semicolon", ";a;"},
		{"no-name", ";=b"},
		{"no-value", ";a="},
		{"open-quote", ";a=\"b"},
		{"after-quote", ";a=\"b\"c"},
		{"quote-in-token", ";a=b\"c\""},
		{"open-quoted-pair", ";a=\"\\"},
		{"two-equals", ";a=b=c"},
		{"space-in-name", ";a b"},
		{"no-semicolon", " a=b"},
		{"comma", ",a=b"},
		{"parenthesis", ";a(b)"},
		{"only-space", ";  "},
	} {
		add(Security, "9112-7.1.1-ext-bad-"+v.slug, "5"+v.ext+"\r\nhello\r\n"+end)
	}
	add(Security, "9112-7.1.1-ext-bad-on-last-chunk", "5\r\nhello\r\n0;a\nb\r\n\r\n")

	// Section 7.1.2: trailers obey the syntax of fields.
	for _, v := range []struct{ slug, line string }{
		{"no-colon", "garbage"},
		{"empty-name", ": x"},
		{"space-before-colon", "X-A : b"},
		{"space-in-name", "X A: b"},
		{"folded", "X-A: b\r\n c"},
		{"leading-space", " X-A: b"},
		{"nul", "X-A: b\x00"},
		{"cr", "X-A: b\rc"},
		{"lf", "X-A: b\nX-C: d"},
		{"control", "X-A: \x01"},
		{"del", "X-A: \x7f"},
		{"request-line", "GET /json HTTP/1.1"},
		{"name-high-byte", "X-\xe9: b"},
		{"cr-cr", "X-A: b\r"},
	} {
		level := Must
		if v.slug == "folded" || v.slug == "lf" {
			level = Security // may be repaired, by sections 5.2 and 2.2
		}
		add(level, "9112-7.1.2-trailer-bad-"+v.slug, fmt.Sprintf("5\r\nhello\r\n0\r\n%s\r\n\r\n", v.line))
	}
	return cases
}
