package http1_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// newClient gives a client on a reactor of its own, without proxies.
func newClient(t testing.TB, cl *http1.Client) *http1.Client {
	t.Helper()
	if cl.Reactor == nil {
		cl.Reactor = reactortest.NewDefault(t, reactor.Config{Loops: 1, StallAfter: -1})
	}
	if cl.Proxy == nil {
		cl.Proxy = http1.Direct
	}
	t.Cleanup(func() { cl.Close() })
	return cl
}

// origin is a net/http server for clients.
func newOrigin(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// fetch gets a URL and its whole body.
func fetch(t testing.TB, cl *http1.Client, url string) (*http.Response, string) {
	t.Helper()
	res, err := cl.Get(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func TestClientGet(t *testing.T) {
	s := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Path", r.URL.RequestURI())
		fmt.Fprintf(w, "%s %s", r.Method, r.UserAgent())
	})
	cl := newClient(t, &http1.Client{})
	for range 3 {
		res, body := fetch(t, cl, s.URL+"/a/b?c=d")
		if res.StatusCode != 200 || body != "GET calandria" || res.Header.Get("X-Path") != "/a/b?c=d" {
			t.Errorf("%v %q", res, body)
		}
	}
	if n := cl.Stats().Open; n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestClientBodies(t *testing.T) {
	s := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		io.Copy(w, r.Body)
	})
	cl := newClient(t, &http1.Client{})
	for _, n := range []int{0, 1, 100, 4096, 64 << 10, 65<<10 + 1, 1 << 20, 5 << 20} {
		in := bytes.Repeat([]byte("0123456789abcdef"), n/16+1)[:n]
		for _, body := range []io.Reader{bytes.NewReader(in), io.MultiReader(bytes.NewReader(in))} {
			res, err := cl.Post(t.Context(), s.URL, "text/plain", body)
			if err != nil {
				t.Fatal(n, err)
			}
			out, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || !bytes.Equal(in, out) {
				t.Errorf("%d bytes: %d came back, %v, %v", n, len(out), err, res.Header)
			}
		}
	}
}

func TestClientRedirectsAndUnix(t *testing.T) {
	dir := t.TempDir()
	ln, err := net.Listen("unix", dir+"/s")
	if err != nil {
		t.Fatal(err)
	}
	hs := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/from" {
			http.Redirect(w, r, "/to?x=1", http.StatusFound)
			return
		}
		fmt.Fprint(w, r.Host, r.URL.RequestURI())
	})}
	go hs.Serve(ln)
	t.Cleanup(func() { hs.Close() })
	cl := newClient(t, &http1.Client{})
	for path, want := range map[string]string{
		":/from": "localhost/to?x=1", ":/a/b?q": "localhost/a/b?q", "": "localhost/",
	} {
		if _, body := fetch(t, cl, "unix:"+dir+"/s"+path); body != want {
			t.Errorf("%q: %q", path, body)
		}
	}
}

func TestClientOnLoop(t *testing.T) {
	cl := newClient(t, &http1.Client{})
	s := newOrigin(t, func(http.ResponseWriter, *http.Request) {})
	done := make(chan error, 3)
	cl.Reactor.EachLoop(t.Context(), func(int) {
		req, _ := http.NewRequest("GET", s.URL, nil)
		_, err := cl.RoundTrip(req)
		done <- err
		_, err = cl.Get(context.Background(), s.URL)
		done <- err
	})
	for range 2 {
		if err := <-done; !errors.Is(err, reactor.ErrOnLoop) {
			t.Error(err)
		}
	}
}

func TestClientRefuses(t *testing.T) {
	cl := newClient(t, &http1.Client{})
	for _, u := range []string{"ftp://127.0.0.1/", "http:///path", "unix:", "//x/y", "http://127.0.0.1:1/"} {
		if res, err := cl.Get(t.Context(), u); err == nil {
			t.Errorf("%s: %v", u, res)
		}
	}
	s := newOrigin(t, func(http.ResponseWriter, *http.Request) {})
	for _, break_ := range []func(r *http.Request){
		func(r *http.Request) { r.Header["X"] = []string{"a\r\nB: c"} },
		func(r *http.Request) { r.Header["X\r\nY"] = []string{"a"} },
		func(r *http.Request) { r.Host = "a\r\nb" },
		func(r *http.Request) { r.Method = "GET /\r\n" },
		func(r *http.Request) { r.URL.Opaque = "//x\r\n" },
		func(r *http.Request) { r.Header.Set("Upgrade", "a\r\nb"); r.Header.Set("Connection", "upgrade") },
	} {
		req, _ := http.NewRequest("GET", s.URL, strings.NewReader("x"))
		break_(req)
		if res, err := cl.RoundTrip(req); err == nil {
			t.Errorf("%v", res)
		}
	}
}
