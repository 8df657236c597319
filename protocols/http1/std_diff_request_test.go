package http1

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

type noteFunc = func(string, ...any)

// dump notes everything of a request that net/http defines.
func dump(w http.ResponseWriter, r *http.Request, note noteFunc) {
	note("%s %q %s %d.%d host=%q uri=%q", r.Method, r.URL.String(), r.Proto, r.ProtoMajor, r.ProtoMinor, r.Host, r.RequestURI)
	note("url %q %q %q %q %q %v %q", r.URL.Scheme, r.URL.Host, r.URL.Path, r.URL.RawPath, r.URL.RawQuery, r.URL.ForceQuery, r.URL.Opaque)
	note("length=%d coding=%v close=%v nobody=%v tls=%v form=%v", r.ContentLength, r.TransferEncoding, r.Close,
		r.Body == http.NoBody, r.TLS, r.Form)
	keys := []string{}
	for k, v := range r.Header {
		keys = append(keys, fmt.Sprintf("%s=%q", k, v))
	}
	slices.Sort(keys)
	note("header %v trailer before %v", keys, r.Trailer)
	body, err := io.ReadAll(r.Body)
	note("body %q %v trailer %v", body, err, r.Trailer)
	note("context %v local=%v pattern=%q", r.Context().Err(), r.Context().Value(http.LocalAddrContextKey) != nil, r.Pattern)
	n, err := r.Body.Read(make([]byte, 1))
	note("again %d %v, close %v", n, err, r.Body.Close())
	note("remote %v", strings.HasPrefix(r.RemoteAddr, "127.0.0.1:"))
	io.WriteString(w, "ok")
}

func dumped(name, send string) diffCase { return diffCase{name: name, send: send, h: dump} }

var diffRequests = []diffCase{
	dumped("request/plain", get("/")),
	dumped("request/query", get("/a/b?x=1&y=%20z")),
	dumped("request/empty query", get("/a?")),
	dumped("request/query with question marks", get("/a??b?")),
	dumped("request/escaped path", get("/a%2Fb/%41%20")),
	dumped("request/special path", get("/a+b;c=1,(2)!$&'*@:~_-.")),
	dumped("request/brackets", get("/a[1]{2}|^`")),
	dumped("request/double slash", get("//host/path")),
	dumped("request/triple slash", get("///path")),
	dumped("request/dots", get("/a/../b/./c")),
	dumped("request/absolute", "GET http://example.com:81/x?y HTTP/1.1\r\nHost: other\r\n\r\n"),
	dumped("request/absolute without path", "GET http://example.com HTTP/1.1\r\nHost: other\r\n\r\n"),
	dumped("request/absolute https", "GET https://example.com/ HTTP/1.1\r\nHost: other\r\n\r\n"),
	dumped("request/options absolute", "OPTIONS http://example.com HTTP/1.1\r\nHost: other\r\n\r\n"),
	dumped("request/connect", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"),
	dumped("request/other method", "PURGE /x HTTP/1.1\r\nHost: a\r\n\r\n"),
	dumped("request/lower-case method", "get /x HTTP/1.1\r\nHost: a\r\n\r\n"),
	dumped("request/1.0", "GET /x HTTP/1.0\r\n\r\n"),
	dumped("request/1.0 host", "GET /x HTTP/1.0\r\nHost: b\r\n\r\n"),
	dumped("request/1.0 keep-alive", "GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
	{
		name: "request/1.0 keep-alive close", send: "GET /x HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", h: dump,
		differs: "both keep-alive and close",
	},
	dumped("request/1.1 close", "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
	dumped("request/1.1 close in a list", "GET /x HTTP/1.1\r\nHost: a\r\nConnection: foo, Close\r\n\r\n"),
	dumped("request/1.1 two connection fields", "GET /x HTTP/1.1\r\nHost: a\r\nConnection: foo\r\nConnection: close\r\n\r\n"),
	dumped("request/1.1 keep-alive", "GET /x HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"),
	dumped("request/header keys", "GET /x HTTP/1.1\r\nhOST: a\r\nx-lower-case: 1\r\nX-MIXED-case: 2\r\naccept: */*\r\nx_under!#: y\r\n\r\n"),
	dumped("request/repeated fields", "GET /x HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: x\r\na: 2\r\nA: 3\r\nB: y\r\n\r\n"),
	dumped("request/white space in values", "GET /x HTTP/1.1\r\nHost: a\r\nA:1\r\nB: \t x y \t \r\nC:\r\nD:   \r\nE: \xe4\xff\r\n\r\n"),
	dumped("request/pragma", "GET /x HTTP/1.1\r\nHost: a\r\nPragma: no-cache\r\n\r\n"),
	dumped("request/pragma and cache-control", "GET /x HTTP/1.1\r\nHost: a\r\nPragma: no-cache\r\nCache-Control: max-age=1\r\n\r\n"),
	dumped("request/length", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"),
	dumped("request/length zero", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
	dumped("request/get with a body", "GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"),
	dumped("request/post without length", "POST /x HTTP/1.1\r\nHost: a\r\n\r\n"),
	dumped("request/chunked", chunkedPost("", "5\r\nhello\r\n0\r\n\r\n")),
	dumped("request/chunked in chunks", chunkedPost("", "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n")),
	dumped("request/chunked empty", chunkedPost("", "0\r\n\r\n")),
	dumped("request/chunked upper case", "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n"),
	dumped("request/trailers", chunkedPost("Trailer: A, x-b\r\n", "1\r\nx\r\n0\r\nA: 1\r\nX-B: 2\r\nX-B: 3\r\n\r\n")),
	dumped("request/trailers not sent", chunkedPost("Trailer: A\r\n", "1\r\nx\r\n0\r\n\r\n")),
	dumped("request/trailers not announced", chunkedPost("", "1\r\nx\r\n0\r\nA: 1\r\n\r\n")),
	dumped("request/trailer field without chunks", "POST /x HTTP/1.1\r\nHost: a\r\nTrailer: A\r\nContent-Length: 1\r\n\r\nx"),
	{
		name: "request/bad trailer announced", send: chunkedPost("Trailer: Content-Length\r\n", "0\r\n\r\n"), h: dump,
		uncalled: true, differs: "texts of refusals",
	},
	{
		name: "request/leading CRLF", send: "\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n", h: dump,
		uncalled: true, differs: "what is a good request",
	},
	dumped("request/expect", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi"),
	dumped("request/expect without body", "GET /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n"),
	dumped("request/expect 1.0", "POST /x HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi"),
	dumped("request/upgrade", "GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n"),
	dumped("request/cookies", "GET /x HTTP/1.1\r\nHost: a\r\nCookie: a=b; c=d\r\n\r\n"),
	{name: "request/1.2", send: "GET /x HTTP/1.2\r\nHost: a\r\n\r\n", h: dump, differs: "HTTP/1.2 to 1.9"},
	{
		name: "request/bad trailer sent", send: chunkedPost("", "0\r\nAuthorization: x\r\n\r\n"), h: dump,
		differs: "trailers that RFC 9110 6.5.1 forbids",
	},
	{name: "request/options star", send: "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", h: dump, uncalled: true, differs: "OPTIONS *"},
}

func chunkedPost(fields, body string) string {
	return "POST /x HTTP/1.1\r\nHost: a\r\n" + fields + "Transfer-Encoding: chunked\r\n\r\n" + body
}
