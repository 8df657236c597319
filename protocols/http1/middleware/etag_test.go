package middleware

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/middleware/compress"
)

var strongTag = regexp.MustCompile(`^"[A-Za-z0-9_-]{22}"$`)

func TestETag(t *testing.T) {
	tags := map[string]bool{}
	for name, h := range hellos() {
		addr := serve(t, (&ETag{}).Middleware()(h))
		res, body := one(t, addr, "GET")
		tag := res.Header.Get("ETag")
		if strings.Contains(name, "streamed") || strings.Contains(name, "flushed") {
			if tag != "" {
				t.Errorf("%s: %s", name, tag)
			}
			continue
		}
		if !strongTag.MatchString(tag) || body != "hello" || res.StatusCode != 200 {
			t.Errorf("%s: %d %q, %q", name, res.StatusCode, tag, body)
		}
		tags[tag] = true
		head, _ := one(t, addr, "HEAD")
		if head.Header.Get("ETag") != tag || head.ContentLength != res.ContentLength || head.Header.Get("Content-Type") != res.Header.Get("Content-Type") {
			t.Errorf("%s: HEAD %v", name, head.Header)
		}
		post, _ := one(t, addr, "POST", "Content-Length: 0")
		if post.Header.Get("ETag") != "" {
			t.Errorf("%s: POST %v", name, post.Header)
		}
		for _, tc := range []struct {
			fields []string
			want   int
		}{
			{[]string{"If-None-Match: " + tag}, 304},
			{[]string{"If-None-Match: W/" + tag}, 304},
			{[]string{`If-None-Match: "x", ` + tag}, 304},
			{[]string{"If-None-Match: *"}, 304},
			{[]string{`If-None-Match: "x"`}, 200},
			{[]string{"If-Match: " + tag}, 200},
			{[]string{"If-Match: *"}, 200},
			{[]string{`If-Match: "x"`}, 412},
			{[]string{"If-Match: W/" + tag}, 412},
			{[]string{"If-Match: " + tag, "If-None-Match: " + tag}, 304},
			{[]string{`If-Match: "x"`, "If-None-Match: " + tag}, 412},
			{[]string{"If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT"}, 200}, // no date is known
		} {
			for _, method := range []string{"GET", "HEAD"} {
				two := exchange(t, addr, request(method, tc.fields...)+request("GET"), method, "GET")
				res := two[0]
				if res.StatusCode != tc.want {
					t.Errorf("%s, %s %q: %d, want %d", name, method, tc.fields, res.StatusCode, tc.want)
				}
				if got := text(res); got != map[bool]string{true: "hello"}[tc.want == 200 && method == "GET"] {
					t.Errorf("%s, %s %q: %q", name, method, tc.fields, got)
				}
				switch tc.want {
				case 304:
					if res.Header.Get("ETag") != tag || res.Header.Get("Content-Type") != "" || res.Header.Get("Content-Length") != "" {
						t.Errorf("%s, %s: %v", name, method, res.Header)
					}
				case 412:
					if res.Header.Get("ETag") != "" || res.Header.Get("Content-Type") != "" {
						t.Errorf("%s, %s: %v", name, method, res.Header)
					}
				}
				if two[1].StatusCode != 200 || text(two[1]) != "hello" {
					t.Errorf("%s: the next: %d %q", name, two[1].StatusCode, text(two[1]))
				}
			}
		}
	}
	if len(tags) != 1 {
		t.Errorf("one body has the tags %v", tags)
	}
}

// What the handler has set itself is what is compared, for streamed answers too.
func TestETagOwn(t *testing.T) {
	date := "Sat, 29 Oct 1994 19:43:31 GMT"
	for name, h := range hellos(`ETag: "own"`, "Last-Modified: "+date, "Cache-Control: max-age=60", "Vary: Accept") {
		addr := serve(t, (&ETag{}).Middleware()(h))
		for field, want := range map[string]int{
			`If-None-Match: "own"`: 304, `If-None-Match: "x"`: 200, "If-Modified-Since: " + date: 304,
			"If-Modified-Since: Sat Oct 29 19:43:30 1994": 200, "If-Unmodified-Since: Saturday, 29-Oct-94 19:43:30 GMT": 412,
			`If-Match: "x"`: 412,
		} {
			res, body := one(t, addr, "GET", field)
			if res.StatusCode != want || (want == 200) != (body == "hello") {
				t.Errorf("%s, %s: %d %q", name, field, res.StatusCode, body)
			}
			if h := res.Header; want == 304 && (h.Get("ETag") != `"own"` || h.Get("Last-Modified") != date || h.Get("Cache-Control") == "" || h.Get("Vary") != "Accept") {
				t.Errorf("%s, %s: %v", name, field, h)
			}
		}
	}
}

func TestETagLeavesAlone(t *testing.T) {
	big := strings.Repeat("x", 2000)
	for what, h := range map[string]http1.Handler{
		"404":   native(func(x *http1.Exchange) { x.Respond(404, "", []byte("no")) }),
		"empty": native(func(x *http1.Exchange) { x.Respond(200, "", nil) }),
		"no-store": native(func(x *http1.Exchange) {
			x.SetHeader("Cache-Control", "private, no-store")
			x.Respond(200, "", []byte("x"))
		}),
		"too big": native(func(x *http1.Exchange) { x.Respond(200, "", []byte(big)) }),
	} {
		res, _ := one(t, serve(t, (&ETag{MaxBytes: 1999}).Middleware()(h)), "GET", `If-Match: "x"`)
		if want := map[string]int{"404": 404}[what]; want != 0 && res.StatusCode != want || want == 0 && res.StatusCode != 412 {
			t.Errorf("%s: %d", what, res.StatusCode)
		}
		res, _ = one(t, serve(t, (&ETag{MaxBytes: 1999}).Middleware()(h)), "GET")
		if res.Header.Get("ETag") != "" {
			t.Errorf("%s: %v", what, res.Header)
		}
	}
	if res, _ := one(t, serve(t, (&ETag{MaxBytes: -1}).Middleware()(native(func(x *http1.Exchange) { x.Respond(200, "", make([]byte, 3<<20)) }))), "GET"); res.Header.Get("ETag") == "" {
		t.Error("unlimited is not")
	}
}

// Around compress.Responses or within it, a client that has the coded body is told so, and no tag is strong for two codings.
func TestETagWithCompression(t *testing.T) {
	body := []byte(strings.Repeat("compress me, ", 1000))
	h := native(func(x *http1.Exchange) { x.Respond(200, "text/plain", body) })
	c := &compress.Responses{}
	for name, h := range map[string]http1.Handler{
		"within": http1.Chain(h, c.Middleware(), (&ETag{}).Middleware()),
		"around": http1.Chain(h, (&ETag{}).Middleware(), c.Middleware()),
	} {
		addr := serve(t, h)
		plain, _ := one(t, addr, "GET")
		coded, _ := one(t, addr, "GET", "Accept-Encoding: gzip")
		strong, weak := plain.Header.Get("ETag"), coded.Header.Get("ETag")
		if !strongTag.MatchString(strong) || weak != "W/"+strong || coded.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: %q and %q, %v", name, strong, weak, coded.Header)
		}
		for range 2 {
			res, _ := one(t, addr, "GET", "Accept-Encoding: gzip", "If-None-Match: "+weak)
			if res.StatusCode != 304 || res.Header.Get("ETag") != weak || res.Header.Get("Vary") != "Accept-Encoding" || res.Header.Get("Content-Encoding") != "" {
				t.Errorf("%s: %d %v", name, res.StatusCode, res.Header)
			}
		}
		res, _ := one(t, addr, "GET", "Accept-Encoding: gzip", `If-Match: "x"`)
		if name == "within" && (res.StatusCode != 412 || text(res) != "") {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
}

// All of it together, pipelined, in the order that docs/middleware.md advises.
func TestTogether(t *testing.T) {
	body := strings.Repeat("all of it together, ", 100)
	handlers := map[string]http1.Handler{
		"native": native(func(x *http1.Exchange) {
			x.ReadBody(1<<20, func(x *http1.Exchange, b []byte) { x.Respond(200, "text/plain", append([]byte(body), b...)) })
		}),
		"std": std(func(w http.ResponseWriter, r *http.Request) {
			b := make([]byte, 5)
			n, _ := r.Body.Read(b)
			w.Header().Set("Content-Type", "text/plain")
			w.Write(append([]byte(body), b[:n]...))
		}),
	}
	for name, h := range handlers {
		rec, timeout := &Recover{Logger: quiet}, &Timeout{After: time.Minute}
		addr := serve(t, http1.Chain(h, (&RequestID{}).Middleware(), (&SecurityHeaders{}).Middleware(),
			(&CORS{Origins: []string{"https://a.example"}}).Middleware(), timeout.Middleware(), (&compress.Responses{}).Middleware(), (&ETag{}).Middleware(),
			(&compress.Requests{}).Middleware(), rec.Middleware()))
		in := ""
		methods := []string{}
		for i := range 20 {
			switch i % 4 {
			case 0:
				in += request("GET", "Accept-Encoding: gzip, br", "Origin: https://a.example")
				methods = append(methods, "GET")
			case 1:
				in += request("POST", "Content-Length: 5") + "hello"
				methods = append(methods, "POST")
			case 2:
				in += request("OPTIONS", "Origin: https://a.example", "Access-Control-Request-Method: GET")
				methods = append(methods, "OPTIONS")
			case 3:
				in += request("HEAD")
				methods = append(methods, "HEAD")
			}
		}
		ids := map[string]bool{}
		for i, res := range exchange(t, addr, in, methods...) {
			ids[res.Header.Get("X-Request-Id")] = true
			if res.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s, %d: %v", name, i, res.Header)
			}
			switch i % 4 {
			case 0:
				if res.Header.Get("Content-Encoding") != "br" || res.Header.Get("Access-Control-Allow-Origin") != "https://a.example" ||
					!strings.HasPrefix(res.Header.Get("ETag"), "W/") || strings.Join(res.Header["Vary"], ", ") != "Accept-Encoding, Origin" {
					t.Errorf("%s, %d: %v", name, i, res.Header)
				}
			case 1:
				if text(res) != body+"hello" {
					t.Errorf("%s, %d: %q", name, i, text(res))
				}
			case 2:
				if res.StatusCode != 204 {
					t.Errorf("%s, %d: %d", name, i, res.StatusCode)
				}
			}
		}
		if len(ids) != 20 {
			t.Errorf("%s: %d identifiers", name, len(ids))
		}
	}
}
