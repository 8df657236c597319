package middleware

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
)

// fieldsOf are the CORS fields of an answer, and Vary.
func fieldsOf(h http.Header) map[string]string {
	got := map[string]string{}
	for name, v := range h {
		if short, ok := strings.CutPrefix(name, "Access-Control-"); ok {
			got[short] = strings.Join(v, "|")
		}
		if name == "Vary" {
			got[name] = strings.Join(v, "|")
		}
	}
	return got
}

func sameFields(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	for name, v := range want {
		if got[name] != v {
			t.Errorf("%s: %s is %q, want %q", what, name, got[name], v)
		}
	}
	for name, v := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: %s: %q is too much", what, name, v)
		}
	}
}

func TestCORS(t *testing.T) {
	list := CORS{Origins: []string{"https://a.example", "http://localhost:8080", "https://*.b.example"}}
	creds := CORS{Origins: []string{"https://a.example"}, Credentials: true, Expose: []string{"X-Total", "ETag"}}
	all := CORS{Origins: []string{"*"}, Expose: []string{"X-Total"}}
	fn := CORS{OriginFunc: func(o string) bool { return strings.HasSuffix(o, ".example") }, Credentials: true}
	null := CORS{Origins: []string{"null"}}
	granted := func(o string) map[string]string { return map[string]string{"Allow-Origin": o, "Vary": "Origin"} }
	none := map[string]string{"Vary": "Origin"}
	for _, tc := range []struct {
		name   string
		c      *CORS
		origin string
		want   map[string]string
	}{
		{"nothing allowed", &CORS{}, "https://a.example", none},
		{"no origin", &list, "", none},
		{"listed", &list, "https://a.example", granted("https://a.example")},
		{"listed with a port", &list, "http://localhost:8080", granted("http://localhost:8080")},
		{"another port", &list, "http://localhost:8081", none},
		{"another scheme", &list, "http://a.example", none},
		{"longer", &list, "https://a.example.evil.example", none},
		{"a subdomain not listed", &list, "https://x.a.example", none},
		{"wild", &list, "https://x.b.example", granted("https://x.b.example")},
		{"wild, deeper", &list, "https://x.y.b.example", granted("https://x.y.b.example")},
		{"wild, itself", &list, "https://b.example", none},
		{"wild, empty label", &list, "https://.b.example", none},
		{"wild, without the dot", &list, "https://evilb.example", none},
		{"wild, in a path", &list, "https://evil.example/x.b.example", none},
		{"wild, in the port", &list, "https://evil.example:1.b.example", none},
		{"wild, user", &list, "https://evil@x.b.example", none},
		{"letter case", &list, "https://A.example", none},
		{"null", &list, "null", none},
		{"null, listed", &null, "null", granted("null")},
		{"all", &all, "https://x.example", map[string]string{"Allow-Origin": "*", "Expose-Headers": "X-Total"}},
		{"all, no origin", &all, "", map[string]string{"Allow-Origin": "*", "Expose-Headers": "X-Total"}},
		{"credentials", &creds, "https://a.example", map[string]string{
			"Allow-Origin": "https://a.example", "Allow-Credentials": "true", "Expose-Headers": "X-Total, ETag", "Vary": "Origin",
		}},
		{"credentials, another", &creds, "https://b.example", none},
		{"func", &fn, "https://x.example", map[string]string{"Allow-Origin": "https://x.example", "Allow-Credentials": "true", "Vary": "Origin"}},
		{"func, no", &fn, "https://x.test", none},
		{"func, null", &fn, "null", none},
		{"func, not asked", &fn, "javascript:x.example", none},
		{"func, list", &fn, "https://a.example https://b.example", none},
		{"func, too long", &fn, "https://" + strings.Repeat("a", 300) + ".example", none},
	} {
		for name, h := range hellos() {
			addr := serve(t, tc.c.Middleware()(h))
			fields := []string{"Origin: " + tc.origin}
			if tc.origin == "" {
				fields = nil
			}
			for _, method := range []string{"GET", "POST", "OPTIONS", "HEAD"} {
				fields := fields
				if method == "POST" {
					fields = append([]string{"Content-Length: 0"}, fields...)
				}
				res, body := one(t, addr, method, fields...)
				if res.StatusCode != 200 || body != "hello" && method != "HEAD" {
					t.Errorf("%s, %s, %s: %d %q", tc.name, name, method, res.StatusCode, body)
				}
				sameFields(t, tc.name+", "+name+", "+method, fieldsOf(res.Header), tc.want)
			}
		}
	}
}

func TestCORSPreflight(t *testing.T) {
	const asked = "Access-Control-Request-Method, Access-Control-Request-Headers"
	a := CORS{Origins: []string{"https://a.example"}, Methods: []string{"GET", "PUT"}, Headers: []string{"X-Token", "Content-Type"}, MaxAge: 90 * time.Minute}
	all := CORS{Origins: []string{"*"}, Headers: []string{"*"}, Methods: []string{"*"}, MaxAge: -1}
	creds := CORS{Origins: []string{"https://a.example"}, Headers: []string{"*"}, Credentials: true, PrivateNetwork: true}
	for _, tc := range []struct {
		name   string
		c      *CORS
		fields []string
		want   map[string]string
	}{
		{"allowed", &a, []string{"Origin: https://a.example", "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: x-token"}, map[string]string{
			"Allow-Origin": "https://a.example", "Allow-Methods": "GET, PUT", "Allow-Headers": "X-Token, Content-Type", "Max-Age": "5400", "Vary": "Origin, " + asked,
		}},
		{"another origin", &a, []string{"Origin: https://b.example", "Access-Control-Request-Method: PUT"}, map[string]string{"Vary": "Origin, " + asked}},
		{"another method", &a, []string{"Origin: https://a.example", "Access-Control-Request-Method: DELETE"}, map[string]string{"Vary": "Origin, " + asked}},
		{"a method in lower case", &a, []string{"Origin: https://a.example", "Access-Control-Request-Method: put"}, map[string]string{"Vary": "Origin, " + asked}},
		{"all", &all, []string{"Origin: https://b.example", "Access-Control-Request-Method: PURGE", "Access-Control-Request-Headers: x-a,x-b"}, map[string]string{
			"Allow-Origin": "*", "Allow-Methods": "PURGE", "Allow-Headers": "x-a, x-b", "Max-Age": "0", "Vary": asked,
		}},
		{"headers that are none", &all, []string{"Origin: https://b.example", "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: x-a, x b"}, map[string]string{
			"Allow-Origin": "*", "Allow-Methods": "GET", "Max-Age": "0", "Vary": asked,
		}},
		{"a method that is none", &all, []string{"Origin: https://b.example", "Access-Control-Request-Method: G E T"}, map[string]string{
			"Allow-Origin": "*", "Vary": asked,
		}},
		{"private network", &creds, []string{"Origin: https://a.example", "Access-Control-Request-Method: GET", "Access-Control-Request-Private-Network: true"}, map[string]string{
			"Allow-Origin": "https://a.example", "Allow-Credentials": "true", "Allow-Methods": "GET, HEAD, POST", "Allow-Private-Network": "true",
			"Vary": "Origin, " + asked + ", Access-Control-Request-Private-Network",
		}},
	} {
		called := false
		addr := serve(t, tc.c.Middleware()(native(func(x *http1.Exchange) { called = true; x.Respond(200, "", nil) })))
		res, _ := one(t, addr, "OPTIONS", tc.fields...)
		if res.StatusCode != 204 || res.Header.Get("Content-Length") != "" || called {
			t.Errorf("%s: %d %v, handler called: %v", tc.name, res.StatusCode, res.Header, called)
		}
		sameFields(t, tc.name, fieldsOf(res.Header), tc.want)
	}
}

// What is reflected cannot make fields.
func TestCORSInjection(t *testing.T) {
	c := &CORS{OriginFunc: func(string) bool { return true }, Headers: []string{"*"}, Methods: []string{"*"}}
	addr := serve(t, c.Middleware()(hellos()["native"]))
	for _, in := range []string{
		"https://a.example\r\nX-Evil: 1", "https://a.example\nX-Evil: 1", "https://a.example\x00", "https://a.example, https://b.example",
		"https://a.example<script>", "https://a.example;x", "https://a.example/", "https://a.example?x", "https://", "://a", "https://a:0", "https://a:99999",
		"https://a:+1", "https://[::1", "https://[x]", "https://[::1]x", "https://:80", "https://a:", "https://a:01",
	} {
		res, _ := one(t, addr, "GET", "Origin: "+in)
		if o := res.Header.Get("Access-Control-Allow-Origin"); res.Header.Get("X-Evil") != "" && res.StatusCode == 200 && o != "https://a.example" || strings.Contains(o, ",") || o == in {
			t.Errorf("%q: %v", in, res.Header)
		}
		res, _ = one(t, addr, "OPTIONS", "Origin: https://a.example", "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: "+in)
		if v := res.Header.Get("Access-Control-Allow-Headers"); v != "" && strings.ContainsAny(v, "\r\n\x00:/<") || res.Header.Get("X-Evil") != "" {
			t.Errorf("%q: %v", in, res.Header)
		}
	}
	for _, o := range []string{"https://[::1]", "https://[::1]:8443", "http://127.0.0.1:80", "capacitor://localhost", "https://xn--bcher-kva.example"} {
		if !validOrigin(o) {
			t.Errorf("%q is no origin", o)
		}
	}
}

func TestCORSCheck(t *testing.T) {
	for _, c := range []CORS{
		{Origins: []string{"*"}, Credentials: true},
		{Origins: []string{"null"}, Credentials: true},
		{Origins: []string{"example.com"}},
		{Origins: []string{"https://example.com/"}},
		{Origins: []string{"https://Example.com"}},
		{Origins: []string{"https://*example.com"}},
		{Origins: []string{"https://*.*.example.com"}},
		{Origins: []string{"https://*"}},
		{Methods: []string{"GET, PUT"}},
		{Headers: []string{"X:"}},
		{Expose: []string{"a b"}},
		{Expose: []string{"*"}, Credentials: true},
	} {
		if c.Check() == nil || !panics(func() { c.Middleware() }) {
			t.Errorf("%+v is good", c)
		}
	}
}

// FuzzOrigin: what is allowed looks like an origin, whatever came.
func FuzzOrigin(f *testing.F) {
	for _, s := range []string{"https://a.example", "https://x.b.example:8443", "null", "https://[::1]:80", "https://evil.example#.b.example"} {
		f.Add(s)
	}
	m := (&CORS{Origins: []string{"https://a.example", "https://*.b.example"}, OriginFunc: func(string) bool { return false }}).compile()
	f.Fuzz(func(t *testing.T, s string) {
		if !m.allowed([]byte(s)) || s == "https://a.example" {
			return
		}
		host, ok := strings.CutPrefix(s, "https://")
		if label, in := strings.CutSuffix(host, ".b.example"); !ok || !in || label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-._") != "" {
			t.Fatalf("%q", s)
		}
	})
}
