package conform

import (
	"fmt"
	"strings"
)

// targetCases covers the four forms of request-target: RFC 9112, section 3.2,
// with the URI rules of RFC 9110, section 4.
func targetCases() []Case {
	cases := []Case{
		// Section 3.2.1, origin-form.
		accept(Must, "9112-3.2.1-root", get("/"), fieldStarts("Content-Type", "text/html"), bodyHas("<")),
		accept(Must, "9112-3.2.1-query", get("/plaintext?a=b&c=d"), hello),
		accept(Must, "9112-3.2.1-empty-query", get("/plaintext?"), hello),
		accept(Must, "9112-3.2.1-query-with-slashes", get("/plaintext?/x/../y?z//"), hello),
		accept(Must, "9112-3.2.1-query-with-url", get("/plaintext?u=http://other:80/x@y"), hello),
		accept(Must, "9112-3.2.1-query-percent", get("/plaintext?a=%00%0d%0a%ff"), hello),
		// RFC 9110, section 4.2.3: %70 is another spelling of p, and %2f not
		// one of "/".
		either(May, "9110-4.2.3-percent-unreserved", get("/%70laintext"), []int{200, 404}, on(200, hello)),
		either(May, "9110-4.2.3-trailing-slash", get("/plaintext/"), []int{301, 308, 404}),
		either(May, "9110-4.2.3-double-slash", get("//plaintext"), []int{200, 301, 307, 308, 400, 404}),
		either(May, "9110-4.2.3-dot-segments", get("/x/../plaintext"), []int{200, 301, 307, 308, 400, 404}),
		either(Must, "9110-4.2.3-path-is-case-sensitive", get("/PLAINTEXT"), []int{404}),
		either(Security, "9110-17.3-climb-above-root", get("/../../../../etc/passwd"), []int{301, 307, 308, 400, 404}),
		either(Security, "9110-17.3-climb-percent", get("/%2e%2e/%2e%2e/etc/passwd"), []int{301, 307, 308, 400, 404}),
		either(Security, "9110-17.3-percent-nul", get("/plaintext%00"), []int{400, 404}),
		either(Security, "9110-17.3-percent-crlf", get("/plaintext%0d%0aX:y"), []int{400, 404}, absent("X")),

		// Grammar: no fragment, no white space, no controls, no raw high
		// bytes in a target.
		refuse(Should, "9112-3.2-fragment", get("/plaintext#top")),
		refuse(Should, "9112-3.2-no-leading-slash", get("plaintext")),
		refuse(Should, "9112-3.2-relative-path", get("./plaintext")),
		refuse(Should, "9112-3.2-leading-backslash", get(`\plaintext`)),
		refuse(Should, "9112-3.2-query-only", get("?a=b")),
		refuse(Should, "9112-3.2-space-in-target", get("/plain text")),

		// Section 3.2.2, absolute-form: every server MUST accept it, and take
		// the host from it.
		accept(Must, "9112-3.2.2-absolute", get("http://conform/plaintext"), hello),
		accept(Must, "9112-3.2.2-absolute-port", head("GET http://conform:8080/plaintext HTTP/1.1", "Host: conform:8080"), hello),
		accept(Must, "9112-3.2.2-absolute-query", get("http://conform/plaintext?a=b"), hello),
		// RFC 9110, section 4.2.3: an empty path is the path "/".
		accept(Should, "9110-4.2.3-absolute-no-path", get("http://conform"), fieldStarts("Content-Type", "text/html")),
		accept(Must, "9112-3.2.2-absolute-root", get("http://conform/"), fieldStarts("Content-Type", "text/html")),
		accept(Must, "9112-3.2.2-absolute-upper-case", get("HTTP://CONFORM/plaintext"), hello),
		accept(Must, "9112-3.2.2-absolute-ipv6", head("GET http://[::1]:80/plaintext HTTP/1.1", "Host: [::1]:80"), hello),
		accept(Must, "9112-3.2.2-target-wins-over-host", head("GET http://conform/plaintext HTTP/1.1", "Host: other.example"), hello),
		accept(Must, "9112-3.2.2-absolute-post",
			head("POST http://conform/echo HTTP/1.1", "Host: conform", "Content-Length: 5")+"hello", echoed("hello")),
		accept(Must, "9112-3.2.2-absolute-1.0", head("GET http://conform/plaintext HTTP/1.0"), hello).old().thenClosed(),
		either(May, "9110-4.2.3-absolute-query-no-path", get("http://conform?a=b"), []int{200, 301, 307, 308, 400}),
		refuse(Must, "9112-3.2.2-absolute-still-needs-host", head("GET http://conform/plaintext HTTP/1.1")),
		refuse(Must, "9112-3.2.2-absolute-bad-host-field", head("GET http://conform/plaintext HTTP/1.1", "Host: a b")),
		refuse(Must, "9112-3.2.2-absolute-two-host-fields",
			head("GET http://conform/plaintext HTTP/1.1", "Host: conform", "Host: other.example")),
		// RFC 9110, section 4.2.1: an empty host is invalid.
		refuse(Must, "9110-4.2.1-absolute-empty-host", get("http:///plaintext")),
		refuse(Must, "9110-4.2.1-absolute-port-without-host", get("http://:80/plaintext")),
		// RFC 9110, section 4.2.4: userinfo is to be treated as an error.
		refuse(Should, "9110-4.2.4-absolute-userinfo", get("http://user@conform/plaintext")),
		refuse(Should, "9110-4.2.4-absolute-user-password", get("http://user:pw@conform/plaintext")),
		refuse(Security, "9112-3.2.2-absolute-bad-port", get("http://conform:8x/plaintext")),
		refuse(Security, "9112-3.2.2-absolute-bad-ipv6", get("http://[::1/plaintext")),
		refuse(Security, "9112-3.2.2-absolute-backslash", get(`http://conform\@other/plaintext`)),
		refuse(Should, "9112-3.2.2-absolute-fragment", get("http://conform/plaintext#x")),
		refuse(Should, "9112-3.2.2-absolute-one-slash", get("http:/plaintext")),
		// RFC 9110, section 7.4: another scheme may be misdirected.
		either(May, "9110-7.4-absolute-https", get("https://conform/plaintext"), []int{200, 400, 421}),
		either(May, "9110-7.4-absolute-ftp", get("ftp://conform/plaintext"), []int{200, 400, 404, 421}),

		// Section 3.2.3: authority-form belongs to CONNECT alone. To the
		// grammar of URIs this is a scheme that we do not serve.
		either(Should, "9112-3.2.3-authority-with-get", get("conform:80"), []int{400, 404, 421}),
		either(Should, "9110-9.3.6-connect", head("CONNECT conform:443 HTTP/1.1", "Host: conform:443"), []int{400, 403, 404, 405, 501}),
		// RFC 9110, section 9.3.6: CONNECT to an empty or invalid port MUST
		// be rejected.
		either(Must, "9110-9.3.6-connect-no-port", head("CONNECT conform HTTP/1.1", "Host: conform"), []int{400, 403, 404, 405, 501}),
		either(Must, "9110-9.3.6-connect-empty-port", head("CONNECT conform: HTTP/1.1", "Host: conform"), []int{400, 403, 404, 405, 501}),
		either(Must, "9110-9.3.6-connect-bad-port", head("CONNECT conform:70000 HTTP/1.1", "Host: conform"), []int{400, 403, 404, 405, 501}),
		either(Must, "9112-3.2.3-connect-origin-form", head("CONNECT /plaintext HTTP/1.1", "Host: conform"), []int{400, 404, 405, 501}),
		either(Must, "9112-3.2.3-connect-absolute-form", head("CONNECT http://conform/plaintext HTTP/1.1", "Host: conform"),
			[]int{400, 403, 404, 405, 501}),

		// Section 3.2.4: asterisk-form belongs to OPTIONS alone.
		{
			Name: "9112-3.2.4-options-asterisk", Level: Must, Steps: send(request("OPTIONS", "*")),
			Want: []Answer{status(200, 204)}, Then: Open,
		},
		refuse(Should, "9112-3.2.4-get-asterisk", get("*"), 400, 404, 405),
		refuse(Should, "9112-3.2.4-post-asterisk", request("POST", "*", "Content-Length: 0"), 400, 404, 405),
		refuse(Should, "9112-3.2.4-asterisk-and-more", request("OPTIONS", "*x"), 400, 404, 405),
		// An OPTIONS for a host without a path is what a last proxy turns into
		// an asterisk.
		either(May, "9112-3.2.4-options-absolute-no-path", request("OPTIONS", "http://conform"), []int{200, 204, 301, 307, 308, 405}),
	}

	// Control characters and DEL end up in logs and upstream requests.
	for _, c := range []byte{0, 1, 7, 8, '\t', 0x0b, 0x0c, 0x1b, 0x1f, 0x7f} {
		cases = append(cases,
			refuse(Must, fmt.Sprintf("9112-3.2-target-with-%02x", c), get("/plaintext"+string([]byte{c}))),
			refuse(Must, fmt.Sprintf("9112-3.2-query-with-%02x", c), get("/plaintext?a="+string([]byte{c})+"b")))
	}
	// Outside the grammar of RFC 3986, but harmless if they find no route.
	for _, v := range []struct{ slug, path string }{
		{"high-byte", "/plaintext\x80"},
		{"utf8", "/pl\xc3\xa4intext"},
		{"overlong-slash", "/..\xc0\xaf"},
		{"backslash", `/..\plaintext`},
		{"angle", "/<script>"},
		{"quote", `/"x"`},
		{"caret", "/^"},
		{"pipe", "/|"},
		{"backtick", "/`"},
		{"braces", "/{x}"},
		{"brackets", "/[x]"},
		{"percent-end", "/%"},
		{"percent-one-digit", "/%1"},
		{"percent-not-hex", "/%zz"},
	} {
		cases = append(cases, either(Security, "9112-3.2-target-"+v.slug, get(v.path),
			[]int{400, 404}, lacksBody("Hello")))
	}
	return append(cases,
		accept(Must, "9112-3.2.1-long-but-allowed-query", get("/plaintext?"+strings.Repeat("q", 4000)), hello))
}

// lacksBody wants the body not to contain a string.
func lacksBody(s string) Check {
	return func(r *Response) error {
		if strings.Contains(r.Body, s) {
			return fmt.Errorf("body %.60q holds %q", r.Body, s)
		}
		return nil
	}
}
