package conform

// expectCases covers Expect: RFC 9110, section 10.1.1.
func expectCases() []Case {
	const hundred = "Expect: 100-continue"
	ask := func(fields ...string) string {
		return request("POST", "/echo", append([]string{hundred}, fields...)...)
	}
	wait := Step{Await: true}
	// wants100 sends a head, waits for an answer, and then sends the body.
	wants100 := func(l Level, name, head, body string, final ...Check) Case {
		return Case{
			Name: name, Level: l,
			Steps: []Step{{Send: head}, wait, {Send: body}},
			Want:  []Answer{status(100), status(200).with(final...)},
		}
	}
	cases := []Case{
		wants100(Must, "9110-10.1.1-continue-length", ask("Content-Length: 5"), "hello", echoed("hello")),
		wants100(Must, "9110-10.1.1-continue-chunked", ask("Transfer-Encoding: chunked"), "5\r\nhello\r\n0\r\n\r\n", echoed("hello")),
		wants100(Must, "9110-10.1.1-continue-any-case",
			request("POST", "/echo", "expect: 100-Continue", "Content-Length: 5"), "hello", echoed("hello")),
		wants100(Must, "9110-10.1.1-continue-spaces",
			request("POST", "/echo", "Expect: \t100-continue ", "Content-Length: 5"), "hello", echoed("hello")),
		wants100(Must, "9110-10.1.1-continue-then-request", ask("Content-Length: 5"), "hello", echoed("hello")).
			alsoAnswered(get("/json"), status(200).with(helloJSON)),
		{
			Name: "9110-10.1.1-continue-twice-on-one-connection", Level: Must,
			Steps: []Step{{Send: ask("Content-Length: 1")}, wait, {Send: "a"}, wait, {Send: ask("Content-Length: 1")}, wait, {Send: "b"}},
			Want:  []Answer{status(100), status(200).with(echoed("a")), status(100), status(200).with(echoed("b"))},
		},
		{
			Name: "9110-10.1.1-continue-in-pipeline", Level: Must,
			Steps: []Step{{Send: get("/json") + ask("Content-Length: 5")}, wait, wait, {Send: "hello"}},
			Want:  []Answer{status(200).with(helloJSON), status(100), status(200).with(echoed("hello"))},
		},
		{
			Name: "9110-10.1.1-continue-and-close", Level: Must, Then: Closed,
			Steps: []Step{{Send: ask("Content-Length: 5", "Connection: close")}, wait, {Send: "hello"}},
			Want:  []Answer{status(100), status(200).with(echoed("hello"))},
		},
		// The body came along: 100 may be omitted.
		accept(May, "9110-10.1.1-body-came-along", ask("Content-Length: 5")+"hello", echoed("hello")).maybe100(),
		accept(May, "9110-10.1.1-chunked-body-came-along", ask("Transfer-Encoding: chunked")+"5\r\nhello\r\n0\r\n\r\n", echoed("hello")).maybe100(),
		// No body to wait for: there is nothing to continue.
		accept(May, "9110-10.1.1-no-body", get("/plaintext", hundred), hello).maybe100(),
		accept(May, "9110-10.1.1-empty-body", ask("Content-Length: 0"), echoed("")).maybe100(),
		// An HTTP/1.0 expectation MUST be ignored.
		accept(Must, "9110-10.1.1-ignored-in-1.0", head("POST /echo HTTP/1.0", hundred, "Content-Length: 5")+"hello",
			echoed("hello")).old().thenClosed(),
		accept(Must, "9110-10.1.1-no-expectation-no-100", post("hello"), echoed("hello")),

		// Section 15.5.18: an expectation that cannot be met MAY be a 417.
		either(May, "9110-15.5.18-unknown-expectation", get("/plaintext", "Expect: 200-ok"), []int{417}),
		either(May, "9110-15.5.18-unknown-expectation-value", get("/plaintext", "Expect: frob=\"x\""), []int{417}),
		either(May, "9110-15.5.18-continue-and-unknown", get("/plaintext", "Expect: 100-continue, frob"), []int{200, 417}).maybe100(),
		either(May, "9110-15.5.18-empty-expectation", get("/plaintext", "Expect:"), []int{200, 417}),
		// Obfuscated, so that one hop waits for a 100 and the next does not.
		either(Security, "9110-15.5.18-word-before-continue", request("POST", "/echo", "Expect: y 100-continue", lengthOf(smuggled))+smuggled,
			[]int{400, 417}),
		refuse(Security, "9110-5.5-continue-with-nul", get("/plaintext", "Expect: 100-continue\x00")),
		refuse(Security, "9112-5.2-continue-folded", get("/plaintext", "Expect:\r\n 100-continue")),
		either(May, "9110-15.5.18-longer-word", get("/plaintext", "Expect: 100-continued"), []int{417}),
		either(May, "9110-15.5.18-unknown-with-length", request("POST", "/echo", "Expect: frob", "Content-Length: 5")+"hello", []int{417}),

		// A final answer in place of the 100. If the connection lives on, the
		// body is still to come and must be skipped.
		{
			Name: "9110-10.1.1-final-404", Level: Must, Then: Either,
			Steps: []Step{{Send: request("POST", "/nowhere", hundred, lengthOf(smuggled))}, wait, {Send: smuggled}},
			Want:  []Answer{status(404).maybe100()},
		},
		{
			Name: "9110-10.1.1-final-405", Level: Must, Then: Either,
			Steps: []Step{{Send: request("POST", "/plaintext", hundred, lengthOf(smuggled))}, wait, {Send: smuggled}},
			Want:  []Answer{status(405).maybe100()},
		},
		{
			Name: "9110-10.1.1-body-nobody-reads", Level: Must, Then: Either,
			Steps: []Step{{Send: request("POST", "/sleep?ms=1", hundred, lengthOf(smuggled))}, wait, {Send: smuggled}},
			Want:  []Answer{status(200).maybe100()},
		},
		// Bad framing beats the expectation.
		refuseAlone(Must, "9110-10.1.1-bad-length", request("POST", "/echo", hundred, "Content-Length: x")),
		refuseAlone(Security, "9110-10.1.1-both-framings",
			request("POST", "/echo", hundred, "Content-Length: 5", "Transfer-Encoding: chunked")),
		refuseAlone(Must, "9110-10.1.1-unknown-coding", request("POST", "/echo", hundred, "Transfer-Encoding: frob"), 400, 501),
		refuseAlone(Must, "9110-10.1.1-no-host", head("POST /echo HTTP/1.1", hundred, "Content-Length: 5")),
		// A body known to be too large is refused before it is invited.
		refuseAlone(Should, "9110-10.1.1-too-large", request("POST", "/echo", hundred, "Content-Length: 9000000"), 413),
		{
			Name: "9110-10.1.1-bad-chunk-after-continue", Level: Must, Then: Closed,
			Steps: []Step{{Send: ask("Transfer-Encoding: chunked")}, wait, {Send: "x\r\n" + smuggled}},
			Want:  []Answer{status(100), status(400).with(closes)},
		},
		{
			Name: "9110-10.1.1-client-leaves-instead", Level: Must, Then: Closed, Silent: true,
			Steps: []Step{{Send: ask("Content-Length: 5")}, wait, {HalfClose: true}},
			Want:  []Answer{status(100), status(400, 408)},
		},
	}
	return cases
}

// alsoAnswered returns the case with one more request behind the others.
func (c Case) alsoAnswered(raw string, want Answer) Case {
	c.Steps = append(c.Steps, Step{Send: raw})
	c.Want = append(c.Want, want)
	return c
}
