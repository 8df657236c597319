package tls_test

import (
	"bytes"
	ctls "crypto/tls"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tls"
)

// one serves connections with one kind of probe.
func one(mk func() *probe) reactor.Protocol {
	return reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return mk() })
}

// The client half-closes, and everything that it sent is answered; then comes our close_notify and FIN.
func TestClientHalfCloses(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		a := newAudit(t)
		received := make(chan []byte, 1)
		answer := pattern(300_000)
		h := serve(t, reactor.Config{}, &tls.Server{Config: serverConfig(), Next: one(func() *probe {
			var got bytes.Buffer
			return &probe{a: a, data: func(_ *reactor.Conn, in []byte) int { return must(got.Write(in)) }, eof: func(c *reactor.Conn) {
				if !c.EOF() {
					t.Error("EOF is not known in OnEOF")
				}
				received <- got.Bytes()
				c.Write(answer) // after the end of input
				c.Close()
			}}
		})})
		for _, fin := range []bool{false, true} { // close_notify alone, or with the FIN in the same packet or soon after
			raw := h.raw()
			c := ctls.Client(raw, at(clientConfig(), v))
			c.Write(pattern(100_000))
			c.CloseWrite()
			if fin {
				raw.CloseWrite()
			}
			back, err := io.ReadAll(c)
			if err != nil || !bytes.Equal(back, answer) {
				t.Errorf("%d bytes, %v", len(back), err)
			}
			if n, err := raw.Read(make([]byte, 1)); n > 0 || err != io.EOF {
				t.Errorf("below: %d, %v", n, err)
			}
			if err := await(t, "OnClose", a.closed); err != nil {
				t.Errorf("OnClose got %v", err)
			}
			if got := await(t, "OnEOF", received); !bytes.Equal(got, pattern(100_000)) {
				t.Errorf("the server got %d bytes", len(got))
			}
		}
	})
}

// The server half-closes: the client sees the end and goes on sending, until it ends too.
func TestServerHalfCloses(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		a := newAudit(t)
		var got bytes.Buffer
		h := serve(t, reactor.Config{}, &tls.Server{Config: serverConfig(), Next: one(func() *probe {
			return &probe{a: a, open: func(c *reactor.Conn) {
				c.Write([]byte("all"))
				if err := c.CloseWrite(); err != nil {
					t.Error(err)
				}
				if _, err := c.Write([]byte("more")); err == nil {
					t.Error("wrote after CloseWrite")
				}
			}, data: func(_ *reactor.Conn, in []byte) int { return must(got.Write(in)) }, eof: func(*reactor.Conn) {}}
		})})
		raw := h.raw()
		c := ctls.Client(raw, at(clientConfig(), v))
		if all, err := io.ReadAll(c); string(all) != "all" || err != nil {
			t.Errorf("%q, %v", all, err)
		}
		if n, err := raw.Read(make([]byte, 1)); n > 0 || err != io.EOF {
			t.Errorf("no FIN: %d, %v", n, err)
		}
		for _, p := range [][]byte{pattern(1), pattern(50_000)} {
			if _, err := c.Write(p); err != nil {
				t.Fatal(err)
			}
		}
		c.CloseWrite()
		if err := await(t, "OnClose", a.closed); err != nil {
			t.Errorf("OnClose got %v", err)
		}
		if got.Len() != 50_001 {
			t.Errorf("the server got %d bytes", got.Len())
		}
	})
}

// A FIN without close_notify is no end: at a record's boundary, in the midst of one, in the handshake.
func TestTruncation(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		a := newAudit(t)
		h := serve(t, reactor.Config{}, &tls.Server{Config: serverConfig(), Next: one(func() *probe {
			return &probe{a: a, eof: func(*reactor.Conn) { t.Error("OnEOF") }}
		})})
		for _, cut := range []int{0, 3, 1} {
			raw := h.raw()
			s := &cutter{splitter: splitter{Conn: raw}}
			c := ctls.Client(s, at(clientConfig(), v))
			if err := c.Handshake(); err != nil {
				t.Fatal(err)
			}
			s.cut = cut
			c.Write([]byte("something"))
			raw.CloseWrite()
			io.Copy(io.Discard, raw)
			if err := await(t, "OnClose", a.closed); !errors.Is(err, tls.ErrTruncated) || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("cut by %d: OnClose got %v", cut, err)
			}
			h.ended("tls_truncated", tls.ErrTruncated)
		}
		whole := hello(t)
		for _, n := range []int{0, 1, 50, len(whole)} {
			raw := h.raw()
			raw.Write(whole[:n])
			raw.CloseWrite()
			io.Copy(io.Discard, raw)
			raw.Close()
			if n == len(whole) {
				h.ended("handshake_eof", io.EOF)
			} else {
				h.ended("eof", io.EOF)
			}
		}
	})
}

// cutter keeps the last bytes of each write back.
type cutter struct {
	splitter
	cut int
}

func (c *cutter) Write(p []byte) (int, error) {
	_, err := c.Conn.Write(p[:len(p)-c.cut])
	return len(p), err
}

// What is queued when a peer truncates is still sent: it may only have half-closed, badly.
func TestTruncationFlushes(t *testing.T) {
	answer := pattern(3 << 20)
	a := newAudit(t)
	h := serve(t, reactor.Config{}, &tls.Server{Config: serverConfig(), Next: one(func() *probe {
		return &probe{a: a, data: func(c *reactor.Conn, in []byte) int { c.Write(answer); return len(in) }}
	})})
	raw := h.raw()
	c := ctls.Client(raw, clientConfig())
	c.Write([]byte("go"))
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	raw.CloseWrite()
	if rest, err := io.ReadAll(c); len(rest) != len(answer)-1 {
		t.Errorf("%d bytes, %v", len(rest), err)
	}
	h.ended("tls_truncated", tls.ErrTruncated)
}

// A record that does not decrypt gets its alert, and a reason of its own; so does one that the peer refuses.
func TestBadRecord(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		a := newAudit(t)
		h := serve(t, reactor.Config{}, &tls.Server{Config: serverConfig(), Next: echoing(a)})
		raw := h.raw()
		c := ctls.Client(raw, at(clientConfig(), v))
		if err := roundTrip(c, []byte("x")); err != nil {
			t.Fatal(err)
		}
		raw.Write([]byte("\x17\x03\x03\x00\x20" + string(pattern(32))))
		raw.Write(make([]byte, 100_000)) // a reset for these must not overtake the alert
		_, err := c.Read(make([]byte, 1))
		if err == nil || err.Error() != "remote error: tls: bad record MAC" {
			t.Errorf("the client got %v", err)
		}
		raw.Close()
		var re *tls.RecordError
		if err := await(t, "OnClose", a.closed); !errors.As(err, &re) || re.Reason != "tls_record" {
			t.Errorf("OnClose got %v", err)
		}
		h.ended("tls_record", nil)
	})
}

// Every order of the two ends' closes is an orderly one.
func TestCloseOrders(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		for name, end := range map[string]func(c *reactor.Conn){
			"Close":       func(c *reactor.Conn) { c.Close() },
			"CloseWith":   func(c *reactor.Conn) { c.CloseWith(io.ErrNoProgress) },
			"CloseLinger": func(c *reactor.Conn) { c.CloseLinger(patience, 1000, nil) },
			"CloseWrite":  func(c *reactor.Conn) { c.CloseWrite() },
			"twice":       func(c *reactor.Conn) { c.CloseWrite(); c.Close(); c.Close() },
		} {
			a := newAudit(t)
			h := serve(t, reactor.Config{}, &tls.Server{Config: serverConfig(), Next: one(func() *probe {
				return &probe{a: a, open: func(c *reactor.Conn) { c.Write([]byte("bye")); end(c) }}
			})})
			raw := h.raw()
			c := ctls.Client(raw, at(clientConfig(), v))
			if got, err := io.ReadAll(c); string(got) != "bye" || err != nil {
				t.Errorf("%s: %q, %v", name, got, err)
			}
			c.Close()
			err := await(t, "OnClose", a.closed)
			if want := map[string]error{"CloseWith": io.ErrNoProgress}[name]; !errors.Is(err, want) {
				t.Errorf("%s: OnClose got %v", name, err)
			}
		}
		// Abort is no end.
		a := newAudit(t)
		h := serve(t, reactor.Config{}, &tls.Server{Config: serverConfig(), Next: one(func() *probe {
			return &probe{a: a, open: func(c *reactor.Conn) { c.AfterFunc(10*time.Millisecond, func() { c.Abort(nil) }) }}
		})})
		if got, err := io.ReadAll(ctls.Client(h.raw(), at(clientConfig(), v))); err == nil {
			t.Errorf("Abort: %q, a clean end", got)
		}
	})
}
