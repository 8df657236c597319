package auth_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/auth"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/tcp"
)

func TestMain(m *testing.M) { reactortest.Main(m) }

const patience = 20 * time.Second

// clock is one that stands until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Unix(1_800_000_000, 0)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// hello says who it is.
var hello = http1.HandlerFunc(func(x *http1.Exchange) {
	u := auth.UserOf(x)
	x.Respond(200, "text/plain", []byte(u.Scheme+" "+u.Name))
})

// guarded is a server whose hello needs one of these schemes.
func guarded(t testing.TB, schemes ...auth.Scheme) *http1.Server {
	t.Helper()
	mw, err := auth.Require(schemes...)
	if err != nil {
		t.Fatal(err)
	}
	return &http1.Server{Handler: mw(hello)}
}

type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends one request, with more fields, on a connection of its own, and gives the answer.
func ask(t *testing.T, srv *http1.Server, line string, fields ...string) answer {
	t.Helper()
	text := line + " HTTP/1.1\r\nHost: a\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n"
	fed := reactortest.Feed(t, reactor.Config{}, srv, [][]byte{[]byte(text)})
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(fed.Out)), nil)
	if err != nil {
		t.Fatalf("%q: %v", fed.Out, err)
	}
	body, _ := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(body)}
}

// serve serves srv on a free port until the test ends.
func serve(t *testing.T, srv *http1.Server) (addr string) {
	t.Helper()
	r := reactortest.NewDefault(t, reactor.Config{Loops: 2})
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Listen(ln, srv); err != nil {
		t.Fatal(err)
	}
	return ln.Addr().String()
}

// fetch gets the URL with an Authorization field, and gives the status.
func fetch(t *testing.T, addr, authorization string) (int, http.Header) {
	t.Helper()
	req, err := http.NewRequest("GET", "http://"+addr+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", authorization)
	tr := &http.Transport{DisableKeepAlives: true}
	defer tr.CloseIdleConnections()
	res, err := (&http.Client{Transport: tr, Timeout: patience}).Do(req)
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	defer res.Body.Close()
	io.Copy(io.Discard, res.Body)
	return res.StatusCode, res.Header
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}
