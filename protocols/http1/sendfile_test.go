package http1_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}

func openTemp(t testing.TB, data string) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// plainLayer is a layer that changes nothing: it stands for TLS.
type plainLayer struct {
	c   *reactor.Conn
	in  []byte
	end bool
}

func (l *plainLayer) Feed(in []byte) error {
	l.in = append(l.in, in...)
	return nil
}

func (l *plainLayer) Read(p []byte) (int, error) {
	if len(l.in) > 0 {
		n := copy(p, l.in)
		l.in = l.in[n:]
		return n, nil
	}
	if l.end {
		return 0, io.EOF
	}
	return 0, reactor.ErrWouldBlock
}

func (l *plainLayer) EOF()                        { l.end = true }
func (l *plainLayer) Write(p []byte) (int, error) { return l.c.WriteRaw(p) }
func (l *plainLayer) CloseWrite() error           { return nil }
func (l *plainLayer) Close()                      {}

// capitals is a filter: a body in capitals.
type capitals struct{ held []byte }

func (u *capitals) Append(dst, p []byte, flush, last bool) ([]byte, error) {
	u.held = append(u.held, bytes.ToUpper(p)...)
	if flush || last || len(u.held) > 10_000 {
		dst = append(dst, u.held...)
		u.held = u.held[:0]
	}
	return dst, nil
}

func (u *capitals) Close() {}

// TestSendFile: pieces of a file between written ones, as they are, through a layer, a filter, and chunked.
func TestSendFile(t *testing.T) {
	t.Parallel()
	data := "abc" + digits(700_000) + "xyz"
	f := openTemp(t, data)
	want := "head" + data[1:600_001] + "middle" + data[5:7] + "tail"
	for name, tt := range map[string]struct {
		layer, filter, chunked bool
	}{
		"plain": {}, "layer": {layer: true}, "filter": {filter: true}, "chunked": {chunked: true}, "all": {true, true, true},
	} {
		calls := make(chan error, 10)
		handler := func(x *http1.Exchange) {
			if tt.filter {
				x.OnHead(func(_ *http1.Exchange, h *http1.Head) { h.Filter(&capitals{}) })
			}
			n := int64(len(want))
			if tt.chunked {
				n = -1
			}
			if err := x.Start(200, "text/plain", n); err != nil {
				t.Error(err)
			}
			x.Write([]byte("head"))
			err := x.SendFile(f, 1, 600_000, func(err error) {
				calls <- err
				x.Write([]byte("middle"))
				x.SendFile(f, 5, 2, func(err error) {
					calls <- err
					x.Write([]byte("tail"))
					if err := x.Finish(); err != nil {
						t.Error(err)
					}
				})
			})
			if err != nil {
				t.Error(err)
			}
		}
		var srv reactor.Protocol = &http1.Server{Handler: http1.HandlerFunc(handler)}
		if tt.layer {
			inner := srv
			srv = reactor.ProtocolFunc(func(c *reactor.Conn) reactor.Handler {
				c.SetLayer(&plainLayer{c: c})
				return inner.NewHandler(c)
			})
		}
		h := serveProtocol(t, srv)
		for range 2 {
			res, err := http.Get("http://" + h.addr.String())
			if err != nil {
				t.Fatal(name, err)
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			w := want
			if tt.filter {
				w = string(bytes.ToUpper([]byte(want)))
			}
			if err != nil || string(body) != w {
				t.Errorf("%s: %d bytes of %d, %v", name, len(body), len(w), err)
			}
			for range 2 {
				if err := <-calls; err != nil {
					t.Errorf("%s: done got %v", name, err)
				}
			}
		}
		http.DefaultClient.CloseIdleConnections()
		if len(calls) > 0 {
			t.Errorf("%s: done was called too often", name)
		}
	}
}

// TestSendFileEnds: done is called once, with an error, when the client goes away or the file is too short.
func TestSendFileEnds(t *testing.T) {
	t.Parallel()
	f := openTemp(t, digits(50_000))
	big := openTemp(t, "")
	if err := os.Truncate(big.Name(), 64<<20); err != nil {
		t.Fatal(err)
	}
	for _, layer := range []bool{false, true} {
		for _, short := range []bool{false, true} {
			calls, over := make(chan error, 10), make(chan error, 1)
			handler := func(x *http1.Exchange) {
				x.OnDone(func(_ *http1.Exchange, r *http1.Result) { over <- r.Err })
				from, n := big, int64(64<<20)
				if short {
					from, n = f, 60_000
				}
				x.Start(200, "", n)
				x.SendFile(from, 0, n, func(err error) { calls <- err })
			}
			srv := &http1.Server{Handler: http1.HandlerFunc(handler)}
			h := serveProtocol(t, reactor.ProtocolFunc(func(c *reactor.Conn) reactor.Handler {
				if layer {
					c.SetLayer(&plainLayer{c: c})
				}
				return srv.NewHandler(c)
			}))
			p := h.connect()
			io.WriteString(p, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			if short {
				if got, err := io.ReadAll(p); len(got) > 60_000 {
					t.Errorf("%d bytes, %v", len(got), err)
				}
			} else {
				io.ReadFull(p, make([]byte, 1000))
				p.Close()
			}
			if err := <-calls; err == nil {
				t.Errorf("layer %v, short %v: done got no error", layer, short)
			}
			if err := <-over; err == nil || short && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("layer %v, short %v: the exchange ended with %v", layer, short, err)
			}
			if len(calls) > 0 {
				t.Error("done was called too often")
			}
		}
	}
}

// TestSendFileMisuse: before Start, after Finish, and more than was announced.
func TestSendFileMisuse(t *testing.T) {
	t.Parallel()
	f := openTemp(t, "0123456789")
	never := func(error) { t.Error("done was called") }
	got := make(chan error, 3)
	h := serve(t, "tcp", &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		got <- x.SendFile(f, 0, 1, never)
		x.Start(200, "", 5)
		got <- x.SendFile(f, 0, 6, never)
		got <- x.SendFile(f, 0, 1, never)
	})}, reactor.Config{})
	p := h.connect()
	io.WriteString(p, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	for _, want := range []error{http1.ErrAnswered, http1.ErrBodyLength, http1.ErrAnswered} {
		if err := <-got; !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	if h.closed(1) != "body_length" {
		t.Error(h.reasons())
	}
}

// serveProtocol is serve for any protocol.
func serveProtocol(t testing.TB, p reactor.Protocol) *host {
	t.Helper()
	cfg := reactor.Config{}
	h := newHost(t, &cfg)
	h.r = reactortest.NewDefault(t, cfg)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.addr = ln.Addr()
	if _, err := h.r.Listen(ln, p); err != nil {
		t.Fatal(err)
	}
	return h
}
