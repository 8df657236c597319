package guard_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
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

// from has a server's connections come from peer; empty: from a unix socket, which has no address.
func from(peer string, srv *http1.Server) reactor.Protocol {
	return reactor.ProtocolFunc(func(c *reactor.Conn) reactor.Handler {
		a := netip.AddrPort{}
		if peer != "" {
			a = netip.AddrPortFrom(netip.MustParseAddr(peer), 40000)
		}
		c.SetRemoteAddr(a)
		return srv.NewHandler(c)
	})
}

// answer is what came of a request.
type answer struct {
	status int
	header http.Header
	body   string
	fed    reactortest.Fed
}

// ask sends requests on one connection from peer, and gives the answers.
func ask(t *testing.T, srv *http1.Server, peer string, requests ...string) []answer {
	t.Helper()
	fed := reactortest.Feed(t, reactor.Config{}, from(peer, srv), [][]byte{[]byte(strings.Join(requests, ""))})
	var all []answer
	for r := bufio.NewReader(bytes.NewReader(fed.Out)); ; {
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			return append(all, answer{fed: fed})
		}
		body, _ := io.ReadAll(res.Body)
		all = append(all, answer{res.StatusCode, res.Header, string(body), fed})
	}
}

// get is a GET with more fields.
func get(fields ...string) string {
	return "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n"
}

// ok answers with the client's address.
var ok = http1.HandlerFunc(func(x *http1.Exchange) {
	x.Respond(200, "text/plain", []byte(x.ClientAddr().String()))
})

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

// parse gives the head of a request, or nil if it is none.
func parse(text string) *wire.Request {
	q := new(wire.Request)
	if n, err := q.Parse([]byte(text), &wire.Limits{}); err != nil || n != len(text) {
		return nil
	}
	return q
}
