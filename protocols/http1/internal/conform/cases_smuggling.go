package conform

import (
	"fmt"
	"strings"
)

// smugglingCases are complete attacks: RFC 9112, section 11.2. The request
// inside must never be answered.
func smugglingCases() []Case {
	inner := smuggled
	last := "0\r\n\r\n" + inner
	cases := []Case{
		// Section 6.3: with both fields the request MAY be refused, and the
		// connection MUST be closed afterwards either way. We refuse.
		either(Must, "9112-6.3-cl-te-closes", request("POST", "/echo", "Content-Length: 15", "Transfer-Encoding: chunked")+
			"5\r\nhello\r\n0\r\n\r\n"+inner, []int{200, 400}).thenClosed(),
		either(Must, "9112-6.3-cl-te-on-get-closes", get("/plaintext", "Content-Length: 15", "Transfer-Encoding: chunked")+
			"5\r\nhello\r\n0\r\n\r\n"+inner, []int{200, 400}).thenClosed(),
		refuse(Security, "9112-6.3-cl-te", request("POST", "/echo", lengthOf(last), "Transfer-Encoding: chunked")+last),
		refuse(Security, "9112-6.3-te-cl", request("POST", "/echo", "Transfer-Encoding: chunked", "Content-Length: 4")+
			fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(inner), inner)),
		refuse(Security, "9112-6.3-cl-te-agree", request("POST", "/echo", "Content-Length: 15", "Transfer-Encoding: chunked")+
			"5\r\nhello\r\n0\r\n\r\n"),
		refuse(Security, "9112-6.3-cl-zero-te", request("POST", "/echo", "Content-Length: 0", "Transfer-Encoding: chunked")+
			"5\r\nhello\r\n0\r\n\r\n"),
		refuse(Security, "9112-6.3-cl-bad-te", request("POST", "/echo", "Content-Length: x", "Transfer-Encoding: chunked")+
			"0\r\n\r\n"),
		refuse(Security, "9112-6.3-cl-te-apart", request("POST", "/echo", "Content-Length: 5", "Accept: */*", "X-A: b",
			"transfer-encoding: Chunked")+"0\r\n\r\n"),
		refuse(Security, "9112-6.3-cl-te-on-get", get("/plaintext", lengthOf(last), "Transfer-Encoding: chunked")+last),
		refuse(Security, "9112-6.3-cl-te-on-head", request("HEAD", "/plaintext", "Content-Length: 5", "Transfer-Encoding: chunked")+
			"0\r\n\r\n").to("HEAD"),
		refuse(Security, "9112-6.3-cl-te-cl", request("POST", "/echo", "Content-Length: 5", "Transfer-Encoding: chunked",
			"Content-Length: 5")+"0\r\n\r\n"),
		refuse(Security, "9112-6.3-te-te-cl", request("POST", "/echo", "Transfer-Encoding: chunked", "Transfer-Encoding: identity",
			"Content-Length: 5")+"0\r\n\r\n", 400, 501),

		// A body on a request that seldom has one: skipped or refused, never
		// taken for the next request.
		either(Security, "9110-9.3.1-get-with-body", get("/plaintext", lengthOf(inner))+inner, []int{200, 400, 413}, on(200, hello)),
		either(Security, "9110-9.3.2-head-with-body", request("HEAD", "/plaintext", lengthOf(inner))+inner, []int{200, 400, 413}).to("HEAD"),
		either(Security, "9110-9.3.5-delete-with-body", request("DELETE", "/plaintext", lengthOf(inner))+inner, []int{400, 405, 413}),
		either(Security, "9110-9.3.7-options-with-body", request("OPTIONS", "*", lengthOf(inner))+inner, []int{200, 204, 400, 413}),
		either(Security, "9110-15.5.5-body-to-404", request("POST", "/nowhere", lengthOf(inner))+inner, []int{404}),
		either(Security, "9110-15.5.6-body-to-405", request("POST", "/plaintext", lengthOf(inner))+inner, []int{405}),
		either(Security, "9110-9.1-body-to-unknown-method", request("FROB", "/plaintext", lengthOf(inner))+inner, []int{405, 501}),
		either(Security, "9112-6.3-body-nobody-reads", request("POST", "/sleep?ms=1", lengthOf(inner))+inner, []int{200}),
		either(Security, "9112-6.3-get-body-nobody-reads", get("/sleep?ms=1", lengthOf(inner))+inner, []int{200, 400}),
		either(Security, "9112-6.3-big-body-nobody-reads",
			request("POST", "/sleep?ms=1", "Content-Length: 300000")+strings.Repeat("GET /x HTTP/1.1\r\n\r\n..", 14286)[:300000], []int{200}),
		either(Security, "9110-9.3.6-connect-with-body",
			head("CONNECT conform:443 HTTP/1.1", "Host: conform:443", lengthOf(inner))+inner, []int{400, 403, 404, 405, 413, 501}),
		either(Security, "9110-9.3.8-trace-with-body", request("TRACE", "/plaintext", lengthOf(inner))+inner, []int{400, 405, 413, 501}),
		either(Security, "9110-7.8-upgrade-with-body", request("POST", "/echo", "Connection: Upgrade", "Upgrade: h2c", lengthOf(inner))+inner,
			[]int{200, 400}, on(200, echoed(inner))),
		either(Security, "9110-10.1.1-expect-with-smuggled-body", request("POST", "/echo", "Expect: 100-continue", lengthOf(inner))+inner,
			[]int{200}, echoed(inner)).maybe100(),
		either(Security, "9110-10.1.1-unknown-expect-with-body", request("POST", "/echo", "Expect: 200-ok", lengthOf(inner))+inner,
			[]int{417}),

		// Fields that some parser takes for the framing ones. Either the
		// whole is refused, or the name means nothing.
		either(Security, "9110-5.1-te-underscore", request("POST", "/echo", lengthOf(last), "Transfer_Encoding: chunked")+last,
			[]int{200, 400}, on(200, echoed(last))),
		either(Security, "9110-5.1-te-no-hyphen", request("POST", "/echo", lengthOf(last), "TransferEncoding: chunked")+last,
			[]int{200, 400}, on(200, echoed(last))),
		either(Security, "9110-5.1-te-x-prefix", request("POST", "/echo", lengthOf(last), "X-Transfer-Encoding: chunked")+last,
			[]int{200, 400}, on(200, echoed(last))),
		either(Security, "9110-5.1-cl-underscore", request("POST", "/echo", "Content_Length: 30"),
			[]int{200, 400}, on(200, echoed(""))),
		either(Security, "9110-10.1.4-te-field-is-not-transfer-encoding",
			request("POST", "/echo", "TE: chunked", "Connection: TE", lengthOf(inner))+inner, []int{200}, echoed(inner)),
		either(Security, "9110-8.4-content-encoding-chunked", request("POST", "/echo", "Content-Encoding: chunked", lengthOf(inner))+inner,
			[]int{200, 415}, on(200, echoed(inner))),
		// RFC 9110, section 7.6.1: nobody may strip the framing by naming it.
		either(Security, "9110-7.6.1-connection-names-content-length",
			request("POST", "/echo", "Connection: Content-Length", lengthOf(inner))+inner, []int{200, 400}, on(200, echoed(inner))),
		either(Security, "9110-7.6.1-connection-names-transfer-encoding",
			chunked(chunk(inner)+"0\r\n\r\n", "Connection: Transfer-Encoding"), []int{200, 400}, on(200, echoed(inner))),
		either(Security, "9110-7.6.1-connection-names-host", get("/plaintext", "Connection: Host"), []int{200, 400}, on(200, hello)),

		// The target of the inner request hidden in a field or in the line.
		refuse(Security, "9112-11.1-crlf-by-lf-in-target", "GET /plaintext HTTP/1.1\nX: y HTTP/1.1\r\n"+host+"\r\n"),
		refuse(Security, "9112-11.2-request-in-folded-value", get("/plaintext", "X: y\r\n GET /json HTTP/1.1")),
		refuse(Security, "9112-11.2-request-after-bare-lfs", get("/plaintext", "X: y\n\nGET /json HTTP/1.1\nHost: conform")),
		refuse(Security, "9112-11.2-request-after-bare-crs", get("/plaintext", "X: y\r\rGET /json HTTP/1.1")),
	}
	// Transfer-Encoding spelt so that one parser sees it and the next does
	// not, beside a Content-Length that covers the inner request.
	for _, v := range []struct{ slug, line string }{
		{"space-colon", "Transfer-Encoding : chunked"},
		{"tab-colon", "Transfer-Encoding\t: chunked"},
		{"vt-colon", "Transfer-Encoding\x0b: chunked"},
		{"nul-colon", "Transfer-Encoding\x00: chunked"},
		{"cr-colon", "Transfer-Encoding\r: chunked"},
		{"leading-space", " Transfer-Encoding: chunked"},
		{"leading-tab", "\tTransfer-Encoding: chunked"},
		{"leading-vt", "\x0bTransfer-Encoding: chunked"},
		{"leading-nul", "\x00Transfer-Encoding: chunked"},
		{"leading-cr", "\rTransfer-Encoding: chunked"},
		{"leading-lf", "\nTransfer-Encoding: chunked"},
		{"space-inside", "Transfer Encoding: chunked"},
		{"folded-name", "Transfer-\r\n Encoding: chunked"},
		{"folded-colon", "Transfer-Encoding\r\n : chunked"},
		{"folded-value", "Transfer-Encoding:\r\n chunked"},
		{"bare-lf-before", "X: y\nTransfer-Encoding: chunked"},
		{"bare-cr-before", "X: y\rTransfer-Encoding: chunked"},
		{"lf-cr-before", "X: y\n\rTransfer-Encoding: chunked"},
		{"nul-before", "X: y\x00\r\nTransfer-Encoding: chunked"},
		{"no-colon", "Transfer-Encoding chunked"},
		{"equals", "Transfer-Encoding= chunked"},
		{"semicolon", "Transfer-Encoding; chunked"},
		{"high-byte", "Transfer-Encoding\xa0: chunked"},
		{"nbsp-hyphen", "Transfer\xc2\xadEncoding: chunked"},
		{"quoted-name", `"Transfer-Encoding": chunked`},
		{"bracketed-name", "[Transfer-Encoding]: chunked"},
		{"slash-name", "/Transfer-Encoding: chunked"},
		{"at-name", "Transfer@Encoding: chunked"},
		{"no-space", "Transfer-Encoding:chunked"},
		{"upper-case", "TRANSFER-ENCODING: CHUNKED"},
	} {
		cases = append(cases, refuse(Security, "9112-11.2-hidden-te-"+v.slug,
			request("POST", "/echo", lengthOf(last), v.line)+last))
	}
	// The same for Content-Length, beside a chunked body.
	for _, v := range []struct{ slug, line string }{
		{"space-colon", "Content-Length : 4"},
		{"tab-colon", "Content-Length\t: 4"},
		{"nul-colon", "Content-Length\x00: 4"},
		{"leading-space", " Content-Length: 4"},
		{"leading-cr", "\rContent-Length: 4"},
		{"space-inside", "Content Length: 4"},
		{"bare-lf-before", "X: y\nContent-Length: 4"},
		{"bare-cr-before", "X: y\rContent-Length: 4"},
		{"no-colon", "Content-Length 4"},
		{"folded-value", "Content-Length:\r\n 4"},
	} {
		cases = append(cases, refuse(Security, "9112-11.2-hidden-cl-"+v.slug,
			request("POST", "/echo", v.line, "Transfer-Encoding: chunked")+last))
	}
	return cases
}
