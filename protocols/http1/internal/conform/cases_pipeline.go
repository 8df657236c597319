package conform

import (
	"fmt"
	"strings"
)

// pipelineCases covers requests sent without waiting: RFC 9112, section
// 9.3.2. Answers come in order, and a bad request does not take the answers
// to the good ones before it along.
func pipelineCases() []Case {
	ok := status(200)
	text, json := ok.with(hello), ok.with(helloJSON)
	repeat := func(n int, a Answer) []Answer {
		all := make([]Answer, n)
		for i := range all {
			all[i] = a
		}
		return all
	}
	// numbered posts n bodies that say which they are, in both framings.
	numbered := func(n int) (raw string, want []Answer) {
		var b strings.Builder
		for i := range n {
			body := fmt.Sprintf("body %d", i)
			if i%2 == 0 {
				b.WriteString(post(body))
			} else {
				b.WriteString(chunked(chunk(body) + "0\r\n\r\n"))
			}
			want = append(want, ok.with(echoed(body)))
		}
		return b.String(), want
	}
	thirty, thirtyWant := numbered(30)
	bad := func(name, good, raw string, want ...Answer) Case {
		return Case{
			Name: name, Level: Must, Steps: send(good + raw + smuggled), Then: Closed,
			Want: append(want, status(400).with(closes)),
		}
	}
	return []Case{
		answers(Must, "9112-9.3.2-two", get("/plaintext")+get("/json"), text, json),
		answers(Must, "9112-9.3.2-three-in-order", get("/json")+get("/plaintext")+get("/json"), json, text, json),
		answers(Must, "9112-9.3.2-sixteen", strings.Repeat(get("/plaintext"), 16), repeat(16, text)...),
		answers(Must, "9112-9.3.2-hundred", strings.Repeat(get("/plaintext"), 100), repeat(100, text)...),
		answers(Must, "9112-9.3.2-five-hundred", strings.Repeat(get("/json"), 500), repeat(500, json)...),
		answers(Must, "9112-9.3.2-bodies", thirty, thirtyWant...),
		answers(Must, "9112-9.3.2-mixed", get("/plaintext")+request("HEAD", "/plaintext")+post("x")+request("OPTIONS", "*")+
			get("/nowhere")+request("DELETE", "/json")+get("/json"),
			text, ok.to("HEAD"), ok.with(echoed("x")), status(200, 204), status(404), status(405), json),
		answers(Must, "9112-9.3.2-heads", strings.Repeat(request("HEAD", "/plaintext"), 20), repeat(20, ok.to("HEAD"))...),
		// Answered by a slow handler, overtaken by nobody.
		answers(Must, "9112-9.3.2-slow-first", get("/sleep?ms=40")+get("/plaintext")+get("/json"), ok, text, json),
		answers(Must, "9112-9.3.2-slow-in-the-middle", get("/plaintext")+get("/sleep?ms=40")+get("/json"), text, ok, json),
		answers(Must, "9112-9.3.2-slow-twice", get("/sleep?ms=20")+post("a")+get("/sleep?ms=20")+get("/json"),
			ok, ok.with(echoed("a")), ok, json),
		answers(Must, "9112-9.3.2-forty-slow", strings.Repeat(get("/sleep?ms=1"), 40), repeat(40, ok)...),
		// RFC 9112, section 2.2: the extra CRLF that old clients sent after a
		// body.
		answers(Should, "9112-2.2-crlf-between-requests", post("hello")+"\r\n"+get("/json"), ok.with(echoed("hello")), json),
		answers(Should, "9112-2.2-crlf-after-get", get("/plaintext")+"\r\n"+get("/json"), text, json),
		answers(Must, "9112-9.3.2-body-is-not-a-request", post(smuggled)+get("/plaintext"), ok.with(echoed(smuggled)), text),
		answers(Must, "9112-9.3.2-1.2-in-pipeline", head("GET /plaintext HTTP/1.2", "Host: conform")+get("/json"), text, json),
		// In two writes, the second while the first is being answered.
		answers(Must, "9112-9.3.2-while-answering", "", ok, text, json).
			steps(Step{Send: get("/sleep?ms=30")}, Step{Send: get("/plaintext")}, Step{Send: get("/json")}),
		answers(Must, "9112-9.3-one-after-the-other", "", text, json, ok.with(echoed("x"))).
			steps(Step{Send: get("/plaintext")}, Step{Await: true}, Step{Send: get("/json")}, Step{Await: true}, Step{Send: post("x")}),
		// Section 9.6: close ends the pipeline where it stands.
		{
			Name: "9112-9.6-close-in-the-middle", Level: Must, Then: Closed,
			Steps: send(get("/plaintext") + get("/json", "Connection: close") + get("/plaintext")),
			Want:  []Answer{text, json},
		},
		{
			Name: "9112-9.6-close-in-the-middle-slow", Level: Must, Then: Closed,
			Steps: send(get("/sleep?ms=20") + get("/json", "Connection: close") + get("/plaintext")),
			Want:  []Answer{ok, json},
		},
		{
			Name: "9112-9.6-close-last", Level: Must, Then: Closed,
			Steps: send(strings.Repeat(get("/plaintext"), 10) + get("/json", "Connection: close")),
			Want:  append(repeat(10, text), json),
		},

		// The good answered, the bad refused, the rest dropped.
		bad("9112-9.3.2-good-then-bad-line", get("/plaintext"), "GET\r\n\r\n", text),
		bad("9112-9.3.2-good-then-no-host", get("/plaintext"), head("GET /json HTTP/1.1"), text),
		bad("9112-9.3.2-good-then-bad-field", get("/plaintext"), get("/json", "X : y"), text),
		bad("9112-9.3.2-good-then-bare-lf", get("/plaintext"), "GET /json HTTP/1.1\nHost: conform\n\n", text).at(Security),
		bad("9112-9.3.2-good-then-cl-te", get("/plaintext"),
			request("POST", "/echo", "Content-Length: 5", "Transfer-Encoding: chunked"), text).at(Security),
		bad("9112-9.3.2-good-then-bad-length", get("/plaintext"), request("POST", "/echo", "Content-Length: x"), text),
		bad("9112-9.3.2-good-then-bad-chunk", get("/plaintext"), chunked("x\r\n"), text),
		bad("9112-9.3.2-good-then-garbage", get("/plaintext"), "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", text),
		bad("9112-9.3.2-post-then-bad", post("hello"), "GET\r\n\r\n", ok.with(echoed("hello"))),
		bad("9112-9.3.2-post-then-nul", post("hello"), "x\x00\r\n\r\n", ok.with(echoed("hello"))),
		bad("9112-9.3.2-chunked-then-bad", chunked("5\r\nhello\r\n0\r\n\r\n"), "GET\r\n\r\n", ok.with(echoed("hello"))),
		bad("9112-9.3.2-head-then-bad", request("HEAD", "/plaintext"), "GET\r\n\r\n", ok.to("HEAD")),
		bad("9112-9.3.2-slow-then-bad", get("/sleep?ms=40"), "GET\r\n\r\n", ok),
		bad("9112-9.3.2-twenty-then-bad", strings.Repeat(get("/plaintext"), 20), "GET\r\n\r\n", repeat(20, text)...),
		bad("9112-9.3.2-three-kinds-then-bad", get("/plaintext")+post("x")+get("/sleep?ms=5"), "GET\r\n\r\n",
			text, ok.with(echoed("x")), ok),
		{
			Name: "9112-9.3.2-good-then-505", Level: Must, Then: Closed,
			Steps: send(get("/plaintext") + head("GET /json HTTP/2.0", "Host: conform") + smuggled),
			Want:  []Answer{text, status(505).with(closes)},
		},
		{
			Name: "9112-9.3.2-good-then-501", Level: Must, Then: Closed,
			Steps: send(get("/plaintext") + request("POST", "/echo", "Transfer-Encoding: frob, chunked") + smuggled),
			Want:  []Answer{text, status(501).with(closes)},
		},
	}
}
