package http1_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

// upper is a filter that changes the length: each byte twice, in upper case.
type upper struct{ closed *int }

func (u upper) Append(dst, p []byte, flush, last bool) ([]byte, error) {
	for _, c := range []byte(strings.ToUpper(string(p))) {
		dst = append(dst, c, c)
	}
	if last {
		dst = append(dst, '.')
	}
	return dst, nil
}

func (u upper) Close() { *u.closed++ }

func TestHooks(t *testing.T) {
	native := func(f func(x *http1.Exchange)) http1.Handler { return http1.HandlerFunc(f) }
	std := func(f func(w http.ResponseWriter, r *http.Request)) http1.Handler {
		return http1.Std(http.HandlerFunc(f))
	}
	for _, tc := range []struct {
		name    string
		h       http1.Handler
		method  string
		body    string
		length  int64
		chunked bool
	}{
		{"native whole", native(func(x *http1.Exchange) { x.Respond(200, "text/plain", []byte("abc")) }), "GET", "AABBCC.", 7, false},
		{"native head", native(func(x *http1.Exchange) { x.Respond(200, "text/plain", []byte("abc")) }), "HEAD", "", -1, false},
		{"native streamed", native(func(x *http1.Exchange) {
			x.Start(200, "text/plain", 4)
			x.Write([]byte("ab"))
			x.Flush()
			x.Write([]byte("cd"))
			x.Finish()
		}), "GET", "AABBCCDD.", -1, true},
		{"std whole", std(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "abc") }), "GET", "AABBCC.", 7, false},
		{"std declared", std(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "3")
			io.WriteString(w, "abc")
		}), "GET", "AABBCC.", 7, false},
		{"std streamed", std(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "ab")
			w.(http.Flusher).Flush()
			io.WriteString(w, "cd")
		}), "GET", "AABBCCDD.", -1, true},
		{"std head", std(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "abc") }), "HEAD", "", -1, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			closed := 0
			done := make(chan http1.Result, 1)
			type key struct{}
			h := http1.HandlerFunc(func(x *http1.Exchange) {
				x.SetValue(key{}, "v")
				x.OnDone(func(x *http1.Exchange, r *http1.Result) { done <- *r })
				x.OnHead(func(x *http1.Exchange, h *http1.Head) {
					if h.Get("content-type") == "" || h.Get("X-Inner") != "in" {
						t.Errorf("outer hook sees %q, %q", h.Get("Content-Type"), h.Get("x-inner"))
					}
					h.Set("X-Inner", "out")
					h.AddVary("Accept-Encoding")
					h.AddVary("accept-encoding")
					if err := h.Filter(upper{&closed}); err != nil {
						t.Error(err)
					}
				})
				x.OnHead(func(x *http1.Exchange, h *http1.Head) { h.Add("X-Inner", "in") })
				if err := x.SetHeader("X-Before", "a: b"); err != nil {
					t.Error(err)
				}
				tc.h.Handle(x)
			})
			addr := serve(t, "tcp", &http1.Server{Handler: h}, reactor.Config{Loops: 1}).addr.String()
			req, _ := http.NewRequest(tc.method, "http://"+addr, nil)
			for range 2 { // the second on the same connection, with the same Exchange
				resp, err := http.DefaultTransport.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || string(body) != tc.body || resp.ContentLength != tc.length {
					t.Errorf("body %q (%d), want %q (%d), %v", body, resp.ContentLength, tc.body, tc.length, err)
				}
				if got := slices.Contains(resp.TransferEncoding, "chunked"); got != tc.chunked {
					t.Errorf("chunked: %v", got)
				}
				if v := resp.Header["X-Inner"]; !slices.Equal(v, []string{"out"}) {
					t.Errorf("X-Inner: %q", v)
				}
				if v := resp.Header["X-Before"]; !slices.Equal(v, []string{"a: b"}) {
					t.Errorf("X-Before: %q", v)
				}
				if v := resp.Header["Vary"]; !slices.Equal(v, []string{"Accept-Encoding"}) {
					t.Errorf("Vary: %q", v)
				}
				if r := <-done; r.Status != 200 || r.BodyBytes != int64(len(tc.body)) || r.Err != nil || r.Refused {
					t.Errorf("result %+v", r)
				}
			}
			if closed != 2 {
				t.Errorf("the filter was closed %d times in 2 answers", closed)
			}
			http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		})
	}
}
