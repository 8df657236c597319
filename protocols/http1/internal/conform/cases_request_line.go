package conform

import (
	"fmt"
	"strings"
)

// requestLineCases covers the request line and the lines before it: RFC 9112,
// sections 2.2, 2.3 and 3.
func requestLineCases() []Case {
	const line = "GET /plaintext HTTP/1.1"
	cases := []Case{
		accept(Must, "9112-3-plain-request", get("/plaintext"), hello, proto("HTTP/1.1")),

		// Section 2.2: a server SHOULD ignore at least one empty line before
		// the request line. Further ones may be ignored or refused.
		accept(Should, "9112-2.2-one-leading-crlf", "\r\n"+get("/plaintext"), hello),
		either(May, "9112-2.2-two-leading-crlf", "\r\n\r\n"+get("/plaintext"), []int{200, 400}, on(200, hello)),
		either(May, "9112-2.2-hundred-leading-crlf", strings.Repeat("\r\n", 100)+get("/plaintext"),
			[]int{200, 400, 431}, on(200, hello)),
		// The empty line is CRLF; half of it is not.
		refuse(Security, "9112-2.2-leading-lf", "\n"+get("/plaintext")),
		refuse(Security, "9112-2.2-leading-cr", "\r"+get("/plaintext")),
		refuse(Security, "9112-2.2-leading-cr-cr-lf", "\r\r\n"+get("/plaintext")),
		refuse(Security, "9112-2.2-leading-lf-cr", "\n\r"+get("/plaintext")),
		refuse(Must, "9112-3-leading-space", " "+get("/plaintext")),
		refuse(Must, "9112-3-leading-tab", "\t"+get("/plaintext")),
		refuse(Must, "9112-3-leading-nul", "\x00"+get("/plaintext")),
		refuse(Security, "9112-2.2-byte-order-mark", "\xef\xbb\xbf"+get("/plaintext")),

		// Section 2.2: white space between the request line and the first
		// field makes the message invalid.
		refuse(Must, "9112-2.2-space-before-first-field", line+"\r\n "+host+"\r\n"),
		refuse(Must, "9112-2.2-tab-before-first-field", line+"\r\n\t"+host+"\r\n"),
		refuse(Security, "9112-2.2-blank-line-of-spaces", line+"\r\n \r\n"+host+"\r\n"),

		// Line ends. A recipient MAY take a bare LF for a line end; we do not,
		// since the next hop may not. A bare CR is never one.
		refuse(Security, "9112-2.2-bare-lf-request-line", line+"\n"+host+"\r\n"),
		refuse(Security, "9112-2.2-bare-lf-everywhere", line+"\nHost: conform\n\n"),
		refuseAlone(Security, "9112-2.2-bare-lf-everywhere-alone", line+"\nHost: conform\n\n"),
		refuseAlone(Security, "9112-2.2-bare-lf-request-line-alone", line+"\n"+host+"\r\n"),
		refuse(Must, "9112-2.2-bare-cr-request-line", line+"\r"+host+"\r\n"),
		refuse(Must, "9112-2.2-bare-cr-in-target", "GET /plain\rtext HTTP/1.1\r\n"+host+"\r\n"),
		refuse(Must, "9112-2.2-bare-cr-before-crlf", line+"\r\r\n"+host+"\r\n"),
		refuse(Must, "9112-2.2-bare-cr-as-separator", "GET\r/plaintext HTTP/1.1\r\n"+host+"\r\n"),
		refuse(Security, "9112-2.2-lf-cr-line-end", line+"\n\r"+host+"\r\n"),

		// Section 3: single spaces. Parsing on any white space is allowed and
		// is what smuggling feeds on.
		refuse(Security, "9112-3-two-spaces-after-method", head("GET  /plaintext HTTP/1.1", "Host: conform")),
		refuse(Security, "9112-3-two-spaces-before-version", head("GET /plaintext  HTTP/1.1", "Host: conform")),
		refuse(Security, "9112-3-tab-after-method", head("GET\t/plaintext HTTP/1.1", "Host: conform")),
		refuse(Security, "9112-3-tab-before-version", head("GET /plaintext\tHTTP/1.1", "Host: conform")),
		refuse(Security, "9112-3-vt-after-method", head("GET\x0b/plaintext HTTP/1.1", "Host: conform")),
		refuse(Security, "9112-3-ff-before-version", head("GET /plaintext\x0cHTTP/1.1", "Host: conform")),
		refuse(Security, "9112-3-nbsp-after-method", head("GET\xa0/plaintext HTTP/1.1", "Host: conform")),
		refuse(Security, "9112-3-trailing-space", head(line+" ", "Host: conform")),
		refuse(Security, "9112-3-trailing-tab", head(line+"\t", "Host: conform")),
		refuse(Security, "9112-3-trailing-word", head(line+" x", "Host: conform")),
		refuse(Security, "9112-3-two-versions", head(line+" HTTP/1.1", "Host: conform")),
		refuse(Must, "9112-3-method-only", head("GET", "Host: conform")),
		refuse(Must, "9112-3-no-target", head("GET HTTP/1.1", "Host: conform")),
		refuse(Must, "9112-3-empty-target", head("GET  HTTP/1.1", "Host: conform")),
		refuse(Must, "9112-3-no-method", head("/plaintext HTTP/1.1", "Host: conform")),
		refuse(Must, "9112-3-empty-method", head(" /plaintext HTTP/1.1", "Host: conform")),
		refuse(Must, "9112-3-no-space-before-version", head("GET /plaintextHTTP/1.1", "Host: conform")),
		refuse(Must, "9112-3-no-space-after-method", head("GET/plaintext HTTP/1.1", "Host: conform")),

		// HTTP/0.9 has no version and no fields. Its bare-body answer would
		// be taken for anything.
		refuseAlone(Security, "9112-3-http09-simple-request", "GET /plaintext\r\n\r\n", 400, 505),
		refuse(Security, "9112-3-http09-then-request", "GET /plaintext\r\n", 400, 505),
		cutShort(Security, "9112-3-http09-half-closed", "GET /plaintext\r\n"),
		refuse(Security, "9112-2.3-http09-version", head("GET /plaintext HTTP/0.9", "Host: conform"), 400, 505),

		// Section 2.3: the minor version only adds features.
		accept(Must, "9112-2.3-minor-2", head("GET /plaintext HTTP/1.2", "Host: conform"), hello, proto("HTTP/1.1")),
		accept(Must, "9112-2.3-minor-9", head("GET /plaintext HTTP/1.9", "Host: conform"), hello, proto("HTTP/1.1")),
		refuse(Must, "9112-3.2-minor-2-needs-host", head("GET /plaintext HTTP/1.2")),

		// RFC 9110, section 15.6.6: another major version is a 505.
		refuse(Should, "9110-15.6.6-major-2", head("GET /plaintext HTTP/2.0", "Host: conform"), 505),
		refuse(Should, "9110-15.6.6-major-3", head("GET /plaintext HTTP/3.0", "Host: conform"), 505),
		refuse(Should, "9110-15.6.6-major-9", head("GET /plaintext HTTP/9.9", "Host: conform"), 505),
		// The preface of HTTP/2 with prior knowledge (RFC 9113, section 3.4).
		refuseAlone(Should, "9110-15.6.6-http2-preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 505),

		// Section 3.1: the method is a case-sensitive token.
		either(Must, "9112-3.1-lower-case-method", head("get /plaintext HTTP/1.1", "Host: conform"), []int{400, 405, 501}),
		either(Must, "9112-3.1-mixed-case-method", head("GeT /plaintext HTTP/1.1", "Host: conform"), []int{400, 405, 501}),
		either(Should, "9110-9.1-token-method", head("M!#$%&'*+-.^_`|~9 /plaintext HTTP/1.1", "Host: conform"), []int{405, 501}),
		either(Should, "9110-9.1-unknown-method", head("FROBNICATE /plaintext HTTP/1.1", "Host: conform"), []int{405, 501}),
		either(Should, "9110-9.1-unknown-method-unknown-path", head("FROBNICATE /nowhere HTTP/1.1", "Host: conform"), []int{404, 405, 501}),
	}

	// Section 2.3: HTTP-version is "HTTP/" DIGIT "." DIGIT, in capitals.
	for _, v := range []struct{ slug, version string }{
		{"lower-case", "http/1.1"},
		{"mixed-case", "Http/1.1"},
		{"one-digit", "HTTP/1"},
		{"no-minor", "HTTP/1."},
		{"no-major", "HTTP/.1"},
		{"two-digit-minor", "HTTP/1.10"},
		{"leading-zero-major", "HTTP/01.1"},
		{"leading-zero-minor", "HTTP/1.01"},
		{"two-digit-major", "HTTP/11.1"},
		{"third-part", "HTTP/1.1.1"},
		{"comma", "HTTP/1,1"},
		{"no-dot", "HTTP/11"},
		{"negative", "HTTP/-1.1"},
		{"plus", "HTTP/+1.1"},
		{"plus-minor", "HTTP/1.+1"},
		{"letter", "HTTP/1.x"},
		{"trailing-letter", "HTTP/1.1x"},
		{"hex-digit", "HTTP/1.a"},
		{"space-inside", "HTTP/ 1.1"},
		{"space-before-slash", "HTTP /1.1"},
		{"space-before-dot", "HTTP/1 .1"},
		{"no-slash", "HTTP 1.1"},
		{"backslash", `HTTP\1.1`},
		{"misspelt", "HTP/1.1"},
		{"longer-name", "HTTPS/1.1"},
		{"prefix", "XHTTP/1.1"},
		{"other-protocol", "RTSP/1.0"},
		{"icy", "ICY/1.1"},
		{"only-name", "HTTP/"},
		{"nul-at-end", "HTTP/1.1\x00"},
		{"nul-inside", "HTTP/1\x00.1"},
		{"wide-digit", "HTTP/1.\xef\xbc\x91"},
		{"crs-inside", "HTTP/\r\r1.1"},
		{"long", "HTTP/1." + strings.Repeat("1", 100)},
		{"huge-major", "HTTP/99999999999.1"},
	} {
		cases = append(cases, refuse(Security, "9112-2.3-version-"+v.slug,
			head("GET /plaintext "+v.version, "Host: conform"), 400, 505))
	}

	// RFC 9110, section 5.6.2: what may not stand in a token, hence in a
	// method.
	for _, c := range []byte("\x00\x01\x0b\x1b\x7f\x80\xff\"(),/:;<=>?@[\\]{}") {
		cases = append(cases, refuse(Must, fmt.Sprintf("9112-3.1-method-with-%02x", c),
			head("GE"+string([]byte{c})+"T /plaintext HTTP/1.1", "Host: conform")))
	}
	return cases
}
