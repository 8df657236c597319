package http1_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// ending is what a scripted server does behind its bytes.
type ending int

const (
	stays  ending = iota // the connection stays open
	closes               // FIN
	resets
)

// scripted is a server that answers every request with the same bytes.
type scripted struct {
	ln    net.Listener
	bytes string
	end   ending
	split bool // write byte by byte
	conns chan struct{}
}

func newScripted(t testing.TB, bytes string, end ending, split bool) *scripted {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &scripted{ln: ln, bytes: bytes, end: end, split: split, conns: make(chan struct{}, 100)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			s.conns <- struct{}{}
			go s.serve(c)
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return s
}

func (s *scripted) serve(c net.Conn) {
	defer c.Close()
	br := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		io.Copy(io.Discard, req.Body)
		if s.split {
			for i := range len(s.bytes) {
				c.Write([]byte(s.bytes[i : i+1]))
			}
		} else {
			io.WriteString(c, s.bytes)
		}
		switch s.end {
		case closes:
			c.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, br)
			return
		case resets:
			c.(*net.TCPConn).SetLinger(0)
			return
		}
	}
}

func (s *scripted) url() string { return "http://" + s.ln.Addr().String() + "/" }

// responseCase is a response and what a client must make of it.
type responseCase struct {
	name, method, bytes string
	end                 ending
	status              int
	body                string
	err                 error  // of RoundTrip or of reading the body
	reason              string // of the wire.Error in it
}

const ok11 = "HTTP/1.1 200 OK\r\n"

func good(name, bytes string, end ending, body string) responseCase {
	return responseCase{name: name, bytes: bytes, end: end, status: 200, body: body}
}

func bad(name, bytes string, end ending, err error) responseCase {
	return responseCase{name: name, bytes: bytes, end: end, err: err}
}

func refused(reason, bytes string) responseCase {
	return responseCase{name: reason, bytes: bytes, end: stays, err: http1.ErrBadResponse, reason: reason}
}

// framingCases are all pairs of method, status, framing and version, with what RFC 9112 section 6.3 makes of them.
func framingCases() (all []responseCase) {
	for _, method := range []string{"GET", "HEAD", "POST"} {
		for _, status := range []int{200, 201, 204, 206, 304, 404, 500, 599, 999} {
			for _, framing := range []string{"length", "chunked", "close", "empty"} {
				none := method == "HEAD" || status == 204 || status == 304
				c := responseCase{
					name: fmt.Sprintf("%s %d %s", method, status, framing), method: method, status: status, body: "hello",
				}
				head := fmt.Sprintf("HTTP/1.1 %d X\r\n", status)
				switch framing {
				case "length":
					c.bytes = head + "Content-Length: 5\r\n\r\n"
				case "chunked":
					c.bytes = head + "Transfer-Encoding: chunked\r\n\r\n"
					if status == 204 {
						c = refused("te_with_status", c.bytes)
						c.name, c.method = "204 chunked "+method, method
					}
				case "close":
					c.bytes, c.end = head+"Connection: close\r\n\r\n", closes
				case "empty":
					c.bytes, c.body = head+"Content-Length: 0\r\n\r\n", ""
				}
				switch {
				case none:
					c.body = ""
				case framing == "chunked":
					c.bytes += "3\r\nhel\r\n2;x=\"y\"\r\nlo\r\n0\r\nT: r\r\n\r\n"
				case framing != "empty":
					c.bytes += "hello"
				}
				all = append(all, c)
			}
		}
	}
	return all
}

// oddCases are those that a table has to say one by one.
func oddCases() []responseCase {
	trunc, closed := http1.ErrResponseTruncated, http1.ErrServerClosed
	return []responseCase{
		good("HTTP/1.0 with length", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", stays, "ok"),
		good("HTTP/1.0 until close", "HTTP/1.0 200 OK\r\n\r\nok", closes, "ok"),
		good("HTTP/1.0 keep-alive", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", stays, "ok"),
		good("HTTP/1.2", "HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok", stays, "ok"),
		good("no reason", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", stays, "ok"),
		good("empty reason", "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", stays, "ok"),
		good("obs-text", ok11+"X: \x80\xff\r\nContent-Length: 2\r\n\r\nok", stays, "ok"),
		good("100 first", "HTTP/1.1 100 Continue\r\n\r\n"+ok11+"Content-Length: 2\r\n\r\nok", stays, "ok"),
		good("103 twice", strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 2)+ok11+"Content-Length: 2\r\n\r\nok", stays, "ok"),
		good("1xx with length", "HTTP/1.1 102 Processing\r\nContent-Length: 5\r\n\r\n"+ok11+"Content-Length: 2\r\n\r\nok", stays, "ok"),
		good("no length, nothing", ok11+"\r\n", closes, ""),
		good("chunks of one", ok11+"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n", stays, "ab"),
		good("Chunked in capitals", ok11+"Transfer-Encoding: CHUNKED\r\n\r\n1\r\na\r\n0\r\n\r\n", stays, "a"),
		good("leading zeros", ok11+"Transfer-Encoding: chunked\r\n\r\n0001\r\na\r\n000\r\n\r\n", stays, "a"),
		good("close with length", ok11+"Connection: close\r\nContent-Length: 2\r\n\r\nok", closes, "ok"),
		good("large length, HEAD-like", ok11+"Content-Length: 70000\r\n\r\n"+strings.Repeat("x", 70000), stays, strings.Repeat("x", 70000)),

		bad("nothing", "", closes, closed),
		bad("nothing, reset", "", resets, nil), // checked for an error of any kind
		bad("one byte", "H", closes, trunc),
		bad("status line", ok11, closes, trunc),
		bad("half a head", ok11+"Content-Le", closes, trunc),
		bad("head without end", ok11+"Content-Length: 2\r\n", closes, trunc),
		bad("100 and nothing", "HTTP/1.1 100 Continue\r\n\r\n", closes, trunc),
		bad("length, no body", ok11+"Content-Length: 2\r\n\r\n", closes, trunc),
		bad("length, half", ok11+"Content-Length: 20\r\n\r\nhalf", closes, trunc),
		bad("length, all but one", ok11+"Content-Length: 5\r\n\r\nhell", closes, trunc),
		bad("chunked, nothing", ok11+"Transfer-Encoding: chunked\r\n\r\n", closes, trunc),
		bad("chunked, in a size", ok11+"Transfer-Encoding: chunked\r\n\r\n5", closes, trunc),
		bad("chunked, before data", ok11+"Transfer-Encoding: chunked\r\n\r\n5\r\n", closes, trunc),
		bad("chunked, in data", ok11+"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", closes, trunc),
		bad("chunked, behind data", ok11+"Transfer-Encoding: chunked\r\n\r\n5\r\nhello", closes, trunc),
		bad("chunked, between chunks", ok11+"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", closes, trunc),
		bad("chunked, no last CRLF", ok11+"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", closes, trunc),
		bad("chunked, in trailers", ok11+"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n", closes, trunc),
		bad("length, reset", ok11+"Content-Length: 20\r\n\r\nhalf", resets, nil),
		bad("until close, reset", ok11+"Connection: close\r\n\r\nhalf", resets, nil),
		bad("101 unasked", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", stays, http1.ErrBadResponse),
		bad("too many interim", strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 40), stays, http1.ErrBadResponse),

		refused("both_cl_and_te", ok11+"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		refused("both_cl_and_te", ok11+"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
		refused("repeated_content_length", ok11+"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
		refused("repeated_content_length", ok11+"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
		refused("bad_content_length", ok11+"Content-Length: 5, 5\r\n\r\nhello"),
		refused("bad_content_length", ok11+"Content-Length: +5\r\n\r\nhello"),
		refused("bad_content_length", ok11+"Content-Length: -5\r\n\r\nhello"),
		refused("bad_content_length", ok11+"Content-Length: 0x5\r\n\r\nhello"),
		refused("bad_content_length", ok11+"Content-Length:\r\n\r\nhello"),
		refused("bad_content_length", ok11+"Content-Length: 9223372036854775808\r\n\r\nhello"),
		refused("unknown_transfer_coding", ok11+"Transfer-Encoding: gzip\r\n\r\n"),
		refused("unknown_transfer_coding", ok11+"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
		refused("unknown_transfer_coding", ok11+"Transfer-Encoding: identity\r\n\r\n"),
		refused("chunked_repeated", ok11+"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
		refused("chunked_not_last", ok11+"Transfer-Encoding: chunked, gzip\r\n\r\n"),
		refused("bad_transfer_encoding", ok11+"Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n"),
		refused("te_on_http10", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		refused("te_with_status", "HTTP/1.1 103 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		refused("unsupported_version", "HTTP/2.0 200 OK\r\n\r\n"),
		refused("bad_status_line", "HTTP/1.10 200 OK\r\n\r\n"),
		refused("bad_version", "ICY 200 OK\r\n\r\n"),
		refused("bad_version", "http/1.1 200 OK\r\n\r\n"),
		refused("bad_version", "<html>"),
		refused("bad_version", "\r\nHTTP/1.1 200 OK\r\n\r\n"),
		refused("bad_status_code", "HTTP/1.1 20 OK\r\n\r\n"),
		refused("bad_status_code", "HTTP/1.1 099 OK\r\n\r\n"),
		refused("bad_status_line", "HTTP/1.1 2000 OK\r\n\r\n"),
		refused("bad_status_line", "HTTP/1.1\t200 OK\r\n\r\n"),
		refused("bad_status_line", "HTTP/1.1 200 O\x00K\r\n\r\n"),
		refused("bare_lf", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
		refused("bare_lf", ok11+"A: b\nContent-Length: 0\r\n\r\n"),
		refused("bare_cr", ok11+"A: b\rC: d\r\n\r\n"),
		refused("obs_fold", ok11+"A: b\r\n c\r\n\r\n"),
		refused("space_before_field", ok11+" A: b\r\n\r\n"),
		refused("space_before_colon", ok11+"A : b\r\n\r\n"),
		refused("missing_colon", ok11+"A\r\n\r\n"),
		refused("empty_field_name", ok11+": b\r\n\r\n"),
		refused("ctl_in_value", ok11+"A: b\x00\r\n\r\n"),
		refused("bad_field_name", ok11+"A@: b\r\n\r\n"),
		refused("head_too_large", ok11+"A: "+strings.Repeat("x", 40<<10)+"\r\n\r\n"),
		refused("too_many_fields", ok11+strings.Repeat("A: b\r\n", 300)+"\r\n"),
		refused("bad_chunk_size", ok11+"Transfer-Encoding: chunked\r\n\r\nx\r\n"),
		refused("bad_chunk_size", ok11+"Transfer-Encoding: chunked\r\n\r\n\r\n"),
		refused("bad_chunk_size", ok11+"Transfer-Encoding: chunked\r\n\r\n-1\r\n"),
		refused("chunk_space", ok11+"Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n"),
		refused("chunk_size_overflow", ok11+"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"),
		refused("chunk_size_too_long", ok11+"Transfer-Encoding: chunked\r\n\r\n00000000000000001\r\n"),
		refused("bad_chunk_end", ok11+"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n"),
		refused("bad_chunk_end", ok11+"Transfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n"),
		refused("chunk_ext_too_long", ok11+"Transfer-Encoding: chunked\r\n\r\n5;"+strings.Repeat("x", 300)+"\r\nhello\r\n0\r\n\r\n"),
		refused("forbidden_trailer", ok11+"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n"),
		refused("trailer_too_large", ok11+"Transfer-Encoding: chunked\r\n\r\n0\r\nA: "+strings.Repeat("x", 10<<10)+"\r\n\r\n"),
		refused("too_many_trailers", ok11+"Transfer-Encoding: chunked\r\n\r\n0\r\n"+strings.Repeat("A: b\r\n", 100)+"\r\n"),
	}
}

// TestResponses gives each response whole and byte by byte.
func TestResponses(t *testing.T) {
	all := append(framingCases(), oddCases()...)
	if len(all) < 150 {
		t.Fatalf("%d cases", len(all))
	}
	cl := newClient(t, &http1.Client{})
	for _, c := range all {
		for _, split := range []bool{false, true} {
			if split && len(c.bytes) > 2000 {
				continue
			}
			t.Run(fmt.Sprintf("%s/split=%v", c.name, split), func(t *testing.T) { c.check(t, cl, split) })
		}
	}
}

func (c *responseCase) check(t *testing.T, cl *http1.Client, split bool) {
	s := newScripted(t, c.bytes, c.end, split)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	method := c.method
	if method == "" {
		method = "GET"
	}
	for round := range 2 { // the second one shows whether the connection was left in order
		req, err := http.NewRequestWithContext(ctx, method, s.url(), nil)
		if err != nil {
			t.Fatal(err)
		}
		status, body, err := 0, []byte(nil), error(nil)
		res, err := cl.RoundTrip(req)
		if err == nil {
			status = res.StatusCode
			body, err = io.ReadAll(res.Body)
			res.Body.Close()
		}
		if c.status != 0 {
			if err != nil || status != c.status || string(body) != c.body {
				t.Fatalf("round %d: %d %q, %v; want %d %q", round, status, body, err, c.status, c.body)
			}
			continue
		}
		if err == nil || c.err != nil && !errors.Is(err, c.err) {
			t.Fatalf("round %d: %d %q, %v; want %v", round, status, body, err, c.err)
		}
		var we *wire.Error
		if c.reason != "" && (!errors.As(err, &we) || we.Reason != c.reason) {
			t.Fatalf("round %d: %v; want %s", round, err, c.reason)
		}
	}
}

// TestDistinctErrors: no error of a client is another one's.
func TestDistinctErrors(t *testing.T) {
	all := []error{
		http1.ErrServerClosed, http1.ErrResponseTruncated, http1.ErrConnOver, http1.ErrConnBusy, http1.ErrResponseTimeout,
		http1.ErrResponseStalled, http1.ErrPoolTimeout, http1.ErrResponseTooLarge, http1.ErrResponseCoding, http1.ErrScheme,
		http1.ErrRedirects, http1.ErrProxyRefused, http1.ErrClientClosed, http1.ErrBadResponse, http1.ErrBodyUnread,
	}
	for i, a := range all {
		for j, b := range all {
			if errors.Is(a, b) != (i == j) {
				t.Errorf("%v is %v", a, b)
			}
		}
	}
}
