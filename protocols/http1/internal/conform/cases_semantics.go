package conform

import (
	"fmt"
	"strconv"
)

// semanticCases covers answers: RFC 9110, sections 6 to 9 and 15.
func semanticCases() []Case {
	html := fieldStarts("Content-Type", "text/html")
	// sameLength compares a HEAD with the GET before or after it.
	sameLength := func(rs []*Response) error {
		var lengths, types []string
		for _, r := range rs {
			v := r.Values("Content-Length")
			if len(v) == 0 {
				return nil // RFC 9110, section 9.3.2 lets HEAD omit it
			}
			lengths = append(lengths, v[0])
			types = append(types, fmt.Sprint(r.Values("Content-Type")))
		}
		for i := range lengths {
			if lengths[i] != lengths[0] || types[i] != types[0] {
				return fmt.Errorf("HEAD and GET differ: Content-Length %q, Content-Type %q", lengths, types)
			}
		}
		return nil
	}
	headAndGet := func(name, path string, code int) Case {
		c := answers(Must, name, request("HEAD", path)+get(path)+request("HEAD", path),
			status(code).to("HEAD"), status(code), status(code).to("HEAD"))
		c.Cross = sameLength
		return c
	}
	lengthIs := func(n int) Check { return field("Content-Length", strconv.Itoa(n)) }
	return []Case{
		accept(Must, "9110-9.3.1-get-page", get("/"), html, bodyHas("<")),
		accept(Must, "9110-9.3.1-get-plaintext", get("/plaintext"), hello),
		accept(Must, "9110-9.3.1-get-json", get("/json"), helloJSON),
		accept(Should, "9110-8.6-plaintext-length", get("/plaintext"), lengthIs(13), framed(ByLength)),
		accept(Should, "9110-8.6-json-length", get("/json"), lengthIs(27), framed(ByLength)),
		accept(Should, "9110-8.3-page-content-type", get("/"), html),
		accept(Must, "9110-6.6.1-date-on-200", get("/plaintext"), present("Date")),
		accept(Must, "9110-6.6.1-date-on-head", request("HEAD", "/plaintext"), present("Date")).to("HEAD"),
		accept(Must, "9110-6.6.1-date-on-post", post("hello"), present("Date")),
		accept(Must, "9110-6.6.1-date-on-chunked", chunked("0\r\n\r\n"), present("Date")),
		accept(Must, "9110-6.6.1-date-on-slow-answer", get("/sleep?ms=5"), present("Date")),

		// HEAD is GET without the body (section 9.3.2).
		accept(Must, "9110-9.3.2-head", request("HEAD", "/plaintext")).to("HEAD"),
		accept(Should, "9110-9.3.2-head-length", request("HEAD", "/plaintext"), lengthIs(13), absent("Transfer-Encoding")).to("HEAD"),
		accept(Should, "9110-9.3.2-head-content-type", request("HEAD", "/json"), fieldStarts("Content-Type", "application/json")).to("HEAD"),
		accept(Must, "9110-9.3.2-head-page", request("HEAD", "/")).to("HEAD"),
		headAndGet("9110-9.3.2-head-like-get-plaintext", "/plaintext", 200),
		headAndGet("9110-9.3.2-head-like-get-json", "/json", 200),
		headAndGet("9110-9.3.2-head-like-get-page", "/", 200),
		headAndGet("9110-9.3.2-head-like-get-404", "/nowhere", 404),
		headAndGet("9110-9.3.2-head-like-get-sleep", "/sleep?ms=1", 200),
		{
			Name: "9110-9.3.2-head-405-has-no-body", Level: Must,
			Steps: send(request("HEAD", "/echo")), Want: []Answer{status(405).to("HEAD")}, Then: Either,
		},
		answers(Must, "9110-9.3.2-head-then-get", request("HEAD", "/plaintext")+get("/json"),
			status(200).to("HEAD"), status(200).with(helloJSON)),

		// Section 15.5.6: 405 with what is allowed. Where GET is, HEAD is.
		accept(Must, "9110-15.5.6-post-to-plaintext", post("")).as("POST /plaintext").wanting(status(405).with(has("Allow", "GET", "HEAD"))),
		accept(Must, "9110-15.5.6-put-to-root", post("")).as("PUT /").wanting(status(405).with(has("Allow", "GET", "HEAD"))),
		accept(Must, "9110-15.5.6-patch-to-json", post("")).as("PATCH /json").wanting(status(405).with(has("Allow", "GET", "HEAD"))),
		accept(Must, "9110-15.5.6-delete-plaintext", request("DELETE", "/plaintext")).
			wanting(status(405).with(has("Allow", "GET", "HEAD"), lacks("Allow", "DELETE"))),
		accept(Must, "9110-15.5.6-get-echo", get("/echo")).wanting(status(405).with(has("Allow", "POST"), lacks("Allow", "GET"))),
		accept(Must, "9110-15.5.6-put-echo", post("")).as("PUT /echo").wanting(status(405).with(has("Allow", "POST"))),

		// Section 15.5.5.
		accept(Must, "9110-15.5.5-unknown-path", get("/nowhere")).wanting(status(404)),
		accept(Must, "9110-15.5.5-unknown-path-post", post("")).as("POST /nowhere").wanting(status(404)),
		accept(Must, "9110-15.5.5-longer-path", get("/plaintextual")).wanting(status(404)),
		accept(Must, "9110-15.5.5-shorter-path", get("/plain")).wanting(status(404)),

		// The echo keeps bytes and framing.
		accept(Must, "9112-6.2-echo-length-framing", post("hello"), lengthIs(5), framed(ByLength), absent("Transfer-Encoding")),
		accept(Must, "9112-7.1-echo-chunked-framing", chunked("5\r\nhello\r\n0\r\n\r\n"), framed(ByChunks), absent("Content-Length")),
		accept(Must, "9112-6.3-echo-empty", post(""), echoed(""), framed(ByLength)),

		// /sleep serves any method and leaves the body alone.
		accept(Must, "9110-9.3.1-sleep-get", get("/sleep?ms=1")),
		accept(Must, "9110-9.3.2-sleep-head", request("HEAD", "/sleep?ms=1")).to("HEAD"),
		accept(Must, "9110-9.3.3-sleep-post", post("")).as("POST /sleep?ms=1"),
		accept(Must, "9110-9.3.4-sleep-put", post("")).as("PUT /sleep?ms=1"),
		accept(Must, "9110-9.3.5-sleep-delete", request("DELETE", "/sleep?ms=1")),
		either(Must, "9110-15.5.1-sleep-too-long", get("/sleep?ms=60001"), []int{400}),
		either(May, "9110-15.5.1-sleep-not-a-number", get("/sleep?ms=soon"), []int{200, 400}),
		either(May, "9110-15.5.1-sleep-negative", get("/sleep?ms=-1"), []int{200, 400}),

		// Section 14.2: Range on what has no ranges is ignored, and is only
		// defined for GET.
		either(May, "9110-14.2-range", get("/plaintext", "Range: bytes=0-4"), []int{200, 206}, on(200, hello), on(206, bodyIs("Hello"))),
		either(Must, "9110-14.2-range-unknown-unit", get("/plaintext", "Range: frobs=0-4"), []int{200}, hello),
		either(Must, "9110-14.2-range-invalid", get("/plaintext", "Range: bytes=x-y"), []int{200, 400, 416}, on(200, hello)),
		accept(Must, "9110-14.2-range-on-post", post("hello", "Range: bytes=0-1"), echoed("hello")),
		either(May, "9110-14.2-many-ranges", get("/plaintext", "Range: bytes=0-,0-,0-,0-,0-,0-,0-,0-"), []int{200, 206, 416}),
		// Section 12: negotiation that cannot be met may be disregarded.
		either(May, "9110-12.5.1-accept-nothing-we-have", get("/plaintext", "Accept: image/png"), []int{200, 406}, on(200, hello)),
		accept(Must, "9110-12.5.3-identity-coding", get("/plaintext", "Accept-Encoding: identity"), hello, absent("Content-Encoding")),
		// Section 13: a condition on what has no validators.
		either(May, "9110-13.1.2-if-none-match", get("/plaintext", `If-None-Match: "x"`), []int{200}, hello),
		either(May, "9110-13.1.3-if-modified-since-garbage", get("/plaintext", "If-Modified-Since: yesterday"), []int{200}, hello),
		accept(Must, "9110-10.1.4-te-trailers", get("/plaintext", "TE: trailers", "Connection: TE"), hello),
	}
}

// as returns the case with the start of its request line replaced.
func (c Case) as(methodAndTarget string) Case {
	const was = "POST /echo"
	c.Steps = send(methodAndTarget + c.Steps[0].Send[len(was):])
	return c
}

// methodCases covers OPTIONS, TRACE, CONNECT and unknown methods: RFC 9110,
// section 9.
func methodCases() []Case {
	return []Case{
		// Section 9.3.7. A 204 has no framing fields (section 8.6), which the
		// reader checks.
		accept(Must, "9110-9.3.7-options-asterisk", request("OPTIONS", "*")).wanting(status(200, 204)),
		accept(Must, "9110-9.3.7-options-asterisk-empty-body", request("OPTIONS", "*", "Content-Length: 0")).wanting(status(200, 204)),
		accept(Must, "9110-9.3.7-options-asterisk-1.0", head("OPTIONS * HTTP/1.0")).wanting(status(200, 204)).old().thenClosed(),
		answers(Must, "9110-9.3.7-options-asterisk-then-get", request("OPTIONS", "*")+get("/json"),
			status(200, 204), status(200).with(helloJSON)),
		either(May, "9110-9.3.7-options-path", request("OPTIONS", "/plaintext"), []int{200, 204, 405}, has("Allow", "GET", "HEAD")),
		either(May, "9110-9.3.7-options-echo", request("OPTIONS", "/echo"), []int{200, 204, 405}, has("Allow", "POST")),
		either(May, "9110-9.3.7-options-unknown-path", request("OPTIONS", "/nowhere"), []int{200, 204, 404, 405}),
		// Section 9.3.8: TRACE reflects credentials; it is not offered.
		either(Security, "9110-9.3.8-trace", request("TRACE", "/plaintext", "Cookie: secret"), []int{405, 501}, lacksBody("secret")),
		either(Security, "9110-9.3.8-trace-root", request("TRACE", "/", "Cookie: secret"), []int{405, 501}, lacksBody("secret")),
		either(Security, "9110-9.3.8-track", request("TRACK", "/plaintext", "Cookie: secret"), []int{405, 501}, lacksBody("secret")),
		// Section 9.3.6.
		either(Security, "9110-9.3.6-connect-then-request", head("CONNECT conform:80 HTTP/1.1", "Host: conform:80"),
			[]int{400, 403, 404, 405, 501}, lacksBody("Hello")),
		// Section 9.1: known to others, not to us.
		either(Should, "9110-9.1-propfind", request("PROPFIND", "/plaintext"), []int{405, 501}),
		either(Should, "9110-9.1-m-search", request("M-SEARCH", "/plaintext"), []int{405, 501}),
		either(Should, "9110-9.1-long-method", request("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOP", "/plaintext"), []int{400, 405, 501}),
		either(Should, "9110-9.1-method-prefix-of-get", request("GE", "/plaintext"), []int{405, 501}),
		either(Should, "9110-9.1-method-get-and-more", request("GETX", "/plaintext"), []int{405, 501}),
		either(Must, "9110-9.1-http-pri", request("PRI", "/plaintext"), []int{400, 405, 501, 505}),
	}
}
