package auth_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/auth"
)

// The examples of RFC 7616 section 3.9.1.
func TestDigestVectors(t *testing.T) {
	t.Parallel()
	for a, want := range map[auth.Algorithm]string{
		auth.MD5:    "8ca523f5e9506fed4657c9700eebdbec",
		auth.SHA256: "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
	} {
		got := auth.Response(a, "Mufasa", "http-auth@example.org", "Circle of Life",
			"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "GET", "/dir/index.html")
		if got != want {
			t.Errorf("%s: %s", a, got)
		}
	}
}

const realm = "http-auth@example.org"

var lions = map[string]string{"Mufasa": "Circle of Life", "Jäsøn Doe": "Secret, or not?", `a"b\`: "q"}

// browser answers challenges.
type browser struct {
	alg                        auth.Algorithm
	user, password             string
	nonce, opaque              string
	hashed, extended           bool
	realm, method, uri, qop, x string
}

var challengeParam = regexp.MustCompile(`(\w+)=("[^"]*"|[^", ]+)`)

// learn takes the challenge for its algorithm.
func (b *browser) learn(t *testing.T, a answer) map[string]string {
	t.Helper()
	for _, c := range a.header["Www-Authenticate"] {
		m := map[string]string{}
		for _, p := range challengeParam.FindAllStringSubmatch(c, -1) {
			m[p[1]] = strings.Trim(p[2], `"`)
		}
		if m["algorithm"] == string(b.alg) {
			b.nonce, b.opaque = m["nonce"], m["opaque"]
			return m
		}
	}
	t.Fatalf("no challenge for %s in %v", b.alg, a.header["Www-Authenticate"])
	return nil
}

func or(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

// field is the Authorization field for a count.
func (b *browser) field(nc uint32) string {
	r, method, uri := or(b.realm, realm), or(b.method, "GET"), or(b.uri, "/x?a=b")
	count := fmt.Sprintf("%08x", nc)
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(b.user)
	name := `username="` + quoted + `"`
	switch {
	case b.hashed:
		name = `username="` + auth.HashName(b.alg, b.user, r) + `", userhash=true`
	case b.extended:
		name = "username*=UTF-8''" + percent(b.user)
	}
	return fmt.Sprintf(`Authorization: Digest %s, realm="%s", uri="%s", algorithm=%s, nonce="%s", nc=%s, cnonce="c,\"n", qop=%s, response="%s", opaque="%s"%s`,
		name, r, uri, b.alg, b.nonce, count, or(b.qop, "auth"),
		auth.Response(b.alg, b.user, r, b.password, b.nonce, count, `c,"n`, method, uri), b.opaque, b.x)
}

func percent(s string) string {
	var out strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&out, "%%%02X", s[i])
	}
	return out.String()
}

func mufasa(a auth.Algorithm) *browser {
	return &browser{alg: a, user: "Mufasa", password: "Circle of Life"}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	for _, a := range []auth.Algorithm{auth.SHA256, auth.MD5} {
		srv := guarded(t, &auth.Digest{Realm: realm, Users: auth.DigestPasswords(realm, lions)})
		b := mufasa(a)
		first := ask(t, srv, "GET /x?a=b")
		p := b.learn(t, first)
		if first.status != 401 || len(first.header["Www-Authenticate"]) != 2 || p["qop"] != "auth" || p["charset"] != "UTF-8" || p["userhash"] != "true" || p["stale"] != "" || p["realm"] != realm {
			t.Errorf("%v", first.header)
		}
		if !strings.Contains(first.header["Www-Authenticate"][0], "SHA-256") {
			t.Error("the stronger algorithm is not the first")
		}
		for nc := uint32(1); nc <= 3; nc++ {
			if got := ask(t, srv, "GET /x?a=b", b.field(nc)); got.status != 200 || got.body != "Digest Mufasa" {
				t.Errorf("%s %d: %d %q", a, nc, got.status, got.body)
			}
		}
		for _, c := range []struct {
			name   string
			change func(b *browser)
			want   int
		}{
			{"wrong password", func(b *browser) { b.password = "x" }, 401},
			{"unknown user", func(b *browser) { b.user = "Scar" }, 401},
			{"another realm", func(b *browser) { b.realm = "other" }, 401},
			{"another target", func(b *browser) { b.uri = "/y" }, 400},
			{"another method", func(b *browser) { b.method = "POST" }, 401},
			{"auth-int", func(b *browser) { b.qop = "auth-int" }, 400},
			{"a parameter twice", func(b *browser) { b.x = ", nc=00000009" }, 400},
			{"an unknown parameter", func(b *browser) { b.x = `, auth-param="x\"y"` }, 200},
			{"junk", func(b *browser) { b.x = `, ="` }, 400},
			{"hashed name", func(b *browser) { b.hashed = true }, 200},
			{"hashed name of nobody", func(b *browser) { b.hashed, b.user = true, "Scar" }, 401},
			{"extended name", func(b *browser) { b.extended, b.user, b.password = true, "Jäsøn Doe", "Secret, or not?" }, 200},
			{"UTF-8 name", func(b *browser) { b.user, b.password = "Jäsøn Doe", "Secret, or not?" }, 200},
			{"UTF-8 name, hashed", func(b *browser) { b.user, b.password, b.hashed = "Jäsøn Doe", "Secret, or not?", true }, 200},
			{"escapes in the name", func(b *browser) { b.user, b.password = `a"b\`, "q" }, 200},
			{"two names", func(b *browser) { b.x = ", username*=UTF-8''Mufasa" }, 400},
			{"another opaque", func(b *browser) { b.opaque = "x" }, 401},
			{"another nonce", func(b *browser) { b.nonce = strings.Repeat("A", 43) }, 401},
			{"no nonce", func(b *browser) { b.nonce = "" }, 400},
		} {
			mine := mufasa(a)
			mine.learn(t, ask(t, srv, "GET /x?a=b"))
			c.change(mine)
			got := ask(t, srv, "GET /x?a=b", mine.field(1))
			if got.status != c.want || (got.status == 200) == (len(got.header["Www-Authenticate"]) > 0) {
				t.Errorf("%s, %s: %d", a, c.name, got.status)
			}
		}
		abs := mufasa(a)
		abs.learn(t, ask(t, srv, "GET /x?a=b"))
		if got := ask(t, srv, "GET http://a/x?a=b", abs.field(1)); got.status != 200 {
			t.Errorf("the path of an absolute target: %d", got.status)
		}
	}
}

// A request that somebody has listened to is good once, on whatever connection it comes again, and nobody can use its nonce
// without the password.
func TestDigestReplay(t *testing.T) {
	t.Parallel()
	var failed []error
	d := &auth.Digest{Realm: realm, Users: auth.DigestPasswords(realm, lions)}
	mw, err := auth.Config{Schemes: []auth.Scheme{d}, OnFail: func(_ *http1.Exchange, _ string, why error) { failed = append(failed, why) }}.Middleware()
	if err != nil {
		t.Fatal(err)
	}
	srv := &http1.Server{Handler: mw(hello)}
	b := mufasa(auth.SHA256)
	b.learn(t, ask(t, srv, "GET /x?a=b"))
	send := func(nc uint32, want int) {
		t.Helper()
		got := ask(t, srv, "GET /x?a=b", b.field(nc))
		if got.status != want {
			t.Errorf("count %d: %d, want %d", nc, got.status, want)
		}
		if want == 401 && !strings.Contains(got.header["Www-Authenticate"][0], "stale=true") {
			t.Error("the client is not told to try again with a new nonce")
		}
	}
	send(1, 200)
	send(1, 401)
	send(3, 200) // of another connection, the quicker one
	send(2, 200)
	send(2, 401)
	send(3, 401)
	send(100, 200)
	send(36, 401) // too far behind to be known
	send(37, 200)
	send(37, 401)
	send(99, 200)
	send(0xffffffff, 200)
	send(0xffffffff, 401)
	send(100, 401)
	if len(failed) != 7 {
		t.Errorf("%d failures were told of", len(failed))
	}
	for _, why := range failed {
		if !errors.Is(why, auth.ErrReplay) {
			t.Error(why)
		}
	}
	if got := ask(t, srv, "GET /x?a=b", strings.Replace(b.field(5), "nc=00000005", "nc=00000006", 1)); got.status != 401 || strings.Contains(got.header["Www-Authenticate"][0], "stale") {
		t.Errorf("a changed count: %d", got.status)
	}
	if got := ask(t, srv, "GET /x?a=b", b.field(0)); got.status != 400 {
		t.Errorf("count 0: %d", got.status)
	}
}

func TestDigestStale(t *testing.T) {
	t.Parallel()
	now := newClock()
	d := &auth.Digest{Realm: realm, Users: auth.DigestPasswords(realm, lions), Now: now.Now, NonceFor: time.Minute}
	srv := guarded(t, d)
	b := mufasa(auth.SHA256)
	b.learn(t, ask(t, srv, "GET /x?a=b"))
	now.add(time.Minute - 1)
	if got := ask(t, srv, "GET /x?a=b", b.field(1)); got.status != 200 {
		t.Errorf("in time: %d", got.status)
	}
	now.add(1)
	got := ask(t, srv, "GET /x?a=b", b.field(2))
	if got.status != 401 || b.learn(t, got)["stale"] != "true" {
		t.Errorf("a minute later: %d, %v", got.status, got.header)
	}
	if got := ask(t, srv, "GET /x?a=b", b.field(1)); got.status != 200 {
		t.Errorf("with the new nonce: %d", got.status)
	}
	// Only who knows the password hears that the nonce is stale.
	now.add(time.Minute)
	b.password = "x"
	if got := ask(t, srv, "GET /x?a=b", b.field(2)); got.status != 401 || b.learn(t, got)["stale"] != "" {
		t.Errorf("%d, %v", got.status, got.header)
	}
	if n := d.NonceUses(); n > 2 {
		t.Errorf("%d nonces are remembered", n)
	}
	// Another server's nonce, as after a restart.
	other := guarded(t, &auth.Digest{Realm: realm, Users: auth.DigestPasswords(realm, lions)})
	c := mufasa(auth.SHA256)
	c.learn(t, ask(t, other, "GET /x?a=b"))
	if got := ask(t, srv, "GET /x?a=b", c.field(1)); got.status != 401 || c.learn(t, got)["stale"] != "true" {
		t.Errorf("%d, %v", got.status, got.header)
	}
}

// The table of counts is bounded, and a nonce that had to go is stale, not good again.
func TestDigestNoncesAreBounded(t *testing.T) {
	t.Parallel()
	now := newClock()
	d := &auth.Digest{Realm: realm, Users: auth.DigestPasswords(realm, lions), Now: now.Now, MaxNonces: 3}
	srv := guarded(t, d)
	var all []*browser
	for range 5 {
		b := mufasa(auth.MD5)
		b.learn(t, ask(t, srv, "GET /x?a=b"))
		now.add(time.Second)
		all = append(all, b)
	}
	unused := all[4]
	for i, b := range all[:4] {
		if got := ask(t, srv, "GET /x?a=b", b.field(1)); got.status != 200 {
			t.Errorf("%d: %d", i, got.status)
		}
	}
	if n := d.NonceUses(); n != 3 {
		t.Errorf("%d nonces are remembered", n)
	}
	for i, b := range all[:4] {
		if got := ask(t, srv, "GET /x?a=b", b.field(1)); got.status != 401 {
			t.Errorf("replay of %d: %d", i, got.status)
		}
	}
	if got := ask(t, srv, "GET /x?a=b", all[0].field(2)); got.status != 401 {
		t.Errorf("a nonce that had to go is good: %d", got.status)
	}
	if got := ask(t, srv, "GET /x?a=b", unused.field(1)); got.status != 200 {
		t.Errorf("a newer one is not: %d", got.status)
	}
	now.add(time.Hour)
	b := mufasa(auth.MD5)
	b.learn(t, ask(t, srv, "GET /x?a=b"))
	if got := ask(t, srv, "GET /x?a=b", b.field(1)); got.status != 200 || d.NonceUses() != 1 {
		t.Errorf("%d, %d nonces", got.status, d.NonceUses())
	}
}

// Several schemes on one resource.
func TestDigestAndBasic(t *testing.T) {
	t.Parallel()
	srv := guarded(t, &auth.Digest{Realm: realm, Users: hidden{auth.DigestPasswords(realm, lions)}, Algorithms: []auth.Algorithm{auth.SHA256}}, &auth.Basic{Realm: realm, Verify: auth.Passwords(lions)})
	first := ask(t, srv, "GET /x?a=b")
	all := first.header["Www-Authenticate"]
	if len(all) != 2 || !strings.HasPrefix(all[0], "Digest ") || !strings.HasPrefix(all[1], "Basic ") || strings.Contains(all[0], "userhash") {
		t.Errorf("%v", all)
	}
	b := mufasa(auth.SHA256)
	b.learn(t, first)
	if got := ask(t, srv, "GET /x?a=b", b.field(1)); got.body != "Digest Mufasa" {
		t.Errorf("%d %q", got.status, got.body)
	}
	if got := ask(t, srv, "GET /x?a=b", "Authorization: "+basic("Mufasa", "Circle of Life")); got.body != "Basic Mufasa" {
		t.Errorf("%d %q", got.status, got.body)
	}
	b.alg = auth.MD5
	if got := ask(t, srv, "GET /x?a=b", b.field(2)); got.status != 400 {
		t.Errorf("an algorithm that is not offered: %d", got.status)
	}
	b.alg, b.hashed = auth.SHA256, true
	if got := ask(t, srv, "GET /x?a=b", b.field(2)); got.status != 401 {
		t.Errorf("a hashed name where none can be found: %d", got.status)
	}
}

// hidden are users who cannot be found by their hashes.
type hidden struct{ auth.DigestUsers }

func TestDigestBlocking(t *testing.T) {
	t.Parallel()
	addr := serve(t, guarded(t, &auth.Digest{Realm: realm, Blocking: true, Users: auth.DigestPasswords(realm, lions)}))
	b := mufasa(auth.SHA256)
	b.uri = "/"
	_, h := fetch(t, addr, "x")
	b.learn(t, answer{header: h})
	authorization := strings.TrimPrefix(b.field(1), "Authorization: ")
	for i, want := range []int{200, 401} {
		if got, _ := fetch(t, addr, authorization); got != want {
			t.Errorf("%d: %d, want %d", i, got, want)
		}
	}
}

func TestParseDigest(t *testing.T) {
	t.Parallel()
	md5 := strings.Repeat("a", 32)
	good := `username="u", realm="r", nonce="n", uri="/", response="` + md5 + `", qop=auth, nc=00000001, cnonce="c"`
	for _, c := range []struct{ text, name, why string }{
		{good, "u", ""},
		{`,, ` + strings.ReplaceAll(good, ", ", "\t,\t, ,") + ",", "u", ""},
		{strings.ReplaceAll(good, "=", " = "), "u", ""},
		{strings.ToUpper(strings.ReplaceAll(good, "auth", "AUTH")), "U", ""},
		{good + `, algorithm="md5"`, "u", ""},
		{good + `, userhash=false`, "u", ""},
		{strings.Replace(good, `"u"`, `"a\"\\\b,="`, 1), `a"\b,=`, ""},
		{strings.Replace(good, `username="u"`, `username*=utf-8'en'%e2%82%acx`, 1), "€x", ""},
		{strings.Replace(good, `realm="r"`, `realm=""`, 1), "u", ""},
		{"", "", "missing"},
		{strings.Replace(good, `username="u", `, ``, 1), "", "missing"},
		{strings.Replace(good, `cnonce="c"`, `cnonce=""`, 1), "", "missing"},
		{strings.Replace(good, `qop=auth, `, ``, 1), "", "missing"},
		{strings.Replace(good, `qop=auth`, `qop="auth-int"`, 1), "", "not auth"},
		{strings.Replace(good, `00000001`, `1`, 1), "", "count"},
		{strings.Replace(good, `00000001`, `0000000g`, 1), "", "count"},
		{strings.Replace(good, `00000001`, `00000000`, 1), "", "count"},
		{good + `, algorithm=MD5-sess`, "", "algorithm"},
		{good + `, algorithm=SHA-256`, "", "response"},
		{good + `, userhash=yes`, "", "userhash"},
		{good + `, userhash=true`, "", "userhash"},
		{good + `, username*=UTF-8''u`, "", "two forms"},
		{strings.Replace(good, `username="u"`, `username*=ISO-8859-1''u`, 1), "", "extended"},
		{strings.Replace(good, `username="u"`, `username*=UTF-8''%ff`, 1), "", "extended"},
		{strings.Replace(good, `username="u"`, `username*=UTF-8''%e`, 1), "", "extended"},
		{strings.Replace(good, `username="u"`, `username*="UTF-8''u v"`, 1), "", "extended"},
		{strings.Replace(good, `username="u"`, `username*=u`, 1), "", "extended"},
		{good + `, x="`, "", "not closed"},
		{good + `, x="\`, "", "not closed"},
		{good + `, x`, "", "not a parameter name"},
		{good + `, =y`, "", "not a parameter name"},
		{good + `, x=`, "", "not a parameter value"},
		{good + `, x="a"b`, "", "no comma"},
		{good + `, nonce="m"`, "", "twice"},
		{good + strings.Repeat(`, x=y`, 40), "", "too many"},
	} {
		name, err := auth.ParseDigest([]byte(c.text))
		if (err == nil) != (c.why == "") || err != nil && !strings.Contains(err.Error(), c.why) || err == nil && name != c.name {
			t.Errorf("%s: %q, %v; want %q", c.text, name, err, c.why)
		}
	}
}

func FuzzDigest(f *testing.F) {
	md5 := strings.Repeat("a", 32)
	f.Add(`username="u", realm="r", nonce="n", uri="/", response="` + md5 + `", qop=auth, nc=00000001, cnonce="c"`)
	f.Add(`username*=UTF-8''%e2%82%ac, a="\"", b=\`)
	f.Add(`a="b\\", ,c = d`)
	f.Fuzz(func(t *testing.T, text string) {
		name, err := auth.ParseDigest([]byte(text))
		if err != nil {
			return
		}
		// What is good stays so with more that nobody knows, and nothing is good twice over.
		if again, err := auth.ParseDigest([]byte(" ,x-y=z," + text + " ,")); err == nil && again != name {
			t.Fatalf("%q is %q, and then %q", text, name, again)
		}
		if _, err := auth.ParseDigest([]byte(text + ", " + text)); err == nil {
			t.Fatalf("%q twice is good", text)
		}
	})
}

func FuzzBasic(f *testing.F) {
	f.Add("YTpi")
	f.Add("YTpiYw==")
	f.Add(":")
	f.Fuzz(func(t *testing.T, text string) {
		user, password, ok := auth.ParseBasic([]byte(text))
		if !ok {
			return
		}
		if strings.Contains(user, ":") || strings.ContainsAny(user+password, "\x00\r\n\x7f") {
			t.Fatalf("%q: %q", user, password)
		}
		if got := strings.TrimPrefix(basic(user, password), "Basic "); got != text {
			t.Fatalf("%q is %q", text, got)
		}
	})
}
