package conform

import "strings"

// connectionCases covers persistence and what Connection asks for: RFC 9112,
// section 9, and RFC 9110, sections 7.6.1 and 7.8.
func connectionCases() []Case {
	get10 := func(fields ...string) string { return head("GET /plaintext HTTP/1.0", fields...) }
	keep := has("Connection", "keep-alive")
	cases := []Case{
		// Section 9.3: HTTP/1.1 persists unless told otherwise.
		accept(Must, "9112-9.3-persistent-by-default", get("/plaintext"), hello, lacks("Connection", "close")),
		accept(Must, "9112-9.3-keep-alive-is-no-news", get("/plaintext", "Connection: keep-alive"), hello),
		accept(Must, "9112-9.3-after-404", get("/nowhere")).wanting(status(404)),
		accept(Must, "9112-9.3-after-405", request("PUT", "/plaintext", "Content-Length: 0")).wanting(status(405)),
		accept(Must, "9112-9.3-after-head", request("HEAD", "/plaintext")).to("HEAD"),
		accept(Must, "9112-9.3-after-post", post("hello"), echoed("hello")),

		// Section 9.6: close means close, in any spelling of the list.
		accept(Must, "9112-9.6-close", get("/plaintext", "Connection: close"), hello).thenClosed(),
		accept(Should, "9112-9.6-close-is-confirmed", get("/plaintext", "Connection: close"), hello, closes).thenClosed(),
		accept(Must, "9110-7.6.1-close-upper-case", get("/plaintext", "Connection: CLOSE"), hello).thenClosed(),
		accept(Must, "9110-7.6.1-close-in-list", get("/plaintext", "Connection: foo, close"), hello).thenClosed(),
		accept(Must, "9110-7.6.1-close-first-in-list", get("/plaintext", "Connection: close , foo"), hello).thenClosed(),
		accept(Must, "9110-7.6.1-close-in-list-no-spaces", get("/plaintext", "Connection: foo,close,bar"), hello).thenClosed(),
		accept(Must, "9110-5.6.1-close-after-empty-elements", get("/plaintext", "Connection: ,, close,"), hello).thenClosed(),
		accept(Must, "9110-5.3-close-in-second-field", get("/plaintext", "Connection: foo", "Connection: close"), hello).thenClosed(),
		accept(Must, "9110-5.3-close-in-first-field", get("/plaintext", "Connection: close", "Connection: foo"), hello).thenClosed(),
		accept(Must, "9112-9.3-close-beats-keep-alive", get("/plaintext", "Connection: keep-alive, close"), hello).thenClosed(),
		accept(Must, "9112-9.3-close-beats-keep-alive-before", get("/plaintext", "Connection: close, keep-alive"), hello).thenClosed(),
		accept(Must, "9112-9.6-close-after-post", post("hello", "Connection: close"), echoed("hello")).thenClosed(),
		accept(Must, "9112-9.6-close-after-chunked", chunked("5\r\nhello\r\n0\r\n\r\n", "Connection: close"), echoed("hello")).thenClosed(),
		accept(Must, "9112-9.6-close-after-head", request("HEAD", "/plaintext", "Connection: close")).to("HEAD").thenClosed(),
		accept(Must, "9112-9.6-close-after-404", get("/nowhere", "Connection: close")).wanting(status(404)).thenClosed(),
		accept(Must, "9112-9.6-close-after-options", request("OPTIONS", "*", "Connection: close")).wanting(status(200, 204)).thenClosed(),
		// Section 9.6: no further request is processed after close.
		accept(Must, "9112-9.6-nothing-after-close", get("/plaintext", "Connection: close")+smuggled, hello).thenClosed(),
		accept(Must, "9112-9.6-nothing-after-close-garbage", get("/plaintext", "Connection: close")+"\x00\x01garbage\r\n\r\n", hello).thenClosed(),
		// Words that only look like close.
		accept(Must, "9110-7.6.1-closed-is-not-close", get("/plaintext", "Connection: closed"), hello),
		accept(Must, "9110-7.6.1-not-close", get("/plaintext", "Connection: xclose, close-x"), hello),
		accept(Must, "9110-7.6.1-unknown-option", get("/plaintext", "Connection: foo", "Foo: bar"), hello),
		accept(Must, "9110-7.6.1-empty-connection", get("/plaintext", "Connection:"), hello),
		// RFC 9112, appendix C.2.2: Proxy-Connection was never one.
		accept(May, "9112-C.2.2-proxy-connection", get("/plaintext", "Proxy-Connection: close"), hello).thenEither(),

		// Section 9.3: HTTP/1.0 closes, unless keep-alive was asked for and
		// granted.
		accept(Must, "9112-9.3-1.0-closes", get10(), hello).old().thenClosed(),
		accept(Should, "9112-9.3-1.0-says-close", get10(), hello, lacks("Connection", "keep-alive")).old().thenClosed(),
		accept(Should, "9110-6.2-1.0-answered-as-1.1", get10(), hello, proto("HTTP/1.1")).old().thenClosed(),
		accept(Should, "9112-9.3-1.0-keep-alive", get10("Connection: keep-alive"), hello, keep).old(),
		accept(Should, "9112-9.3-1.0-keep-alive-any-case", get10("Connection: Keep-Alive"), hello, keep).old(),
		accept(Should, "9112-9.3-1.0-keep-alive-in-list", get10("Connection: foo, keep-alive"), hello, keep).old(),
		accept(Should, "9112-9.3-1.0-keep-alive-with-host", get10("Host: conform", "Connection: keep-alive"), hello, keep).old(),
		accept(Must, "9112-9.3-1.0-close", get10("Connection: close"), hello).old().thenClosed(),
		accept(Must, "9112-9.3-1.0-close-beats-keep-alive", get10("Connection: keep-alive, close"), hello).old().thenClosed(),
		accept(Must, "9112-9.3-1.0-other-option", get10("Connection: foo"), hello).old().thenClosed(),
		accept(Must, "9112-9.3-1.0-nothing-after", get10()+smuggled, hello).old().thenClosed(),
		accept(Must, "9112-9.3-1.0-keep-alive-field-alone", get10("Keep-Alive: timeout=5"), hello).old().thenClosed(),
		accept(Must, "9112-9.3-1.0-404-closes", head("GET /nowhere HTTP/1.0")).wanting(status(404)).old().thenClosed(),
		{
			Name: "9112-9.3-1.0-keep-alive-thrice", Level: Should,
			Steps: send(strings.Repeat(get10("Connection: keep-alive"), 3)),
			Want: []Answer{
				status(200).with(hello, keep).old(), status(200).with(hello, keep).old(), status(200).with(hello, keep).old(),
			},
		},
		{
			Name: "9112-9.3-1.0-keep-alive-post", Level: Should,
			Steps: send(head("POST /echo HTTP/1.0", "Connection: keep-alive", "Content-Length: 5") + "hello"),
			Want:  []Answer{status(200).with(echoed("hello"), keep, framed(ByLength)).old()},
		},
		{
			Name: "9112-9.3-1.0-keep-alive-head", Level: Should,
			Steps: send(head("HEAD /plaintext HTTP/1.0", "Connection: keep-alive")),
			Want:  []Answer{status(200).with(keep).to("HEAD").old()},
		},
		// An HTTP/1.0 request after an HTTP/1.1 one, and the reverse.
		{
			Name: "9112-9.3-1.1-then-1.0", Level: Must, Then: Closed,
			Steps: send(get("/plaintext") + get10()),
			Want:  []Answer{status(200).with(hello), status(200).with(hello).old()},
		},
		{
			Name: "9112-9.3-1.0-keep-alive-then-1.1", Level: Should,
			Steps: send(get10("Connection: keep-alive") + get("/json")),
			Want:  []Answer{status(200).with(hello, keep).old(), status(200).with(helloJSON)},
		},

		// RFC 9110, section 7.8: an upgrade that the server does not do is
		// ignored, and one in HTTP/1.0 MUST be.
		accept(Must, "9110-7.8-upgrade-unknown", get("/plaintext", "Connection: Upgrade", "Upgrade: frob/1"), hello),
		accept(Must, "9110-7.8-upgrade-h2c", get("/plaintext", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
			"HTTP2-Settings: AAMAAABkAAQAAP__"), hello),
		accept(Must, "9110-7.8-upgrade-tls", get("/plaintext", "Connection: Upgrade", "Upgrade: TLS/1.0"), hello),
		either(May, "9110-7.8-upgrade-websocket", get("/plaintext", "Connection: Upgrade", "Upgrade: websocket",
			"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), []int{200, 400, 426}, on(200, hello)),
		accept(Must, "9110-7.8-upgrade-without-connection", get("/plaintext", "Upgrade: websocket"), hello),
		accept(Must, "9110-7.8-connection-without-upgrade", get("/plaintext", "Connection: Upgrade"), hello),
		accept(Must, "9110-7.8-upgrade-1.0", get10("Connection: Upgrade", "Upgrade: websocket"), hello).old().thenClosed(),
		accept(Must, "9110-7.8-upgrade-and-close", get("/plaintext", "Connection: Upgrade, close", "Upgrade: frob"), hello).thenClosed(),
	}
	return cases
}

// wanting returns the case with other answers.
func (c Case) wanting(want ...Answer) Case { c.Want = want; return c }

// halfCloseCases covers clients that shut their sending side down after the
// request and wait: RFC 9112, section 9.6. They are owed the whole answer.
func halfCloseCases() []Case {
	shut := func(l Level, name, raw string, want ...Answer) Case {
		return Case{Name: name, Level: l, Steps: sendAndShut(raw), Want: want, Then: Closed}
	}
	big := strings.Repeat("half-close ", 20000)
	return []Case{
		shut(Must, "9112-9.6-half-close-get", get("/plaintext"), status(200).with(hello)),
		shut(Must, "9112-9.6-half-close-close", get("/plaintext", "Connection: close"), status(200).with(hello)),
		shut(Must, "9112-9.6-half-close-head", request("HEAD", "/plaintext"), status(200).to("HEAD")),
		shut(Must, "9112-9.6-half-close-1.0", head("GET /plaintext HTTP/1.0"), status(200).with(hello).old()),
		shut(Must, "9112-9.6-half-close-post", post("hello"), status(200).with(echoed("hello"))),
		shut(Must, "9112-9.6-half-close-big-post", post(big), status(200).with(echoed(big))),
		shut(Must, "9112-9.6-half-close-chunked", chunked(chunk("hello")+"0\r\n\r\n"), status(200).with(echoed("hello"))),
		shut(Must, "9112-9.6-half-close-404", get("/nowhere"), status(404)),
		// The answer is made after the end of the input was seen.
		shut(Must, "9112-9.6-half-close-slow-answer", get("/sleep?ms=50"), status(200)),
		shut(Must, "9112-9.6-half-close-slow-post", request("POST", "/sleep?ms=50", "Content-Length: 5")+"hello", status(200)),
		shut(Must, "9112-9.3.2-half-close-pipeline", get("/plaintext")+get("/json")+post("hello")+get("/plaintext"),
			status(200).with(hello), status(200).with(helloJSON), status(200).with(echoed("hello")), status(200).with(hello)),
		shut(Must, "9112-9.3.2-half-close-slow-pipeline", get("/sleep?ms=50")+get("/json"),
			status(200), status(200).with(helloJSON)),
		shut(Must, "9112-9.6-half-close-bad-request", "GET\r\n\r\n", status(400)),
		shut(Must, "9112-9.3.2-half-close-good-then-bad", get("/plaintext")+"GET\r\n\r\n", status(200).with(hello), status(400)),
		{
			Name: "9112-9.3.2-half-close-good-then-cut-short", Level: Must, Then: Closed, Silent: true,
			Steps: sendAndShut(get("/plaintext") + "GET /json HTT"),
			Want:  []Answer{status(200).with(hello), status(400, 408)},
		},
		// Nothing was asked, so nothing is answered.
		{
			Name: "9112-8-half-close-at-once", Level: Must, Then: Closed,
			Steps: []Step{{HalfClose: true}},
		},
		{
			Name: "9112-8-half-close-after-empty-line", Level: May, Then: Closed, Silent: true,
			Steps: sendAndShut("\r\n"), Want: []Answer{status(400, 408)},
		},
		{
			Name: "9112-9.6-half-close-later", Level: Must, Then: Closed,
			Steps: []Step{{Send: get("/plaintext")}, {Await: true}, {HalfClose: true}},
			Want:  []Answer{status(200).with(hello)},
		},
	}
}
