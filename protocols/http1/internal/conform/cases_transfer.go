package conform

// transferCases covers Transfer-Encoding: RFC 9112, sections 6.1 and 6.3.
func transferCases() []Case {
	const body = "5\r\nhello\r\n0\r\n\r\n"
	te := func(fields ...string) string { return request("POST", "/echo", fields...) + body }
	cases := []Case{
		accept(Must, "9112-6.1-chunked", te("Transfer-Encoding: chunked"), echoed("hello"), framed(ByChunks)),
		accept(Must, "9112-7-chunked-upper-case", te("Transfer-Encoding: CHUNKED"), echoed("hello")),
		accept(Must, "9112-7-chunked-mixed-case", te("Transfer-Encoding: cHuNkEd"), echoed("hello")),
		accept(Must, "9110-5.1-transfer-encoding-name-lower-case", te("transfer-encoding: chunked"), echoed("hello")),
		accept(Must, "9112-5.1-chunked-optional-space", te("Transfer-Encoding: \t chunked \t"), echoed("hello")),
		accept(Must, "9112-5.1-chunked-no-space", te("Transfer-Encoding:chunked"), echoed("hello")),
		accept(Must, "9112-6.1-chunked-minor-2", head("POST /echo HTTP/1.2", "Host: conform", "Transfer-Encoding: chunked")+body,
			echoed("hello")),
		// RFC 9110, section 5.6.1.2: a recipient ignores empty list elements,
		// within reason; in this field they are as good as an attack.
		either(May, "9110-5.6.1-chunked-leading-comma", te("Transfer-Encoding: , chunked"), []int{200, 400, 501}, on(200, echoed("hello"))),
		either(May, "9110-5.6.1-chunked-trailing-comma", te("Transfer-Encoding: chunked,"), []int{200, 400, 501}, on(200, echoed("hello"))),

		// Section 6.1: an unknown coding SHOULD be a 501.
		refuse(Should, "9112-6.1-unknown-then-chunked", te("Transfer-Encoding: frob, chunked"), 501),
		refuse(Should, "9112-6.1-gzip-then-chunked", te("Transfer-Encoding: gzip, chunked"), 400, 501),
		refuse(Should, "9112-6.1-unknown-alone", te("Transfer-Encoding: frob"), 400, 501),
		refuse(Should, "9112-6.1-two-fields-unknown-first", te("Transfer-Encoding: frob", "Transfer-Encoding: chunked"), 400, 501),
		refuse(Security, "9112-6.1-transfer-encoding-on-get", get("/plaintext", "Transfer-Encoding: frob"), 400, 501),
		refuse(Must, "9112-6.3-gzip-alone", te("Transfer-Encoding: gzip"), 400, 501),

		// Section 6.3: chunked has to be the final coding.
		refuse(Must, "9112-6.3-chunked-not-last", te("Transfer-Encoding: chunked, gzip"), 400, 501),
		refuse(Must, "9112-6.3-chunked-then-identity", te("Transfer-Encoding: chunked, identity"), 400, 501),
		refuse(Must, "9112-6.3-chunked-then-unknown-field", te("Transfer-Encoding: chunked", "Transfer-Encoding: frob"), 400, 501),
		// Section 6.1: nor may it be applied twice.
		refuse(Must, "9112-6.1-chunked-twice", te("Transfer-Encoding: chunked, chunked"), 400, 501),
		refuse(Must, "9112-6.1-chunked-twice-two-fields", te("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 400, 501),

		// Section 6.1: Transfer-Encoding in HTTP/1.0 is faulty framing, and
		// the connection MUST be closed, whatever was asked for.
		either(Must, "9112-6.1-chunked-1.0-closes", head("POST /echo HTTP/1.0", "Host: conform", "Connection: keep-alive",
			"Transfer-Encoding: chunked")+body+smuggled, []int{200, 400}).old().thenClosed(),
		refuse(Security, "9112-6.1-chunked-1.0", head("POST /echo HTTP/1.0", "Transfer-Encoding: chunked")+body).old(),
		refuse(Security, "9112-6.1-chunked-1.0-keep-alive",
			head("POST /echo HTTP/1.0", "Host: conform", "Connection: keep-alive", "Transfer-Encoding: chunked")+body).old(),
		refuse(Security, "9112-6.1-chunked-and-length-1.0",
			head("POST /echo HTTP/1.0", "Host: conform", "Content-Length: 15", "Transfer-Encoding: chunked")+body).old(),
		refuse(Security, "9112-6.1-unknown-coding-1.0", head("POST /echo HTTP/1.0", "Transfer-Encoding: frob")+body, 400, 501).old(),

		// A chunked body where nobody reads it must still be skipped, or the
		// request refused.
		either(Security, "9110-9.3.1-get-chunked-body", get("/plaintext", "Transfer-Encoding: chunked")+
			chunk(smuggled)+"0\r\n\r\n", []int{200, 400}, on(200, hello)),
		either(Security, "9110-9.3.2-head-chunked-body", request("HEAD", "/plaintext", "Transfer-Encoding: chunked")+
			chunk(smuggled)+"0\r\n\r\n", []int{200, 400}).to("HEAD"),
		either(Security, "9110-15.5.5-post-chunked-body-404", request("POST", "/nowhere", "Transfer-Encoding: chunked")+
			chunk(smuggled)+"0\r\n\r\n", []int{404}),
		either(Security, "9110-15.5.6-post-chunked-body-405", request("POST", "/plaintext", "Transfer-Encoding: chunked")+
			chunk(smuggled)+"0\r\n\r\n", []int{405}),
		either(Security, "9112-6.3-chunked-body-nobody-reads", request("POST", "/sleep?ms=1", "Transfer-Encoding: chunked")+
			chunk(smuggled)+"0\r\n\r\n", []int{200}),
	}
	// Not the token chunked, however much it looks like it. Whether it is an
	// unknown coding or bad syntax may be argued; that it is no body is not.
	for _, v := range []struct{ slug, value string }{
		{"empty", ""},
		{"blank", "  "},
		{"identity", "identity"},
		{"identity-chunked", "identity, chunked"},
		{"prefix", "xchunked"},
		{"suffix", "chunkedx"},
		{"short", "chunk"},
		{"quoted", `"chunked"`},
		{"single-quoted", "'chunked'"},
		{"parameter", "chunked;q=1"},
		{"empty-parameter", "chunked;"},
		{"parameter-space", "chunked ; a=b"},
		{"two-words", "chunked foo"},
		{"word-before", "foo chunked"},
		{"split", "chu nked"},
		{"tab-inside", "chu\tnked"},
		{"brackets", "[chunked]"},
		{"colon", ": chunked"},
		{"equals", "=chunked"},
		{"slash", "chunked/1"},
		{"hyphen", "chunked-"},
		{"dot", "chunked."},
		{"nul-after", "chunked\x00"},
		{"nul-before", "\x00chunked"},
		{"vt-before", "\x0bchunked"},
		{"vt-after", "chunked\x0b"},
		{"ff-before", "\x0cchunked"},
		{"ff-after", "chunked\x0c"},
		{"cr-before", "\rchunked"},
		{"cr-after", "chunked\r"},
		{"lf-before", "\nchunked"},
		{"lf-after", "chunked\n"},
		{"nbsp-before", "\xa0chunked"},
		{"nbsp-after", "chunked\xa0"},
		{"utf8-space", "\xe2\x80\x83chunked"},
		{"long-s", "chun\xc5\xbfed"},
		{"kelvin-sign", "chun\xe2\x84\xaaed"},
		{"del", "chunked\x7f"},
		{"backspace", "chunkedd\x08"},
		{"folded", "\r\n chunked"},
		{"folded-tab", "\r\n\tchunked"},
		{"folded-after", "chunked\r\n x"},
		{"semicolon-list", "gzip; chunked"},
		{"accent", "ch\xc3\xbcnked"},
		{"percent", "%63hunked"},
		{"comment", "chunked (really)"},
		{"wildcard", "*"},
		{"number", "5"},
	} {
		cases = append(cases,
			refuse(Security, "9112-6.3-coding-"+v.slug, te("Transfer-Encoding: "+v.value), 400, 501),
			// The same in company of a length, where a fallback would give
			// the attacker his second framing.
			refuse(Security, "9112-6.3-length-and-coding-"+v.slug,
				te("Content-Length: 4", "Transfer-Encoding: "+v.value), 400, 501))
	}
	return cases
}
