package http1_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/net/publicsuffix"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/auth"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// TestStalledReaderStopsSender: what nobody reads is not sent, however long the body.
func TestStalledReaderStopsSender(t *testing.T) {
	cl := &http1.Client{}
	var sent atomic.Int64
	clock(t, cl, func(w net.Conn, br *bufio.Reader) {
		readRequest(br)
		const total = 64 << 20
		fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", total)
		piece := bytes.Repeat([]byte("x"), 32<<10)
		for range total / len(piece) {
			n, err := w.Write(piece)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
		io.Copy(io.Discard, br)
	}, func(t *testing.T, url string) {
		res, err := cl.Get(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		stalled := sent.Load()
		if stalled > 1<<20 {
			t.Errorf("%d bytes were sent to nobody", stalled)
		}
		io.CopyN(io.Discard, res.Body, 8<<20)
		synctest.Wait()
		if n := sent.Load(); n <= stalled || n > 10<<20 {
			t.Errorf("%d bytes were sent, of which 8 MiB were read", n)
		}
		n, err := io.Copy(io.Discard, res.Body)
		if err != nil || n != 56<<20 {
			t.Errorf("%d more bytes, %v", n, err)
		}
		res.Body.Close()
	})
}

// TestStalledServerStopsSender: a request's body is read no faster than the server takes it.
func TestStalledServerStopsSender(t *testing.T) {
	cl := &http1.Client{HeadTimeout: -1}
	var read atomic.Int64
	var next chan struct{} // the bubble's
	clock(t, cl, func(w net.Conn, br *bufio.Reader) {
		req, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		<-next
		io.Copy(io.Discard, req.Body)
		io.WriteString(w, okAnswer)
	}, func(t *testing.T, url string) {
		next = make(chan struct{})
		body := &countingReader{left: 16 << 20, read: &read}
		done := make(chan error, 1)
		go func() {
			res, err := cl.Post(t.Context(), url, "", body)
			if err == nil {
				res.Body.Close()
			}
			done <- err
		}()
		synctest.Wait()
		if n := read.Load(); n > 2<<20 {
			t.Errorf("%d bytes were read for a server that takes none", n)
		}
		next <- struct{}{}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if read.Load() != 16<<20 {
			t.Errorf("%d bytes were read", read.Load())
		}
	})
}

type countingReader struct {
	left int
	read *atomic.Int64
}

func (r *countingReader) Read(p []byte) (int, error) {
	n := min(len(p), r.left)
	if r.left -= n; n == 0 {
		return 0, io.EOF
	}
	r.read.Add(int64(n))
	return n, nil
}

// TestEarlyResponse: a server that answers before it has the body is heard, and the connection not used again.
func TestEarlyResponse(t *testing.T) {
	url := accepting(t, func(_ int, c net.Conn, br *bufio.Reader) {
		br.ReadString('\n')
		io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
		io.Copy(io.Discard, br)
	})
	cl := newClient(t, &http1.Client{})
	pr, pw := io.Pipe()
	defer pw.Close()
	req, _ := http.NewRequestWithContext(t.Context(), "POST", url, pr)
	res, err := cl.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(res.Body); res.StatusCode != 413 || string(body) != "no" || err != nil {
		t.Errorf("%d %q %v", res.StatusCode, body, err)
	}
	res.Body.Close()
	pw.CloseWithError(io.ErrClosedPipe)
	until(t, "the connection to close", func() bool { return cl.Stats().Open == 0 })
}

// TestBodyErrors: a request's body that fails, or is not as long as it says, is never taken for whole.
func TestRequestBodyErrors(t *testing.T) {
	whole := make(chan bool, 10)
	url := accepting(t, func(_ int, _ net.Conn, br *bufio.Reader) {
		_, ok := readRequest(br)
		whole <- ok
	})
	cl := newClient(t, &http1.Client{})
	failed := errors.New("disk is gone")
	for name, c := range map[string]struct {
		body   io.Reader
		length int64
		want   error
	}{
		"fails":             {io.MultiReader(strings.NewReader("abc"), errReader{failed}), -1, failed},
		"fails with length": {io.MultiReader(strings.NewReader("abc"), errReader{failed}), 10, failed},
		"short":             {io.MultiReader(strings.NewReader("abc")), 10, http1.ErrBodyLength},
		"long":              {io.MultiReader(strings.NewReader("abcdefghijklmnop")), 10, http1.ErrBodyLength},
	} {
		req, _ := http.NewRequestWithContext(t.Context(), "POST", url, c.body)
		req.ContentLength = c.length
		if _, err := cl.RoundTrip(req); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if <-whole {
			t.Errorf("%s: the server has a whole request", name)
		}
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// TestClientTrailers: both ways.
func TestClientTrailers(t *testing.T) {
	s := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Sum")
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "body")
		w.Header().Set("Sum", r.Trailer.Get("Count"))
	})
	cl := newClient(t, &http1.Client{})
	req, _ := http.NewRequestWithContext(t.Context(), "POST", s.URL, io.MultiReader(strings.NewReader("x")))
	req.Trailer = http.Header{"Count": {"7"}}
	res, err := cl.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, ok := res.Trailer["Sum"]; !ok {
		t.Errorf("announced: %v", res.Trailer)
	}
	io.Copy(io.Discard, res.Body)
	if res.Trailer.Get("Sum") != "7" {
		t.Errorf("%v", res.Trailer)
	}
}

// TestClientUpgrade: the body of a 101 is the connection, with the bytes that came early.
func TestClientUpgrade(t *testing.T) {
	url := accepting(t, func(_ int, c net.Conn, br *bufio.Reader) {
		http.ReadRequest(br)
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nearly ")
		io.Copy(c, br)
	})
	cl := newClient(t, &http1.Client{})
	req, _ := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "echo")
	res, err := cl.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	rw := res.Body.(io.ReadWriteCloser)
	io.WriteString(rw, "hello")
	got := make([]byte, 11)
	if _, err := io.ReadFull(rw, got); err != nil || string(got) != "early hello" {
		t.Errorf("%q %v", got, err)
	}
	rw.Close()
	until(t, "the connection to close", func() bool { return cl.Stats().Open == 0 })
}

// TestDecoding: all four codings, with limits; and what is cut short is not whole.
func TestDecoding(t *testing.T) {
	text := strings.Repeat("calandria ", 20_000)
	coded := map[string][]byte{}
	for name, mk := range map[string]func(w io.Writer) io.WriteCloser{
		"gzip":    func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"deflate": func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
		"br":      func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) },
		"zstd":    func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z },
	} {
		var b bytes.Buffer
		w := mk(&b)
		io.WriteString(w, text)
		w.Close()
		coded[name] = b.Bytes()
	}
	s := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		kind, how, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
		body := coded[kind]
		w.Header().Set("Content-Encoding", kind)
		switch how {
		case "cut":
			w.Write(body[:len(body)/2])
			return
		case "cut-length":
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			w.Write(body[:len(body)/2])
			return
		case "noise":
			w.Write([]byte("this is not it, whatever the field says"))
			return
		case "behind":
			w.Write(append(bytes.Clone(body), "behind"...))
			return
		}
		w.Write(body)
	})
	cl := newClient(t, &http1.Client{})
	small := newClient(t, &http1.Client{MaxDecodedBytes: 100_000})
	for kind := range coded {
		res, body := fetch(t, cl, s.URL+"/"+kind)
		if body != text || !res.Uncompressed || res.ContentLength != -1 || res.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %d bytes, %v", kind, len(body), res)
		}
		for how, want := range map[string]error{
			"cut": http1.ErrResponseCoding, "cut-length": http1.ErrResponseTruncated, "noise": http1.ErrResponseCoding,
			"behind": http1.ErrResponseCoding, "": http1.ErrResponseTooLarge,
		} {
			c := cl
			if how == "" {
				c = small
			}
			res, err := c.Get(t.Context(), s.URL+"/"+kind+"/"+how)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(res.Body)
			res.Body.Close()
			if !errors.Is(err, want) || how == "" && len(b) > 100_000 {
				t.Errorf("%s, %s: %d bytes, %v; want %v", kind, how, len(b), err, want)
			}
		}
	}
}

// TestResponseLimit: by what the head announces, and by what comes.
func TestResponseLimit(t *testing.T) {
	s := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/chunked" {
			w.(http.Flusher).Flush()
		}
		w.Write(make([]byte, 1001))
	})
	cl := newClient(t, &http1.Client{MaxBodyBytes: 1000})
	for _, path := range []string{"/", "/chunked"} {
		res, err := cl.Get(t.Context(), s.URL+path)
		if err == nil {
			_, err = io.ReadAll(res.Body)
			res.Body.Close()
		}
		if !errors.Is(err, http1.ErrResponseTooLarge) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestRedirectCredentials: they stay with the host that they are for.
func TestRedirectCredentials(t *testing.T) {
	var seen sync.Map
	other := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		seen.Store("other", r.Header.Clone())
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	otherURL := strings.Replace(other.URL, "127.0.0.1", "localhost", 1)
	s := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		seen.Store(r.URL.Path, r.Header.Clone())
		switch r.URL.Path {
		case "/same":
			http.Redirect(w, r, "/end", http.StatusFound)
		case "/away":
			http.Redirect(w, r, otherURL, http.StatusTemporaryRedirect)
		case "/socket":
			http.Redirect(w, r, "unix:/tmp/x:/", http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		}
	})
	header := func(name string) http.Header {
		h, _ := seen.Load(name)
		return h.(http.Header)
	}
	cl := newClient(t, &http1.Client{Credentials: http1.BasicLogin{Username: "u", Password: "p"}})
	get := func(path string) error {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL+path, nil)
		req.Header.Set("Cookie", "secret=1")
		req.Header.Set("X-Plain", "1")
		res, err := cl.Do(req)
		if err == nil {
			res.Body.Close()
		}
		return err
	}
	if err := get("/same"); err != nil || header("/end").Get("Authorization") == "" || header("/end").Get("Cookie") == "" {
		t.Errorf("%v, %v", err, header("/end"))
	}
	if err := get("/away"); err != nil || header("other").Get("Authorization") != "" || header("other").Get("Cookie") != "" ||
		header("other").Get("X-Plain") != "1" {
		t.Errorf("%v, %v", err, header("other"))
	}
	if err := get("/socket"); !errors.Is(err, http1.ErrScheme) {
		t.Error(err)
	}
	if err := get("/round"); !errors.Is(err, http1.ErrRedirects) {
		t.Error(err)
	}
	last := newClient(t, &http1.Client{MaxRedirects: -1})
	if res, _ := fetch(t, last, s.URL+"/same"); res.StatusCode != http.StatusFound {
		t.Errorf("%v", res)
	}
}

// TestRedirectMethods: which redirects repeat method and body (RFC 9110 section 15.4).
func TestRedirectMethods(t *testing.T) {
	s := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		var status int
		if _, err := fmt.Sscanf(r.URL.Path, "/%d", &status); err == nil {
			w.Header().Set("Location", "/end")
			w.WriteHeader(status)
			return
		}
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s", r.Method, body)
	})
	cl := newClient(t, &http1.Client{})
	for status, want := range map[int]string{301: "GET ", 302: "GET ", 303: "GET ", 307: "PUT x", 308: "PUT x"} {
		res, err := cl.Put(t.Context(), fmt.Sprintf("%s/%d", s.URL, status), "text/plain", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if string(body) != want {
			t.Errorf("%d: %q", status, body)
		}
	}
}

// named dials every host at one address: a world of names for tests.
type named struct{ addr string }

func (d named) DialConn(ctx context.Context, r *reactor.Reactor, _ string, h reactor.Handler) (*reactor.Conn, error) {
	a, err := net.ResolveTCPAddr("tcp", d.addr)
	if err != nil {
		return nil, err
	}
	return r.Dial(ctx, a, reactor.DialOptions{}, h)
}

// TestCookies: they go to the hosts that they are for, and not to a public suffix.
func TestCookies(t *testing.T) {
	s := newOrigin(t, func(w http.ResponseWriter, r *http.Request) {
		if set := r.URL.Query().Get("set"); set != "" {
			w.Header().Set("Set-Cookie", set)
		}
		fmt.Fprint(w, r.Header.Get("Cookie"))
	})
	jar, err := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
	if err != nil {
		t.Fatal(err)
	}
	cl := newClient(t, &http1.Client{Jar: jar, Dialer: named{s.Listener.Addr().String()}})
	set := func(host, cookie string) { fetch(t, cl, "http://"+host+"/?set="+url.QueryEscape(cookie)) }
	set("www.example.co.uk", "own=1")
	set("www.example.co.uk", "wide=2; Domain=example.co.uk")
	set("www.example.co.uk", "suffix=3; Domain=co.uk")
	set("www.example.co.uk", "foreign=4; Domain=other.co.uk")
	set("www.example.co.uk", "secure=5; Secure")
	set("www.example.co.uk", "path=6; Path=/only")
	set("a.github.io", "neighbour=7; Domain=github.io")
	for host, want := range map[string]string{
		"www.example.co.uk": "own=1; wide=2", "example.co.uk": "wide=2", "b.example.co.uk": "wide=2",
		"other.co.uk": "", "co.uk": "", "b.github.io": "", "www.example.co.uk/only": "path=6; own=1; wide=2",
	} {
		if _, got := fetch(t, cl, "http://"+host); got != want {
			t.Errorf("%s: %q; want %q", host, got, want)
		}
	}
}

// TestLogins: against this module's own server.
func TestLogins(t *testing.T) {
	users := map[string]string{"ann": "secret"}
	for name, c := range map[string]struct {
		scheme auth.Scheme
		good   http1.Credentials
		bad    http1.Credentials
	}{
		"basic": {
			&auth.Basic{Realm: "r", Verify: auth.Passwords(users)},
			http1.BasicLogin{Username: "ann", Password: "secret"},
			http1.BasicLogin{Username: "ann", Password: "no"},
		},
		"digest": {
			&auth.Digest{Realm: "r", Users: auth.DigestPasswords("r", users)},
			&http1.DigestLogin{Username: "ann", Password: "secret"}, &http1.DigestLogin{Username: "ann", Password: "no"},
		},
		"digest md5": {
			&auth.Digest{Realm: `a "realm"`, Users: auth.DigestPasswords(`a "realm"`, users), Algorithms: []auth.Algorithm{auth.MD5}},
			&http1.DigestLogin{Username: "ann", Password: "secret"}, &http1.DigestLogin{Username: "ann", Password: "no"},
		},
		"bearer": {
			&auth.Bearer{Realm: "r", Verify: func(token string) *auth.User {
				if token == "secret" {
					return &auth.User{Name: "ann"}
				}
				return nil
			}},
			http1.BearerLogin("secret"), http1.BearerLogin("no"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			guard, err := auth.Require(c.scheme)
			if err != nil {
				t.Fatal(err)
			}
			var asked atomic.Int32
			h := serve(t, "tcp", &http1.Server{
				Handler: guard(http1.HandlerFunc(func(x *http1.Exchange) {
					x.ReadBody(100, func(x *http1.Exchange, body []byte) { x.Respond(200, "", body) })
				})),
				OnDone: func(*http1.Exchange, *http1.Result) { asked.Add(1) },
			}, reactor.Config{Loops: 1})
			for want, login := range map[int]http1.Credentials{200: c.good, 401: c.bad} {
				cl := newClient(t, &http1.Client{Credentials: login})
				for range 3 {
					res, err := cl.Post(t.Context(), "http://"+h.addr.String()+"/p?q=1", "text/plain", strings.NewReader("hello"))
					if err != nil {
						t.Fatal(err)
					}
					body, _ := io.ReadAll(res.Body)
					res.Body.Close()
					if res.StatusCode != want || want == 200 && string(body) != "hello" {
						t.Errorf("%d %q; want %d", res.StatusCode, body, want)
					}
				}
			}
		})
	}
}

// TestBackend: the helpers over another RoundTripper.
func TestBackend(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	cl := newClient(t, &http1.Client{Backend: s.Client().Transport})
	if _, body := fetch(t, cl, s.URL); body != "HTTP/2.0" {
		t.Errorf("%q", body)
	}
	s.Client().CloseIdleConnections()
}

// TestClientTLS: https, with the same certificate checks as net/http.
func TestClientTLS(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto, r.TLS.NegotiatedProtocol) }))
	s.Config.ErrorLog = nil
	t.Cleanup(s.Close)
	trusting := newClient(t, &http1.Client{TLS: s.Client().Transport.(*http.Transport).TLSClientConfig})
	for range 2 {
		res, body := fetch(t, trusting, s.URL)
		if body != "HTTP/1.1http/1.1" || res.TLS == nil || !res.TLS.HandshakeComplete {
			t.Errorf("%q %v", body, res.TLS)
		}
	}
	if n := trusting.Stats().Open; n != 1 {
		t.Errorf("%d connections", n)
	}
	wary := newClient(t, &http1.Client{})
	if res, err := wary.Get(t.Context(), s.URL); err == nil {
		t.Errorf("%v", res)
	}
}

// TestManyCallers: many at once, with bodies of all sizes both ways, on several loops.
func TestManyCallers(t *testing.T) {
	h := serve(t, "tcp", &http1.Server{Handler: http1.Std(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		io.Copy(w, r.Body)
	}))}, reactor.Config{})
	cl := newClient(t, &http1.Client{MaxConnsPerHost: 20, Reactor: reactortest.NewDefault(t, reactor.Config{StallAfter: -1})})
	var wg sync.WaitGroup
	for k := range 50 {
		wg.Go(func() {
			for i := range size(20, 4, 200) {
				in := bytes.Repeat([]byte{byte('a' + k%26)}, (k*i*977)%200_000)
				var body io.Reader = bytes.NewReader(in)
				if i%2 == 0 {
					body = io.MultiReader(body)
				}
				res, err := cl.Post(t.Context(), "http://"+h.addr.String(), "", body)
				if err != nil {
					t.Error(err)
					return
				}
				out, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || !bytes.Equal(in, out) {
					t.Errorf("%d of %d bytes, %v", len(out), len(in), err)
				}
			}
		})
	}
	wg.Wait()
}
