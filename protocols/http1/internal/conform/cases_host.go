package conform

// hostCases covers the Host field: RFC 9112, section 3.2, and RFC 9110,
// section 7.2. A request that lacks it, repeats it or has an invalid value
// MUST be answered with a 400.
func hostCases() []Case {
	const line = "GET /plaintext HTTP/1.1"
	cases := []Case{
		refuse(Must, "9112-3.2-host-missing", head(line)),
		refuse(Must, "9112-3.2-host-missing-other-fields", head(line, "Accept: */*", "X-Host: conform")),
		refuse(Must, "9112-3.2-host-twice", head(line, "Host: conform", "Host: other.example")),
		refuse(Must, "9112-3.2-host-twice-identical", head(line, "Host: conform", "Host: conform")),
		refuse(Must, "9112-3.2-host-twice-apart", head(line, "Host: conform", "Accept: */*", "Host: other.example")),
		refuse(Must, "9112-3.2-host-twice-other-case", head(line, "Host: conform", "hOST: other.example")),
		refuse(Must, "9112-3.2-host-twice-first-empty", head(line, "Host:", "Host: conform")),
		refuse(Must, "9112-3.2-host-twice-last-empty", head(line, "Host: conform", "Host:")),
		refuse(Must, "9112-3.2-host-thrice", head(line, "Host: a", "Host: a", "Host: a")),
		refuse(Must, "9112-3.2-host-twice-1.0", head("GET /plaintext HTTP/1.0", "Host: a", "Host: b")).old(),
		refuse(Must, "9112-3.2-host-bad-1.0", head("GET /plaintext HTTP/1.0", "Host: a b")).old(),
		refuse(Must, "9112-3.2-host-missing-post", head("POST /echo HTTP/1.1", "Content-Length: 5")+"hello"),
		refuse(Must, "9112-3.2-host-missing-options", head("OPTIONS * HTTP/1.1")),
		refuse(Must, "9112-3.2-host-missing-head", head("HEAD /plaintext HTTP/1.1")).to("HEAD"),
		refuse(Security, "9112-5.1-host-space-before-colon", head(line, "Host : conform")),
		refuse(Security, "9112-5.2-host-folded", head(line, "Host: con", " form")),
		refuse(Security, "9112-5.2-host-folded-empty", head(line, "Host:", " conform")),
		// Looks like Host to some parsers, and is another field to the RFC.
		refuse(Security, "9112-3.2-host-underscore-name", head(line, "Ho_st: conform")),
		accept(Must, "9112-3.2-host-missing-1.0", head("GET /plaintext HTTP/1.0"), hello).old().thenClosed(),
		// uri-host may be empty by the grammar, and "http" forbids it: both
		// readings are in use.
		either(May, "9112-3.2-host-empty", head(line, "Host:"), []int{200, 400}, on(200, hello)),
		either(May, "9112-3.2-host-empty-with-space", head(line, "Host: "), []int{200, 400}, on(200, hello)),
	}
	for _, v := range []struct{ slug, value string }{
		{"name", "conform"},
		{"name-port", "conform:8080"},
		{"empty-port", "conform:"},
		{"dotted", "www.conform.example"},
		{"trailing-dot", "conform.example."},
		{"upper-case", "CONFORM"},
		{"ipv4", "127.0.0.1"},
		{"ipv4-port", "127.0.0.1:80"},
		{"ipv6", "[::1]"},
		{"ipv6-port", "[2001:db8::1]:8080"},
		{"ipv6-v4", "[::ffff:127.0.0.1]"},
		{"hyphen-digits", "a-1.2b"},
		{"underscore", "con_form"},
		{"tilde", "~conform"},
		{"percent", "con%66orm"},
		{"punycode", "xn--bcher-kva.example"},
		{"port-0", "conform:0"},
	} {
		cases = append(cases, accept(Must, "9112-3.2-host-ok-"+v.slug, head(line, "Host: "+v.value), hello))
	}
	// Syntactically a reg-name, or an IPvFuture, that nobody uses.
	for _, v := range []struct{ slug, value string }{
		{"comma", "a,b"},
		{"semicolon", "a;b"},
		{"sub-delims", "a!$&'()*+=b"},
		{"ipvfuture", "[v1.fe80::a]"},
		{"port-too-big", "conform:99999"},
		{"dot-only", "."},
		{"two-dots", "a..b"},
		{"long", "a" + ".aaaaaaaaa.aaaaaaaaa.aaaaaaaaa.aaaaaaaaa" + ".a"},
	} {
		cases = append(cases, either(May, "9112-3.2-host-odd-"+v.slug, head(line, "Host: "+v.value),
			[]int{200, 400}, on(200, hello)))
	}
	for _, v := range []struct{ slug, value string }{
		{"space", "a b"},
		{"tab", "a\tb"},
		{"slash", "a/b"},
		{"trailing-slash", "a/"},
		{"scheme", "http://a"},
		{"userinfo", "user@a"},
		{"userinfo-port", "a:80@b"},
		{"query", "a?b"},
		{"fragment", "a#b"},
		{"backslash", `a\b`},
		{"quote", `a"b`},
		{"angle", "<a>"},
		{"caret", "a^b"},
		{"pipe", "a|b"},
		{"backtick", "a`b"},
		{"braces", "{a}"},
		{"comma-space", "a, b"},
		{"port-letters", "a:http"},
		{"port-mixed", "a:80x"},
		{"port-negative", "a:-1"},
		{"port-plus", "a:+80"},
		{"port-space", "a: 80"},
		{"two-ports", "a:80:80"},
		{"ipv6-open", "[::1"},
		{"ipv6-closed", "::1]"},
		{"ipv6-bare", "2001:db8::1"},
		{"ipv6-garbage", "[::1]x"},
		{"ipv6-not-hex", "[gg]"},
		{"ipv6-empty", "[]"},
		{"ipv6-zone", "[fe80::1%eth0]"},
		{"bracket-inside", "a[b]"},
		{"percent-not-hex", "a%zz"},
		{"percent-short", "a%4"},
		{"nul", "a\x00b"},
		{"control", "a\x01b"},
		{"del", "a\x7fb"},
		{"high-byte", "a\xffb"},
		{"utf8", "b\xc3\xbccher.example"},
	} {
		cases = append(cases, refuse(Must, "9112-3.2-host-bad-"+v.slug, head(line, "Host: "+v.value)))
	}
	return cases
}
