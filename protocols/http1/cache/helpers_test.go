package cache_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/cache"
)

// tripper is a function as the origin.
type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// step is one request, and what must come of it. Heads are written as in "GET /path|Name: value|Name: value".
type step struct {
	after time.Duration // since the step before
	takes time.Duration // until the origin answers
	req   string
	// from is the origin's answer, "200|Name: value|body", or an "error"; empty: the origin must not be asked. Date is added, unless
	// there is one.
	from string
	// asked are fields that the origin must see, or with a "-" before, not see.
	asked string
	want  string // status and body
	has   string // fields of the answer, or with a "-" before, that are not there; a value may be a prefix
}

var errOrigin = errors.New("no way to the origin")

func fields(list []string) http.Header {
	h := http.Header{}
	for _, f := range list {
		name, value, _ := strings.Cut(f, ": ")
		h.Add(name, value)
	}
	return h
}

func request(t testing.TB, s string) *http.Request {
	t.Helper()
	parts := strings.Split(s, "|")
	method, url, _ := strings.Cut(parts[0], " ")
	if strings.HasPrefix(url, "/") {
		url = "http://origin.example" + url
	}
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = fields(parts[1:])
	return req
}

func response(req *http.Request, s string) (*http.Response, error) {
	parts := strings.Split(s, "|")
	status, err := strconv.Atoi(parts[0])
	if err != nil {
		return nil, errOrigin
	}
	body := parts[len(parts)-1]
	h := fields(parts[1 : len(parts)-1])
	switch _, dated := h["Date"]; {
	case !dated:
		h.Set("Date", date(0))
	case h.Get("Date") == "":
		h.Del("Date")
	}
	for name, values := range h { // "@-10" is ten seconds ago
		for i, v := range values {
			if at, ok := strings.CutPrefix(v, "@"); ok {
				n, _ := strconv.Atoi(at)
				h[name][i] = date(time.Duration(n) * time.Second)
			}
		}
	}
	res := &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h, Request: req,
		ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
	}
	if req.Method == "HEAD" {
		res.Body = http.NoBody
	}
	return res, nil
}

func date(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }

// run does the steps, in a bubble of time.
func run(t *testing.T, c *cache.Transport, steps []step) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		steps := slices.Clone(steps)
		at, asked := 0, false
		c.Next = tripper(func(req *http.Request) (*http.Response, error) {
			s := steps[at]
			if s.from == "" {
				t.Errorf("step %d: the origin was asked", at)
				return nil, errOrigin
			}
			asked = true
			<-time.After(s.takes)
			has(t, at, "request", req.Header, s.asked)
			return response(req, s.from)
		})
		defer c.Close()
		for at = range steps {
			s := steps[at]
			<-time.After(s.after) // of the bubble
			asked = false
			req := request(t, s.req)
			before := req.Header.Clone()
			res, err := c.RoundTrip(req)
			got := "error"
			if err == nil {
				body, rerr := io.ReadAll(res.Body)
				if rerr != nil {
					t.Errorf("step %d: %v", at, rerr)
				}
				res.Body.Close()
				got = strings.TrimSpace(strconv.Itoa(res.StatusCode) + " " + string(body))
				has(t, at, "answer", res.Header, s.has)
			}
			synctest.Wait() // for what goes on beside
			if got != s.want {
				t.Errorf("step %d, %s: %s; want %s", at, s.req, got, s.want)
			}
			if asked != (s.from != "") {
				t.Errorf("step %d, %s: asked the origin: %v", at, s.req, asked)
			}
			if len(before) != len(req.Header) {
				t.Errorf("step %d: the caller's request was changed: %v", at, req.Header)
			}
		}
	})
}

func has(t *testing.T, at int, where string, h http.Header, want string) {
	t.Helper()
	if want == "" {
		return
	}
	for f := range strings.SplitSeq(want, "|") {
		if name, not := strings.CutPrefix(f, "-"); not {
			if v, ok := h[http.CanonicalHeaderKey(name)]; ok {
				t.Errorf("step %d: the %s has %s: %q", at, where, name, v)
			}
			continue
		}
		name, value, _ := strings.Cut(f, ": ")
		if !slices.ContainsFunc(h.Values(name), func(v string) bool { return strings.HasPrefix(v, value) }) {
			t.Errorf("step %d: the %s has %s: %q; want %q", at, where, name, h.Values(name), value)
		}
	}
}
