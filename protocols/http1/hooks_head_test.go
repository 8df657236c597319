package http1_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

// nothing is a filter that takes the body away.
type nothing struct{}

func (nothing) Append(dst, _ []byte, _, _ bool) ([]byte, error) { return dst, nil }
func (nothing) Close()                                          {}

// A hook that takes the body away and its type with it is not overruled by a look at the body: for HEAD as for GET.
func TestHookTakesType(t *testing.T) {
	take := func(x *http1.Exchange) {
		x.OnHead(func(_ *http1.Exchange, h *http1.Head) {
			h.Status = http.StatusPreconditionFailed
			h.Del("Content-Type")
			if err := h.Filter(nothing{}); err != nil {
				t.Error(err)
			}
		})
	}
	for name, h := range map[string]http1.Handler{
		"native": http1.HandlerFunc(func(x *http1.Exchange) { x.Respond(200, "text/plain", []byte("abc")) }),
		"std":    http1.Std(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "abc") })),
	} {
		addr := serve(t, "tcp", &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) { take(x); h.Handle(x) })}, reactor.Config{Loops: 1}).addr.String()
		for _, method := range []string{"GET", "HEAD"} {
			req, _ := http.NewRequest(method, "http://"+addr, nil)
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || len(body) > 0 || resp.StatusCode != 412 || resp.Header.Get("Content-Type") != "" {
				t.Errorf("%s, %s: %d %q, %v, %v", name, method, resp.StatusCode, body, resp.Header, err)
			}
		}
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	}
}

// Head.Has reads all fields of a name as one list, quoted strings as one element.
func TestHeadHas(t *testing.T) {
	check := func(_ *http1.Exchange, h *http1.Head) {
		for token, want := range map[string]bool{"no-store": true, "NO-TRANSFORM": true, "public": true, "max-age": false, "x": false, "": false} {
			if got := h.Has("cache-control", token); got != want {
				t.Errorf("%q: %v", token, got)
			}
		}
	}
	values := []string{`public, max-age=1, private="x, y"`, "No-Store ,no-transform"}
	for name, h := range map[string]http1.Handler{
		"native": http1.HandlerFunc(func(x *http1.Exchange) {
			for _, v := range values {
				x.SetHeader("Cache-Control", v)
			}
			x.Respond(200, "", nil)
		}),
		"std": http1.Std(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header()["Cache-Control"] = values })),
	} {
		addr := serve(t, "tcp", &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
			if x.Answering() {
				t.Errorf("%s: answering before the handler", name)
			}
			x.OnHead(check)
			h.Handle(x)
			if !x.Answering() {
				t.Errorf("%s: not answering behind the handler", name)
			}
		})}, reactor.Config{Loops: 1}).addr.String()
		resp, err := http.Get("http://" + addr)
		if err != nil || resp.StatusCode != 200 {
			t.Fatal(name, resp, err)
		}
		resp.Body.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	}
}

// A hook that panics behind one that has set a filter does not leave that filter open.
func TestHookPanicsBehindFilter(t *testing.T) {
	for name, h := range map[string]http1.Handler{
		"native": http1.HandlerFunc(func(x *http1.Exchange) { x.Respond(200, "text/plain", []byte("abc")) }),
		"std":    http1.Std(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "abc") })),
		"native, answered again": http1.HandlerFunc(func(x *http1.Exchange) {
			func() {
				defer func() { recover() }()
				x.Respond(200, "text/plain", []byte("abc"))
			}()
			x.Respond(500, "text/plain", nil) // the hooks have run
		}),
	} {
		closed := make(chan struct{}, 2)
		host := serve(t, "tcp", &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(func(x *http1.Exchange) {
			x.OnHead(func(*http1.Exchange, *http1.Head) { panic("on purpose") })
			x.OnHead(func(_ *http1.Exchange, h *http1.Head) {
				if err := h.Filter(closing(closed)); err != nil {
					t.Error(err)
				}
			})
			h.Handle(x)
		})}, reactor.Config{Loops: 1, Logger: quiet})
		resp, err := http.Get("http://" + host.addr.String())
		if again := name == "native, answered again"; (err == nil) != again {
			t.Errorf("%s: %v, %v", name, resp, err)
		} else if again {
			resp.Body.Close()
		}
		select {
		case <-closed:
		case <-time.After(patience):
			t.Fatalf("%s: the filter is open", name)
		}
		if len(closed) > 0 {
			t.Errorf("%s: closed twice", name)
		}
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	}
}

// closing is a filter that tells of its end.
type closing chan struct{}

func (closing) Append(dst, p []byte, _, _ bool) ([]byte, error) { return append(dst, p...), nil }
func (c closing) Close()                                        { c <- struct{}{} }
