//go:build interop

package interop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"
)

// client is a net/http client whose connections go to s over the given network.
func (s *server) client(t *testing.T, network string) *http.Client {
	transport := &http.Transport{
		DialContext:           func(ctx context.Context, _, _ string) (net.Conn, error) { return s.dial(ctx, network) },
		ExpectContinueTimeout: 20 * time.Second,
		MaxIdleConnsPerHost:   100,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// do sends one request and reads the answer to its end.
func do(c *http.Client, method, url string, body io.Reader, edit ...func(*http.Request)) (*http.Response, []byte, error) {
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range edit {
		f(req)
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, b, err
}

func eachClient(t *testing.T, f func(t *testing.T, s *server, c *http.Client)) {
	eachHandler(t, func(t *testing.T, s *server) {
		for _, network := range networks {
			t.Run(network, func(t *testing.T) { f(t, s, s.client(t, network)) })
		}
	})
}

func TestNetHTTPEcho(t *testing.T) {
	data := payload(3 * mib)
	expect := func(r *http.Request) { r.Header.Set("Expect", "100-continue") }
	trailer := func(r *http.Request) { r.Trailer = http.Header{"X-Sum": {"1"}} }
	eachClient(t, func(t *testing.T, s *server, c *http.Client) {
		for name, tt := range map[string]struct {
			body    io.Reader
			edit    []func(*http.Request)
			chunked bool
		}{
			"fixed":                {bytes.NewReader(data), nil, false},
			"fixed after continue": {bytes.NewReader(data), []func(*http.Request){expect}, false},
			"chunked":              {struct{ io.Reader }{bytes.NewReader(data)}, nil, true},
			"chunked with trailer": {struct{ io.Reader }{bytes.NewReader(data)}, []func(*http.Request){trailer, expect}, true},
		} {
			t.Run(name, func(t *testing.T) {
				resp, b, err := do(c, "POST", s.url("/echo"), tt.body, tt.edit...)
				if err != nil {
					t.Fatal(err)
				}
				if resp.StatusCode != http.StatusOK || sha256.Sum256(b) != sha256.Sum256(data) {
					t.Errorf("%s with %d bytes; want the %d that were sent", resp.Status, len(b), len(data))
				}
				if chunked := len(resp.TransferEncoding) > 0; chunked != tt.chunked {
					t.Errorf("chunked answer: %v; want the request's framing", chunked)
				}
			})
		}
	})
}

func TestNetHTTPReusesConnection(t *testing.T) {
	eachClient(t, func(t *testing.T, s *server, c *http.Client) {
		fresh := 0
		trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
			if !i.Reused {
				fresh++
			}
		}}
		for i := range 200 {
			method, path := "GET", "/plaintext"
			if i%2 == 1 {
				method, path = "POST", "/echo"
			}
			resp, _, err := do(c, method, s.url(path), strings.NewReader("x"), func(r *http.Request) {
				*r = *r.WithContext(httptrace.WithClientTrace(r.Context(), trace))
			})
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatal(resp, err)
			}
		}
		if fresh != 1 {
			t.Errorf("%d connections for 200 requests in a row; want 1", fresh)
		}
	})
}

func TestNetHTTPConcurrent(t *testing.T) {
	eachClient(t, func(t *testing.T, s *server, c *http.Client) {
		var clients sync.WaitGroup
		for i := range 100 {
			clients.Go(func() {
				data := payload(100 + 1000*i)
				for range 10 {
					resp, b, err := do(c, "POST", s.url("/echo"), bytes.NewReader(data))
					if err != nil || resp.StatusCode != http.StatusOK || !bytes.Equal(b, data) {
						t.Errorf("%d bytes: %v, %d bytes came back", len(data), err, len(b))
						return
					}
				}
			})
		}
		clients.Wait()
	})
}

// TestNetHTTPCancel: clients that give up in the middle of an answer leave the server as it was.
func TestNetHTTPCancel(t *testing.T) {
	eachClient(t, func(t *testing.T, s *server, c *http.Client) {
		var clients sync.WaitGroup
		for range 50 {
			clients.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
				defer cancel()
				_, _, err := do(c, "GET", s.url("/sleep?ms=5000"), nil, func(r *http.Request) { *r = *r.WithContext(ctx) })
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("cancelled request: %v", err)
				}
			})
		}
		clients.Wait()
		if resp, _, err := do(c, "GET", s.url("/plaintext"), nil); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("afterwards: %v %v", resp, err)
		}
	})
}
