package tls_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/tls"
)

// A request without TLS gets an answer that says so, however its bytes come.
func TestPlainHTTP(t *testing.T) {
	a := newAudit(t)
	h := serve(t, reactor.Config{}, &tls.Server{Config: serverConfig(), Next: echoing(a)})
	for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS", "CONNECT", "PROPFIND"} {
		for _, bytewise := range []bool{false, true} {
			c := h.raw()
			req := method + " /x HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
			if bytewise {
				for _, b := range []byte(req) {
					if _, err := c.Write([]byte{b}); err != nil {
						break // it has answered by now, perhaps closed
					}
				}
			} else {
				io.WriteString(c, req)
				c.Write(make([]byte, 100_000)) // the answer has to survive what comes behind it
			}
			resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
			if err != nil {
				t.Fatalf("%s: %v", method, err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != 400 || resp.ContentLength != 63 && method != "CONNECT" || !resp.Close {
				t.Errorf("%s: %v %v %v", method, resp.Status, resp.Header, err)
			}
			if method != "HEAD" && !strings.Contains(string(body), "TLS") {
				t.Errorf("%s: %q", method, body)
			}
			c.Close()
			h.ended("http_on_tls", tls.ErrPlainHTTP)
		}
	}
	if opens, _ := a.counts(); opens > 0 {
		t.Errorf("%d OnOpens", opens)
	}
}

// record is a TLS record.
func record(typ byte, body []byte) []byte {
	return append([]byte{typ, 3, 1, byte(len(body) >> 8), byte(len(body))}, body...)
}

// Everything else that is no ClientHello is closed, with an alert if it looks like TLS at all.
func TestNotTLS(t *testing.T) {
	big := func(n int) []byte { // a ClientHello that says it has n bytes, in whole records
		msg := append([]byte{1, byte(n >> 16), byte(n >> 8), byte(n)}, make([]byte, n)...)
		var out []byte
		for len(msg) > 0 {
			k := min(len(msg), 1<<14)
			out = append(out, record(22, msg[:k])...)
			msg = msg[k:]
		}
		return out
	}
	alert := func(a byte) string { return string([]byte{21, 3, 3, 0, 2, 2, a}) }
	for _, c := range []struct {
		name, send, want, reason string
		is                       error
	}{
		{"ssh", "SSH-2.0-OpenSSH_9.2\r\n", "", "not_tls", tls.ErrNotTLS},
		{"smtp", "EHLO there\r\n", "", "not_tls", tls.ErrNotTLS},
		{"nearly a method", "GETS", "", "not_tls", tls.ErrNotTLS},
		{"zeros", "\x00\x00\x00\x00", "", "not_tls", tls.ErrNotTLS},
		{"an alert first", string(record(21, []byte{1, 0})), "", "not_tls", tls.ErrNotTLS},
		{"data first", string(record(23, []byte("x"))), "", "not_tls", tls.ErrNotTLS},
		{"ssl 2", "\x80\x2e\x01\x03\x01\x00", alert(70), "not_tls", tls.ErrNotTLS},
		{"not ssl 2", "\x80\x2e\x02\x03\x01\x00", "", "not_tls", tls.ErrNotTLS},
		{"version 4", "\x16\x04\x01\x00\x05hello", alert(50), "not_tls", tls.ErrNotTLS},
		{"an empty record", "\x16\x03\x01\x00\x00", alert(50), "not_tls", tls.ErrNotTLS},
		{"a long record", "\x16\x03\x01\x40\x01", alert(50), "not_tls", tls.ErrNotTLS},
		{"a finished first", string(record(22, []byte{20, 0, 0, 1, 0})), alert(50), "not_tls", tls.ErrNotTLS},
		{"too large by its length", string(record(22, []byte{1, 1, 0, 0})), alert(50), "hello_too_large", tls.ErrHelloTooLarge},
		{"too large", string(big(1 << 16)), alert(50), "hello_too_large", tls.ErrHelloTooLarge},
		{"an empty ClientHello", string(record(22, []byte{1, 0, 0, 0})), string([]byte{21, 3, 1, 0, 2, 2, 50}), "handshake", nil},
		{"a ClientHello of zeros", string(big(40_000)), string([]byte{21, 3, 1, 0, 2, 2, 50}), "handshake", nil},
	} {
		a := newAudit(t)
		h := serve(t, reactor.Config{}, &tls.Server{Config: serverConfig(), Next: echoing(a)})
		conn := h.raw()
		if _, err := io.WriteString(conn, c.send); err != nil && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
			t.Fatal(err)
		}
		got, err := io.ReadAll(conn)
		if string(got) != c.want || err != nil {
			t.Errorf("%s: got %x, %v; want %x", c.name, got, err, c.want)
		}
		conn.Close()
		h.ended(c.reason, c.is)
		if s := h.srv.Stats(); s.Failed != 1 || s.Refused != 0 || s.Pending != 0 {
			t.Errorf("%s: %+v", c.name, s)
		}
		if opens, closes := a.counts(); opens+closes > 0 {
			t.Errorf("%s: the handler heard of it", c.name)
		}
	}
}

// A limit of its own, below crypto/tls's.
func TestMaxHelloBytes(t *testing.T) {
	h := serve(t, reactor.Config{}, &tls.Server{Config: serverConfig(), Next: echoing(newAudit(t)), MaxHelloBytes: 200})
	c := h.raw()
	c.Write(record(22, append([]byte{1, 0, 0, 250}, make([]byte, 250)...)))
	io.Copy(io.Discard, c)
	c.Close()
	h.ended("hello_too_large", tls.ErrHelloTooLarge)
}

// inMemory runs f with a server in memory, where the clock is synctest's.
func inMemory(t *testing.T, srv *tls.Server, f func(h *host, dial func() net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		cfg := reactor.Config{Loops: 1}
		h := newHost(t, &cfg, srv)
		h.r = reactortest.New(t, cfg)
		ln := reactortest.Listen()
		if _, err := h.r.Listen(ln, srv); err != nil {
			t.Fatal(err)
		}
		f(h, func() net.Conn {
			c, err := ln.Dial()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			return c
		})
	})
}

// hello is a ClientHello as crypto/tls makes it.
func hello(t testing.TB) []byte {
	t.Helper()
	r := &recorder{}
	clientTo(r).Handshake()
	return r.Bytes()
}

// A client that stalls, silent or in the midst of its ClientHello, is closed when HandshakeTimeout is over, to the tick. It
// has no worker.
func TestStalls(t *testing.T) {
	whole := hello(t)
	for _, sent := range [][]byte{nil, whole[:1], whole[:100], whole[:len(whole)-1], whole, []byte("GE")} {
		a := newAudit(t)
		srv := &tls.Server{Config: serverConfig(), Next: echoing(a), HandshakeTimeout: 3 * time.Second}
		inMemory(t, srv, func(h *host, dial func() net.Conn) {
			began := time.Now()
			c := dial()
			c.Write(sent)
			synctest.Wait()
			pending := 0
			if len(sent) == len(whole) {
				pending = 1
			}
			if s := srv.Stats(); s.Pending != pending {
				t.Errorf("after %d bytes: %d handshakes in progress", len(sent), s.Pending)
			}
			io.Copy(io.Discard, c)
			if took := time.Since(began); took < 3*time.Second || took > 3*time.Second+50*time.Millisecond {
				t.Errorf("after %d bytes: closed after %v", len(sent), took)
			}
			h.ended("handshake_timeout", tls.ErrHandshakeTimeout)
			synctest.Wait()
			if s := srv.Stats(); s.Pending != 0 || s.Failed != 1 {
				t.Errorf("after %d bytes: %+v", len(sent), s)
			}
		})
		if opens, closes := a.counts(); opens+closes > 0 {
			t.Errorf("after %d bytes: the handler heard of it", len(sent))
		}
	}
}

// recorder is a net.Conn that keeps what is written and has nothing to read.
type recorder struct {
	net.Conn
	bytes.Buffer
}

func (r *recorder) Read([]byte) (int, error)    { return 0, io.EOF }
func (r *recorder) Write(p []byte) (int, error) { return r.Buffer.Write(p) }
func (r *recorder) Close() error                { return nil }
