package router_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/router"
)

// show answers with the pattern and the values of x, y and rest.
func show(x *http1.Exchange) {
	text := fmt.Sprintf("%s x=%s y=%s rest=%s", x.Pattern(), x.PathValue("x"), x.PathValue("y"), x.PathValue("rest"))
	x.Respond(200, "", []byte(text))
}

// say answers with a status and a text.
func say(status int, text string) http1.Handler {
	return http1.HandlerFunc(func(x *http1.Exchange) { x.Respond(status, "", []byte(text)) })
}

// ask sends a request line with a host, and gives the answer's status, the fields that a router sets, and the body.
func ask(t *testing.T, addr, line, host string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", line, host)
	method, _, _ := strings.Cut(line, " ")
	res, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	got := fmt.Sprint(res.StatusCode)
	for _, name := range []string{"Location", "Allow", "X-Mark"} {
		if v := res.Header.Values(name); len(v) > 0 {
			got += fmt.Sprintf(" %s=%s", name, strings.Join(v, "|"))
		}
	}
	return strings.TrimSuffix(got+" "+string(body), "\n")
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	r := router.New()
	for _, p := range []string{
		"GET /{$}", "GET /u/{x}", "PUT /u/{x}", "POST /u/{x}/{y}", "/tree/", "GET /files/{rest...}", "h.example/u/{y}",
		"PUT /1/a%20b/{y}",
		"OPTIONS /own", "GET /own",
	} {
		r.HandleFunc(p, show)
	}
	addr := serve(t, r)
	for _, tt := range []struct{ line, host, want string }{
		{"GET /", "a", "200 GET /{$} x= y= rest="},
		{"GET /u/me?q=1", "a", "200 GET /u/{x} x=me y= rest="},
		{"GET http://a/u/me", "a", "200 GET /u/{x} x=me y= rest="},
		{"GET /u/a%2Fb%20c", "a", "200 GET /u/{x} x=a/b c y= rest="},
		{"GET /u/.git", "a", "200 GET /u/{x} x=.git y= rest="},
		{"HEAD /u/me", "a", "200 "},
		{"POST /u/1/2", "a", "200 POST /u/{x}/{y} x=1 y=2 rest="},
		{"GET /u/me", "H.example:81", "200 h.example/u/{y} x= y=me rest="},
		{"GET http://h.example/u/me", "a", "200 h.example/u/{y} x= y=me rest="},
		{"PUT /tree/", "a", "200 /tree/ x= y= rest="},
		{"PUT /tree/x/y", "a", "200 /tree/ x= y= rest="},
		{"GET /files/", "a", "200 GET /files/{rest...} x= y= rest="},
		{"GET /files/a/b%2fc/", "a", "200 GET /files/{rest...} x= y= rest=a/b/c/"},
		{"PUT /1/a%20b/%32", "a", "200 PUT /1/a%20b/{y} x= y=2 rest="},
		{"PUT /1/%61%20b/2", "a", "200 PUT /1/a%20b/{y} x= y=2 rest="},

		{"GET /tree?a=%2F&b", "a", "307 Location=/tree/?a=%2F&b "},
		{"POST /files", "a", "405 Allow=GET, HEAD, OPTIONS Method Not Allowed"},
		{"GET //evil.example/..//tree/./a?", "a", "307 Location=/tree/a? "},
		{"GET //evil.example", "a", "307 Location=/evil.example "},
		{"GET /u/../u/a%2F%2e", "a", "307 Location=/u/a%2F%2e "},
		{"GET /nothing", "a", "404 404 page not found"},
		{"DELETE /u/me", "a", "405 Allow=GET, HEAD, OPTIONS, PUT Method Not Allowed"},
		{"OPTIONS /u/me", "a", "204 Allow=GET, HEAD, OPTIONS, PUT "},
		{"OPTIONS /nothing", "a", "404 404 page not found"},
		{"OPTIONS /own", "a", "200 OPTIONS /own x= y= rest="},
		{"OPTIONS *", "a", "204 Allow=GET, HEAD, OPTIONS, POST, PUT "},
		{"OPTIONS http://a", "a", "204 Allow=GET, HEAD, OPTIONS, POST, PUT "},
		{"CONNECT h.example:443", "h.example:443", "405 Allow=GET, HEAD, OPTIONS Method Not Allowed"},
	} {
		if got := ask(t, addr, tt.line, tt.host); got != tt.want {
			t.Errorf("%s of %s:\n got %s\nwant %s", tt.line, tt.host, got, tt.want)
		}
	}
}

func TestOwnAnswers(t *testing.T) {
	t.Parallel()
	r := &router.Router{
		NotFound: say(404, "nothing"), MethodNotAllowed: say(405, "not so"), NoOptions: true,
		Connect: say(403, "no tunnels"),
	}
	r.HandleFunc("GET /a", show)
	addr := serve(t, r)
	for _, tt := range []struct{ line, want string }{
		{"GET /b", "404 nothing"},
		{"PUT /a", "405 Allow=GET, HEAD not so"},
		{"OPTIONS /a", "405 Allow=GET, HEAD not so"},
		{"OPTIONS *", "404 nothing"},
		{"CONNECT a:1", "403 no tunnels"},
	} {
		if got := ask(t, addr, tt.line, "a:1"); got != tt.want {
			t.Errorf("%s: %s; want %s", tt.line, got, tt.want)
		}
	}
}

// A zero Router has nothing.
func TestZero(t *testing.T) {
	t.Parallel()
	var r router.Router
	for _, q := range []request{{"GET", "h", "/"}, {"CONNECT", "h:1", ""}, {"GET", "h", ""}, {"", "", ""}} {
		m := r.Lookup([]byte(q.method), []byte(q.host), []byte(q.path))
		if m.Handler() != nil || m.Status() == 0 || m.Value("x") != nil {
			t.Errorf("%v: status %d", q, m.Status())
		}
	}
	if got := ask(t, serve(t, &r), "OPTIONS *", "h"); got != "204 Allow=OPTIONS " {
		t.Errorf("OPTIONS *: %s", got)
	}
}

// mark is middleware that leaves a mark on the answer, with the pattern if it is known by then.
func mark(name string) http1.Middleware {
	return func(next http1.Handler) http1.Handler {
		return http1.HandlerFunc(func(x *http1.Exchange) {
			x.SetHeader("X-Mark", name+x.Pattern())
			next.Handle(x)
		})
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	r := router.New()
	r.Use(mark("1"))
	r.Use(mark("2"), mark("3"))
	api := r.Group("/api/{x}/", mark("a"))
	api.HandleFunc("GET /early", show)
	api.Use(mark("b"))
	api.HandleFunc("GET ", show)
	v := api.Group("/v", mark("c"))
	v.HandleFunc("/{y}", show)
	v.Route("DELETE /{$}", http1.HandlerFunc(show))
	r.Group("h.example").HandleFunc("GET /{$}", show)
	addr := serve(t, r)
	for _, tt := range []struct{ line, host, want string }{
		{"GET /api/7/early", "a", "200 X-Mark=1|2|3|aGET /api/{x}/early GET /api/{x}/early x=7 y= rest="},
		{"GET /api/7", "a", "200 X-Mark=1|2|3|aGET /api/{x}|bGET /api/{x} GET /api/{x} x=7 y= rest="},
		{"PUT /api/7/v/8", "a", "200 X-Mark=1|2|3|a/api/{x}/v/{y}|b/api/{x}/v/{y}|c/api/{x}/v/{y} /api/{x}/v/{y} x=7 y=8 rest="},
		{"DELETE /api/7/v/", "a", "200 X-Mark=1|2|3|aDELETE /api/{x}/v/{$}|bDELETE /api/{x}/v/{$}|cDELETE /api/{x}/v/{$}" +
			" DELETE /api/{x}/v/{$} x=7 y= rest="},
		{"GET /", "h.example", "200 X-Mark=1|2|3 GET h.example/{$} x= y= rest="},
		{"GET /none", "a", "404 X-Mark=1|2|3 404 page not found"},
		{"GET //api", "a", "307 Location=/api X-Mark=1|2|3 "},
	} {
		if got := ask(t, addr, tt.line, tt.host); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.line, got, tt.want)
		}
	}
	for _, err := range []error{
		r.Group("GET /x").Register("/y", none), api.Register("GET h.example/y", none), api.Register("/y", nil),
		api.Register("/{x}", none), r.Group("x").Register("GET", none),
	} {
		if err == nil {
			t.Error("a bad pattern in a group was taken")
		}
	}
}

// A router within another takes the whole path; the inner one's pattern and values are what counts.
func TestNested(t *testing.T) {
	t.Parallel()
	inner, outer := router.New(), router.New()
	inner.HandleFunc("GET /in/{x}/{y}", show)
	outer.Route("/in/{x...}", inner)
	addr := serve(t, outer)
	if got, want := ask(t, addr, "GET /in/a/b", "h"), "200 GET /in/{x}/{y} x=a y=b rest="; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}
