package auth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/auth"
)

var people = map[string]string{"ada": "open sesame", "bob": "a:b", "": "nobody", "zoé": "Ünï"}

func TestBasic(t *testing.T) {
	t.Parallel()
	srv := guarded(t, &auth.Basic{Realm: `a "b" \c`, Verify: auth.Passwords(people)})
	for _, c := range []struct {
		name, authorization string
		want                int
	}{
		{"good", basic("ada", "open sesame"), 200},
		{"a colon in the password", basic("bob", "a:b"), 200},
		{"an empty name", basic("", "nobody"), 200},
		{"UTF-8", basic("zoé", "Ünï"), 200},
		{"scheme in another case", strings.Replace(basic("ada", "open sesame"), "Basic", "bAsIc", 1), 200},
		{"two spaces", strings.Replace(basic("ada", "open sesame"), " ", "  ", 1), 200},
		{"wrong password", basic("ada", "open Sesame"), 401},
		{"the beginning of it", basic("ada", "open sesam"), 401},
		{"unknown user", basic("eve", "open sesame"), 401},
		{"unknown user, no password", basic("eve", ""), 401},
		{"no colon", "Basic YWRh", 401},
		{"no base64", "Basic ???", 401},
		{"no padding", "Basic YTpiYw", 401},
		{"bits behind the end", "Basic YTpi", 401},
		{"nothing", "Basic", 401},
		{"a control character", basic("ada", "open\x00sesame"), 401},
		{"much too long", basic("ada", strings.Repeat("x", 2000)), 401},
		{"another scheme", "Digest x", 401},
		{"an empty field", "", 401},
	} {
		got := ask(t, srv, "GET /", "Authorization: "+c.authorization)
		if got.status != c.want {
			t.Errorf("%s: %d", c.name, got.status)
		}
		challenge := got.header.Get("WWW-Authenticate")
		if want := `Basic realm="a \"b\" \\c", charset="UTF-8"`; c.want == 401 && challenge != want || c.want == 200 && challenge != "" {
			t.Errorf("%s: %s", c.name, challenge)
		}
	}
	if got := ask(t, srv, "GET /"); got.status != 401 {
		t.Errorf("without: %d", got.status)
	}
	if got := ask(t, srv, "GET /", "Authorization: "+basic("ada", "open sesame"), "Authorization: "+basic("eve", "x")); got.status != 400 {
		t.Errorf("two fields: %d", got.status)
	}
	if got := ask(t, srv, "GET /", "Authorization: "+basic("ada", "open sesame")); got.body != "Basic ada" {
		t.Errorf("%q", got.body)
	}
}

func TestRequireRefusesNonsense(t *testing.T) {
	t.Parallel()
	ok := func(string, string) (any, bool) { return nil, true }
	users := auth.DigestPasswords("r", people)
	for i, schemes := range [][]auth.Scheme{
		{},
		{&auth.Basic{}},
		{&auth.Basic{Verify: ok, Realm: "a\r\nX-Header: b"}},
		{&auth.Basic{Verify: ok}, &auth.Basic{Verify: ok}},
		{&auth.Digest{Realm: "r"}},
		{&auth.Digest{Users: users}},
		{&auth.Digest{Users: users, Realm: "r", Algorithms: []auth.Algorithm{"SHA-512-256"}}},
		{&auth.Bearer{}},
		{&auth.Bearer{Verify: func(string) *auth.User { return nil }, Scope: `a"b`}},
	} {
		if _, err := auth.Require(schemes...); err == nil {
			t.Errorf("%d is fine", i)
		}
	}
}

func TestOnFail(t *testing.T) {
	t.Parallel()
	var told []string
	mw, err := auth.Config{
		Schemes: []auth.Scheme{&auth.Basic{Verify: auth.Passwords(people)}},
		OnFail:  func(_ *http1.Exchange, name string, why error) { told = append(told, name+": "+why.Error()) },
	}.Middleware()
	if err != nil {
		t.Fatal(err)
	}
	srv := &http1.Server{Handler: mw(hello)}
	ask(t, srv, "GET /")
	ask(t, srv, "GET /", "Authorization: "+basic("ada", "open sesame"))
	ask(t, srv, "GET /", "Authorization: "+basic("ada", "wrong"))
	ask(t, srv, "GET /", "Authorization: Basic !")
	ask(t, srv, "GET /", "Authorization: NTLM x")
	want := fmt.Sprint([]string{"ada: " + auth.ErrCredentials.Error(), ": " + auth.ErrMalformed.Error(), ": " + auth.ErrScheme.Error()})
	if fmt.Sprint(told) != want {
		t.Errorf("%v, want %v", told, want)
	}
}

// A verifier that blocks runs off the loop, and is not asked again for a while; the user reaches a net/http handler.
func TestBasicBlocking(t *testing.T) {
	t.Parallel()
	now := newClock()
	var calls atomic.Int64
	b := &auth.Basic{Blocking: true, CacheFor: time.Minute, MaxCached: 2, Now: now.Now, Verify: func(user, password string) (any, bool) {
		calls.Add(1)
		return "role of " + user, password == "good"
	}}
	mw, err := auth.Require(b)
	if err != nil {
		t.Fatal(err)
	}
	addr := serve(t, &http1.Server{Handler: mw(http1.Std(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u := auth.UserFromContext(r.Context())
		w.Header().Set("X-User", u.Name+", "+u.Data.(string))
	})))})
	step := func(what, user, password string, want int, wantCalls int64) {
		t.Helper()
		got, h := fetch(t, addr, basic(user, password))
		if got != want || calls.Load() != wantCalls || got == 200 && h.Get("X-User") != user+", role of "+user {
			t.Errorf("%s: %d, %v, %d calls, want %d, %d calls", what, got, h["X-User"], calls.Load(), want, wantCalls)
		}
	}
	step("first", "ada", "good", 200, 1)
	step("again", "ada", "good", 200, 1)
	step("wrong", "ada", "bad", 401, 2)
	step("wrong is not kept", "ada", "bad", 401, 3)
	step("nor does it do harm", "ada", "good", 200, 3)
	step("another split of the same bytes", "ad", "agood", 401, 4)
	now.add(time.Minute)
	step("a minute later", "ada", "good", 200, 5)
	b.Forget()
	step("after Forget", "ada", "good", 200, 6)
	step("a second", "bob", "good", 200, 7)
	step("a third", "cleo", "good", 200, 8)
	if n := b.Cached(); n != 2 {
		t.Errorf("%d are kept", n)
	}
	step("the first had to go", "ada", "good", 200, 9)
}

// No more than MaxConcurrent checks run at one time; the others are told to come again.
func TestBasicBusy(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	started := make(chan struct{}, 10)
	addr := serve(t, guarded(t, &auth.Basic{Blocking: true, MaxConcurrent: 2, Verify: func(_, _ string) (any, bool) {
		started <- struct{}{}
		<-release
		return nil, true
	}}))
	var all sync.WaitGroup
	for i := range 2 {
		all.Go(func() {
			if got, _ := fetch(t, addr, basic(fmt.Sprint(i), "x")); got != 200 {
				t.Errorf("%d", got)
			}
		})
		<-started
	}
	if got, h := fetch(t, addr, basic("late", "x")); got != 503 || h.Get("Retry-After") != "1" {
		t.Errorf("%d, %v", got, h)
	}
	close(release)
	all.Wait()
	if got, _ := fetch(t, addr, basic("later", "x")); got != 200 {
		t.Errorf("afterwards: %d", got)
	}
}

// The hashes were made by Apache's htpasswd -B: "ada" has "open sesame" (cost 5), in its form $2y$.
const htpasswd = "# users\n\nada:" + adaHash + "\n"

func TestHtpasswd(t *testing.T) {
	t.Parallel()
	h, err := auth.ReadHtpasswd(strings.NewReader(htpasswd))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		user, password string
		want           bool
	}{
		{"ada", "open sesame", true},
		{"ada", "open sesame ", false},
		{"ada", "", false},
		{"eve", "open sesame", false},
		{"eve", "nobody", false}, // what those who are not there are compared with
		{"", "", false},
		{"ada", "open sesame" + strings.Repeat("\x01", 100), false},
	} {
		if _, ok := h.Verify(c.user, c.password); ok != c.want {
			t.Errorf("%q %q: %v", c.user, c.password, ok)
		}
	}
	for text, why := range map[string]string{
		"ada:$apr1$x$y": "line 1: not a bcrypt hash",
		"\n#\nada:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=": "line 3: not a bcrypt hash",
		"ada:plain":                           "not a bcrypt hash",
		"ada":                                 "not a bcrypt hash",
		":" + adaHash:                         "no user name",
		"ada:" + adaHash + "\nada:" + adaHash: "line 2: user is there twice",
		"ada:" + strings.Replace(adaHash, "$05$", "$15$", 1): "cost 15",
		"ada:" + strings.Repeat("x", 2000):                   "line 1",
	} {
		if _, err := auth.ReadHtpasswd(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%.40q: %v", text, err)
		}
	}
	broken := errors.New("disk on fire")
	if _, err := auth.ReadHtpasswd(io.MultiReader(strings.NewReader(htpasswd), errReader{broken})); !errors.Is(err, broken) {
		t.Error(err)
	}
	if h, err := auth.ReadHtpasswd(strings.NewReader("")); err != nil || h.Len() != 0 {
		t.Errorf("an empty file: %v", err)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func TestBearer(t *testing.T) {
	t.Parallel()
	verify := func(token string) *auth.User {
		if token == "tok.en_1~+/==" {
			return &auth.User{Name: "ada"}
		}
		return nil
	}
	srv := guarded(t, &auth.Bearer{Realm: "api", Scope: "read write", Verify: verify})
	for _, c := range []struct {
		authorization string
		want          int
		challenge     string
	}{
		{"Bearer tok.en_1~+/==", 200, ""},
		{"bearer  tok.en_1~+/==", 200, ""},
		{"Bearer other", 401, `Bearer realm="api",scope="read write",error="invalid_token"`},
		{"Bearer", 400, `Bearer realm="api",scope="read write",error="invalid_request"`},
		{"Bearer ==", 400, `Bearer realm="api",scope="read write",error="invalid_request"`},
		{"Bearer a=b", 400, `Bearer realm="api",scope="read write",error="invalid_request"`},
		{"Bearer a b", 400, `Bearer realm="api",scope="read write",error="invalid_request"`},
		{"Bearer " + strings.Repeat("a", 8<<10+1), 400, `Bearer realm="api",scope="read write",error="invalid_request"`},
		{"Basic YTpi", 401, `Bearer realm="api",scope="read write"`},
	} {
		got := ask(t, srv, "GET /", "Authorization: "+c.authorization)
		if got.status != c.want || got.header.Get("WWW-Authenticate") != c.challenge || got.status == 200 && got.body != "Bearer ada" {
			t.Errorf("%.30s: %d, %q, %s", c.authorization, got.status, got.body, got.header.Get("WWW-Authenticate"))
		}
	}
	addr := serve(t, guarded(t, &auth.Bearer{Blocking: true, Verify: verify}))
	for token, want := range map[string]int{"tok.en_1~+/==": 200, "x": 401} {
		if got, _ := fetch(t, addr, "Bearer "+token); got != want {
			t.Errorf("%s off the loop: %d", token, got)
		}
	}
}

func TestNoUser(t *testing.T) {
	t.Parallel()
	if auth.UserFromContext(context.Background()) != nil {
		t.Error("a user out of nothing")
	}
	srv := &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		if auth.UserOf(x) != nil {
			t.Error("a user out of nothing")
		}
		x.Respond(204, "", nil)
	})}
	ask(t, srv, "GET /", "Authorization: "+basic("ada", "open sesame"))
}

const adaHash = "$2y$05$OVn2cpJny5N6IndtSDmRG.fEEqnRwCneVrCBjCzNnpq2yTv6lGyHO"
