package conform

import (
	"fmt"
	"strings"
)

// limitCases covers what is too long: RFC 9112, section 3 (414), RFC 6585,
// section 5 (431), RFC 9110, sections 2.3 and 5.4. The connection closes, and
// the client reads the whole answer though it sent more than was read.
func limitCases() []Case {
	many := func(n int) string {
		fields := make([]string, n)
		for i := range fields {
			fields[i] = fmt.Sprintf("X-%d: v", i)
		}
		return get("/plaintext", fields...)
	}
	wide := make([]string, 90)
	for i := range wide {
		wide[i] = fmt.Sprintf("X-%d: %s", i, strings.Repeat("w", 300))
	}
	long := strings.Repeat("a", 24<<10)
	cases := []Case{
		// Below the limits. RFC 9112, section 3 recommends 8000 octets for a
		// request line.
		either(Should, "9112-3-target-7900-bytes", get("/"+strings.Repeat("p", 7900)), []int{404}),
		accept(Should, "9112-3-query-7900-bytes", get("/plaintext?"+strings.Repeat("q", 7900)), hello),
		accept(May, "9110-5.4-field-12k", get("/plaintext", "X-Long: "+strings.Repeat("v", 12<<10)), hello),
		accept(May, "9110-5.4-90-fields", many(90), hello),
		accept(May, "9110-5.4-name-4k", get("/plaintext", strings.Repeat("n", 4<<10)+": v"), hello),
		accept(May, "9110-5.4-cookie-8k", get("/plaintext", "Cookie: "+strings.Repeat("c=d; ", 1600)), hello),

		// RFC 9112, section 3: a target longer than any URI the server wishes
		// to parse MUST be a 414.
		refuse(Must, "9112-3-target-8300-bytes", get("/"+strings.Repeat("p", 8300)), 414),
		refuse(Must, "9112-3-target-12k", get("/"+strings.Repeat("p", 12<<10)), 414),
		refuse(Must, "9112-3-target-24k", get("/"+long), 414),
		refuse(Must, "9112-3-target-100k", get("/"+strings.Repeat("p", 100<<10)), 414),
		refuse(Must, "9112-3-query-12k", get("/plaintext?"+strings.Repeat("q", 12<<10)), 414),
		refuse(Must, "9112-3-absolute-target-12k", get("http://conform/"+strings.Repeat("p", 12<<10)), 414),
		refuse(Must, "9112-3-target-12k-post", request("POST", "/echo?"+strings.Repeat("q", 12<<10), "Content-Length: 5")+"hello", 414),
		refuseAlone(Must, "9112-3-target-without-end", "GET /"+strings.Repeat("p", 64<<10), 414),
		refuseAlone(Security, "9112-3-method-without-end", strings.Repeat("M", 64<<10), 400, 405, 414, 431, 501),
		refuse(Should, "9112-3-method-24k", head(strings.ToUpper(long)+" /plaintext HTTP/1.1", "Host: conform"), 400, 405, 414, 431, 501),
		refuse(Security, "9112-3-version-24k", head("GET /plaintext HTTP/1.1"+strings.Repeat("1", 24<<10), "Host: conform"), 400, 414, 431, 505),

		// RFC 6585, section 5.
		refuse(Should, "6585-5-field-24k", get("/plaintext", "X-Long: "+long), 431),
		refuse(Should, "6585-5-field-100k", get("/plaintext", "X-Long: "+strings.Repeat("v", 100<<10)), 431),
		refuse(Should, "6585-5-name-24k", get("/plaintext", long+": v"), 431, 400),
		refuse(Should, "6585-5-fields-27k", get("/plaintext", wide...), 431),
		refuse(Should, "6585-5-host-24k", head("GET /plaintext HTTP/1.1", "Host: "+long), 400, 431),
		refuse(Should, "6585-5-field-24k-post", request("POST", "/echo", "X-Long: "+long, "Content-Length: 5")+"hello", 431),
		refuse(Should, "6585-5-150-fields", many(150), 431),
		refuse(Should, "6585-5-2000-empty-fields", get("/plaintext", strings.TrimSuffix(strings.Repeat("a:\r\n", 2000), "\r\n")), 431),
		refuse(Should, "6585-5-field-24k-1.0", head("GET /plaintext HTTP/1.0", "X-Long: "+long), 431).old(),
		refuseAlone(Should, "6585-5-field-without-end", "GET /plaintext HTTP/1.1\r\nHost: conform\r\nX-Long: "+strings.Repeat("v", 64<<10), 431),
		refuseAlone(Should, "6585-5-name-without-end", "GET /plaintext HTTP/1.1\r\nHost: conform\r\n"+strings.Repeat("n", 64<<10), 400, 431),
		refuseAlone(Should, "6585-5-fields-without-end", "GET /plaintext HTTP/1.1\r\nHost: conform\r\n"+strings.Repeat("X-Field: value\r\n", 4<<10), 431),
		refuse(Security, "9110-8.6-length-24k-digits", request("POST", "/echo", "Content-Length: "+strings.Repeat("9", 24<<10)), 400, 413, 431),
		// Empty lines before a request cost the server too.
		refuseAlone(Security, "9112-2.2-crlf-without-end", strings.Repeat("\r\n", 32<<10), 400, 408, 431),
	}
	// An error answer is an answer like any other, with its own Date, and
	// the answers before it are not lost.
	for _, v := range []struct {
		slug, raw string
		code      int
	}{
		{"400", "GET\r\n\r\n", 400},
		{"404", get("/nowhere"), 404},
		{"405", request("PUT", "/plaintext", "Content-Length: 0"), 405},
		{"413", request("POST", "/echo", "Content-Length: 9000000"), 413},
		{"414", get("/" + strings.Repeat("p", 9000)), 414},
		{"417", get("/plaintext", "Expect: frob"), 417},
		{"431", get("/plaintext", "X-Long: "+long), 431},
	} {
		cases = append(cases,
			either(Must, "9110-6.6.1-date-on-"+v.slug, v.raw, []int{v.code}, present("Date")),
			answers(Must, "9112-9.3.2-good-before-"+v.slug, get("/plaintext")+get("/json")+v.raw,
				status(200).with(hello), status(200).with(helloJSON), status(v.code)).thenEither())
	}
	return cases
}

// bodyLimitCases covers bodies that are too large: RFC 9110, section 15.5.14,
// and what a chunked body costs beside its data.
func bodyLimitCases() []Case {
	const end = "0\r\n\r\n"
	const limit = 8 << 20
	full := strings.Repeat("0123456789abcde\n", limit/16)
	var overhead strings.Builder
	for range 1000 {
		overhead.WriteString("1;" + strings.Repeat("x", 100) + "\r\na\r\n")
	}
	big := chunk(strings.Repeat("c", 64<<10))
	trailers := make([]string, 150)
	for i := range trailers {
		trailers[i] = fmt.Sprintf("X-%d: v\r\n", i)
	}
	cases := []Case{
		accept(May, "9110-15.5.14-body-1m", post(full[:1<<20]), echoed(full[:1<<20])),
		accept(May, "9110-15.5.14-body-at-the-limit", post(full), echoed(full)),
		accept(May, "9110-15.5.14-chunked-1m", chunked(strings.Repeat(big, 16)+end), echoed(strings.Repeat("c", 1<<20))),
		// By its length alone, with nothing of the body sent, or some.
		refuseAlone(Should, "9110-15.5.14-length-over", request("POST", "/echo", fmt.Sprintf("Content-Length: %d", limit+1)), 413),
		refuse(Should, "9110-15.5.14-length-far-over", request("POST", "/echo", "Content-Length: 1000000000000"), 413),
		refuse(Should, "9110-15.5.14-length-over-some-body",
			request("POST", "/echo", fmt.Sprintf("Content-Length: %d", limit+1))+full[:64<<10], 413),
		refuseAlone(Should, "9110-15.5.14-length-over-1.0", head("POST /echo HTTP/1.0", "Content-Length: 1000000000"), 413).old(),
		// By the size of one chunk, or by the sum.
		refuse(Should, "9110-15.5.14-chunk-over", chunked("800001\r\n"), 413),
		refuse(Should, "9110-15.5.14-chunk-far-over", chunked("ffffffff\r\n"), 413),
		refuse(Security, "9110-15.5.14-chunk-int64-max", chunked("7fffffffffffffff\r\n"), 400, 413),
		refuse(Security, "9110-15.5.14-chunk-uint64-max", chunked("ffffffffffffffff\r\n"), 400, 413),
		refuse(Should, "9110-15.5.14-chunks-over", chunked(strings.Repeat(big, 128)+"1\r\nx\r\n"+end), 413),
		refuse(Should, "9110-15.5.14-second-chunk-over", chunked("5\r\nhello\r\n7ffffe\r\n"), 413),

		// Not data, yet bytes (CVE-2023-39326).
		refuse(Security, "9112-7.1.1-ext-32k", chunked("5;"+strings.Repeat("x", 32<<10)+"\r\nhello\r\n"+end), 400, 413, 431),
		refuse(Security, "9112-7.1.1-ext-on-every-byte", chunked(overhead.String()+end), 400, 413, 431),
		refuseAlone(Security, "9112-7.1.1-ext-without-end", chunked("5;"+strings.Repeat("x", 64<<10)), 400, 413, 431),
		refuseAlone(Security, "9112-7.1-size-without-end", chunked(strings.Repeat("0", 64<<10)), 400, 413, 431),
		refuse(Security, "9112-7.1.2-trailer-24k", chunked("0\r\nX-Long: "+strings.Repeat("t", 24<<10)+"\r\n\r\n"), 400, 413, 431),
		refuse(Security, "9112-7.1.2-150-trailers", chunked("0\r\n"+strings.Join(trailers, "")+"\r\n"), 400, 413, 431),
		refuseAlone(Security, "9112-7.1.2-trailers-without-end",
			chunked("0\r\n"+strings.Repeat("X-Field: value\r\n", 4<<10)), 400, 413, 431),
	}
	return cases
}
