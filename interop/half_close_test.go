//go:build interop

package interop

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A halfClosed is a request after which the client closes its writing side, and the body of the answer that it is owed.
type halfClosed struct {
	name, request string
	body          []byte // nil: not compared
}

func halfClosedRequests() []halfClosed {
	const head = " HTTP/1.1\r\nHost: localhost\r\n"
	data := payload(5000)
	return []halfClosed{
		{"plaintext", "GET /plaintext" + head + "\r\n", []byte("Hello, World!")},
		{"plaintext, close", "GET /plaintext" + head + "Connection: close\r\n\r\n", []byte("Hello, World!")},
		{"a late answer", "GET /sleep?ms=3" + head + "\r\n", nil},
		{"echo", "POST /echo" + head + "Content-Length: 5000\r\n\r\n" + string(data), data},
		{"echo, chunked", "POST /echo" + head + "Transfer-Encoding: chunked\r\n\r\n1388\r\n" + string(data) + "\r\n0\r\n\r\n", data},
		{"echo with trailers", "POST /echo" + head + "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", []byte("hello")},
	}
}

// check reads one answer and then the end of the connection.
func (h halfClosed) check(conn io.Reader) error {
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", h.name, err)
	}
	body, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return fmt.Errorf("%s: body: %w", h.name, err)
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %s", h.name, resp.Status)
	case h.body != nil && !bytes.Equal(body, h.body):
		return fmt.Errorf("%s: %d bytes of body, not the %d expected", h.name, len(body), len(h.body))
	}
	if _, err := br.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: after the answer: %v; want EOF", h.name, err)
	}
	return nil
}

// TestHalfClose: every client that sends its request and FIN gets its whole answer, every time.
func TestHalfClose(t *testing.T) {
	n := 2000
	if soak() {
		n = 10_000
	}
	requests := halfClosedRequests()
	eachHandler(t, func(t *testing.T, s *server) {
		for _, network := range networks {
			t.Run(network, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				var next, answered atomic.Int64
				var clients sync.WaitGroup
				for range 32 {
					clients.Go(func() {
						for i := next.Add(1); i <= int64(n) && ctx.Err() == nil; i = next.Add(1) {
							if err := s.halfClose(ctx, network, requests[i%int64(len(requests))]); err != nil {
								t.Error(err)
								continue
							}
							answered.Add(1)
						}
					})
				}
				clients.Wait()
				t.Logf("%d of %d half-closed requests were answered", answered.Load(), n)
				if answered.Load() != int64(n) {
					t.Fail()
				}
			})
		}
	})
}

func (s *server) halfClose(ctx context.Context, network string, h halfClosed) error {
	conn, err := s.dial(ctx, network)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, h.request); err != nil {
		return err
	}
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		return err
	}
	return h.check(conn)
}

// TestNetcatHalfClose is the same with nc -N, which shuts its writing side down at the end of its input.
func TestNetcatHalfClose(t *testing.T) {
	need(t, "nc")
	eachHandler(t, func(t *testing.T, s *server) {
		host, port, err := net.SplitHostPort(s.addr)
		if err != nil {
			t.Fatal(err)
		}
		for network, args := range map[string][]string{"tcp": {"-N", host, port}, "unix": {"-N", "-U", s.socket}} {
			for _, h := range halfClosedRequests() {
				t.Run(network+"/"+h.name, func(t *testing.T) {
					for range 10 {
						r := mustRun(t, strings.NewReader(h.request), "nc", args...)
						if err := h.check(strings.NewReader(r.stdout)); err != nil {
							t.Fatal(err)
						}
					}
				})
			}
		}
	})
}
