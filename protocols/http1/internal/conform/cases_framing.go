package conform

import "strings"

// framingCases covers Content-Length: RFC 9110, section 8.6, and RFC 9112,
// sections 6.2 and 6.3.
func framingCases() []Case {
	length := func(value string) string {
		return request("POST", "/echo", "Content-Length: "+value) + "hello"
	}
	ok := func(checks ...Check) Check { return on(200, checks...) }
	binary := string([]byte{0, '\r', '\n', '\r', '\n', 0xff, 0x80, '\n'})
	cases := []Case{
		accept(Must, "9112-6.2-length", post("hello"), echoed("hello"), framed(ByLength)),
		accept(Must, "9112-6.2-length-zero", post(""), echoed("")),
		accept(Must, "9112-6.2-length-binary", post(binary), echoed(binary)),
		accept(Must, "9112-6.2-length-body-is-a-request", post(smuggled), echoed(smuggled)),
		accept(Must, "9112-6.2-length-body-is-crlf", post("\r\n\r\n"), echoed("\r\n\r\n")),
		accept(Must, "9110-5.1-length-name-upper-case",
			request("POST", "/echo", "CONTENT-LENGTH: 5")+"hello", echoed("hello")),
		accept(Must, "9112-5.1-length-optional-space", length("\t 5 \t"), echoed("hello")),
		accept(Must, "9112-5.1-length-no-space", request("POST", "/echo", "Content-Length:5")+"hello", echoed("hello")),
		accept(Must, "9112-6.2-length-64k", post(strings.Repeat("0123456789abcdef", 4096)),
			echoed(strings.Repeat("0123456789abcdef", 4096))),
		// Neither field: the body is empty. RFC 9110, section 15.5.12 lets a
		// server ask for a length.
		either(Must, "9112-6.3-post-without-framing", request("POST", "/echo"), []int{200, 411}, ok(echoed(""))),
		answers(Must, "9112-6.3-no-framing-no-body", request("POST", "/echo")+get("/json"),
			status(200).with(echoed("")), status(200).with(helloJSON)),
		answers(Must, "9112-6.3-zero-length-then-request", post("")+get("/json"),
			status(200).with(echoed("")), status(200).with(helloJSON)),
		// The length decides what the next request is, not what looks right.
		answers(Security, "9112-6.3-length-shorter-than-data",
			request("POST", "/echo", "Content-Length: 4")+"hello"+strings.TrimPrefix(get("/plaintext"), "G"),
			status(200).with(echoed("hell")), status(400, 405, 501)).thenEither(),

		// Leading zeros are digits, hence valid, and read as octal by some.
		either(May, "9110-8.6-length-leading-zero", length("05"), []int{200, 400}, ok(echoed("hello"))),
		either(May, "9110-8.6-length-many-zeros", length(strings.Repeat("0", 300)+"5"), []int{200, 400}, ok(echoed("hello"))),
		either(Security, "9110-8.6-length-octal-trap", request("POST", "/echo", "Content-Length: 010")+"helloworld",
			[]int{200, 400}, ok(echoed("helloworld"))),

		// Section 6.3: an invalid Content-Length is unrecoverable. A list of
		// equal numbers may be repaired; we refuse it like the rest.
		refuse(Security, "9112-6.3-length-twice-same", request("POST", "/echo", "Content-Length: 5", "Content-Length: 5")+"hello"),
		refuse(Must, "9112-6.3-length-twice-different", request("POST", "/echo", "Content-Length: 5", "Content-Length: 6")+"hello"),
		refuse(Must, "9112-6.3-length-twice-apart", request("POST", "/echo", "Content-Length: 0", "Accept: */*", "content-length: 5")+"hello"),
		refuse(Must, "9112-6.3-length-twice-first-bad", request("POST", "/echo", "Content-Length: x", "Content-Length: 5")+"hello"),
		refuse(Must, "9112-6.3-length-twice-last-bad", request("POST", "/echo", "Content-Length: 5", "Content-Length: x")+"hello"),
		refuse(Must, "9112-6.3-length-twice-one-empty", request("POST", "/echo", "Content-Length: 5", "Content-Length:")+"hello"),
		refuse(Security, "9112-6.3-length-twice-zeros", request("POST", "/echo", "Content-Length: 5", "Content-Length: 05")+"hello"),
		refuse(Security, "9112-6.3-length-list-same", length("5, 5")),
		refuse(Must, "9112-6.3-length-list-different", length("5, 6")),
		refuse(Security, "9112-6.3-length-list-no-space", length("5,5")),
		refuse(Security, "9112-6.3-get-length-twice", get("/plaintext", "Content-Length: 0", "Content-Length: 0")),
		refuse(Must, "9112-6.3-get-length-bad", get("/plaintext", "Content-Length: x")),
		refuse(Must, "9112-6.3-length-bad-1.0", head("POST /echo HTTP/1.0", "Content-Length: 5x")+"hello").old(),
		refuse(Security, "9112-5.2-length-folded", request("POST", "/echo", "Content-Length:", " 5")+"hello"),
		refuse(Security, "9112-5.2-length-folded-digits", request("POST", "/echo", "Content-Length: 1", " 5")+"hello"),

		// The number that fits nowhere must not wrap to one that does.
		refuse(Security, "9110-8.6-length-wraps-32-bits", length("4294967301"), 400, 413),
		refuse(Security, "9110-8.6-length-wraps-64-bits", length("18446744073709551621"), 400, 413),
		refuse(Security, "9110-8.6-length-int64-max", length("9223372036854775807"), 400, 413),
		refuse(Security, "9110-8.6-length-int64-max-plus-1", length("9223372036854775808"), 400, 413),
		refuse(Security, "9110-8.6-length-uint64-max", length("18446744073709551615"), 400, 413),
		refuse(Security, "9110-8.6-length-40-digits", length(strings.Repeat("9", 40)), 400, 413),

		// RFC 9112, section 8: a body cut short is never handed on as whole.
		cutShort(Must, "9112-8-body-cut-short", request("POST", "/echo", "Content-Length: 10")+"hello"),
		cutShort(Must, "9112-8-body-missing", request("POST", "/echo", "Content-Length: 10")),
		cutShort(Must, "9112-8-body-last-byte-missing", post("hello")[:len(post("hello"))-1]),
		cutShort(Must, "9112-8-pipelined-body-cut-short",
			request("POST", "/echo", "Content-Length: 1000")+get("/plaintext")),

		// HTTP/1.0 knows Content-Length, and no body without it.
		accept(Must, "9112-6.3-length-1.0", head("POST /echo HTTP/1.0", "Content-Length: 5")+"hello",
			echoed("hello")).old().thenClosed(),
		either(Must, "9112-6.3-no-length-1.0", head("POST /echo HTTP/1.0"), []int{200, 400, 411}, ok(echoed(""))).old(),
	}
	for _, v := range []struct{ slug, value string }{
		{"empty", ""},
		{"blank", " "},
		{"plus", "+5"},
		{"minus", "-5"},
		{"minus-zero", "-0"},
		{"plus-zero", "+0"},
		{"minus-one", "-1"},
		{"hex", "0x5"},
		{"octal-prefix", "0o5"},
		{"binary-prefix", "0b101"},
		{"hex-digit", "a"},
		{"letters", "five"},
		{"digit-letter", "5x"},
		{"letter-digit", "x5"},
		{"underscore", "0_5"},
		{"decimal", "5.0"},
		{"exponent", "5e0"},
		{"percent", "%35"},
		{"quoted", `"5"`},
		{"single-quoted", "'5'"},
		{"space-inside", "0 5"},
		{"tab-inside", "0\t5"},
		{"two-numbers", "5 5"},
		{"semicolon", "5;"},
		{"parameter", "5;q=1"},
		{"trailing-comma", "5,"},
		{"leading-comma", ",5"},
		{"only-comma", ","},
		{"list-with-bad", "5, x"},
		{"nul-after", "5\x00"},
		{"nul-before", "\x005"},
		{"vt-before", "\x0b5"},
		{"ff-after", "5\x0c"},
		{"cr-after", "5\r"},
		{"cr-before", "\r5"},
		{"lf-before", "\n5"},
		{"nbsp-before", "\xa05"},
		{"wide-digit", "\xef\xbc\x95"},
		{"arabic-digit", "\xd9\xa5"},
		{"superscript", "\xb5"},
		{"slash", "5/1"},
		{"parenthesis", "5 (five)"},
		{"bytes-unit", "5B"},
		{"infinity", "Infinity"},
		{"nan", "NaN"},
		{"null", "null"},
	} {
		cases = append(cases, refuse(Must, "9110-8.6-length-"+v.slug, length(v.value)))
	}
	return cases
}
