package middleware

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
)

// showID answers with the identifier that the handler sees.
func showID() map[string]http1.Handler {
	return map[string]http1.Handler{
		"native": native(func(x *http1.Exchange) { x.Respond(200, "", []byte(RequestIDOf(x))) }),
		"std":    std(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, RequestIDFrom(r.Context())) }),
	}
}

var madeID = regexp.MustCompile("^[0-9a-f]{32}$")

func TestRequestID(t *testing.T) {
	for name, h := range showID() {
		addr := serve(t, (&RequestID{}).Middleware()(h))
		seen := map[string]bool{}
		in := strings.Repeat(request("GET", "X-Request-Id: forged"), 20)
		for _, res := range exchange(t, addr, in, strings.Split(strings.Repeat("GET ", 19)+"GET", " ")...) {
			id := text(res)
			if !madeID.MatchString(id) || res.Header.Get("X-Request-Id") != id || len(res.Header["X-Request-Id"]) != 1 {
				t.Errorf("%s: %q, %v", name, id, res.Header)
			}
			seen[id] = true
		}
		if len(seen) != 20 {
			t.Errorf("%s: %d identifiers of 20 requests", name, len(seen))
		}
	}
}

func TestRequestIDTrust(t *testing.T) {
	for name, h := range showID() {
		addr := serve(t, (&RequestID{Trust: true, Field: "X-Correlation-Id"}).Middleware()(h))
		long := strings.Repeat("a", 64)
		for in, want := range map[string]string{
			"abc-123": "abc-123", "a.b_c~d+e/f=g:h@i": "a.b_c~d+e/f=g:h@i", long: long,
			long + "a": "", "": "", "a b": "", "a\tb": "", `a"b`: "", "a\\nb": "", "a,b": "", "ä": "", "a%0d%0aSet-Cookie:x": "", "<b>": "", "{{x}}": "",
		} {
			res, id := one(t, addr, "GET", "x-correlation-id: "+in)
			if want == "" && !madeID.MatchString(id) || want != "" && id != want {
				t.Errorf("%s: %q became %q", name, in, id)
			}
			if res.Header.Get("X-Correlation-Id") != id || res.Header.Get("X-Request-Id") != "" {
				t.Errorf("%s: %v", name, res.Header)
			}
		}
		// Two of them: whom to believe?
		if _, id := one(t, addr, "GET", "X-Correlation-Id: a", "X-Correlation-Id: b"); !madeID.MatchString(id) {
			t.Errorf("%s: %q", name, id)
		}
	}
	if !panics(func() { (&RequestID{Field: "X-Id: x\r\n"}).Middleware() }) {
		t.Error("a field name that is none")
	}
}

// What breaks lines never comes so far; this is what would be left of it.
func TestRequestIDInjection(t *testing.T) {
	addr := serve(t, (&RequestID{Trust: true}).Middleware()(showID()["native"]))
	for _, in := range []string{"a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rX-Evil: 1", "a\x00b", "a\x1b[31m", "a\u2028b"} {
		res, _ := one(t, addr, "GET", "X-Request-Id: "+in)
		if res.Header.Get("X-Evil") != "" || strings.ContainsAny(res.Header.Get("X-Request-Id"), "\r\n\x00\x1b\u2028") {
			t.Errorf("%q: %d %v", in, res.StatusCode, res.Header)
		}
	}
}

func TestRequestIDWithout(t *testing.T) {
	for name, h := range showID() {
		if _, id := one(t, serve(t, h), "GET"); id != "" {
			t.Errorf("%s: %q", name, id)
		}
	}
}
