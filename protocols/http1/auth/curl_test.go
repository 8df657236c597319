//go:build interop

package auth_test

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/auth"
)

// curl gives the body and the status. It must be installed: this test is asked for by a tag.
func curl(t *testing.T, args ...string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	out, err := exec.CommandContext(ctx, "curl", append([]string{"-sS", "--noproxy", "*", "-w", " %{http_code}"}, args...)...).CombinedOutput()
	if err != nil {
		t.Errorf("curl %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func TestCurl(t *testing.T) {
	h, err := auth.ReadHtpasswd(strings.NewReader(htpasswd))
	if err != nil {
		t.Fatal(err)
	}
	users := auth.DigestPasswords(realm, lions)
	slow := &auth.Basic{Realm: realm, Verify: h.Verify, Blocking: true}
	for _, c := range []struct {
		name   string
		scheme []auth.Scheme
		args   []string
		want   string
	}{
		{"basic", []auth.Scheme{&auth.Basic{Realm: realm, Verify: auth.Passwords(people)}}, []string{"--basic", "-u", "ada:open sesame"}, "Basic ada 200"},
		{"basic, wrong", []auth.Scheme{&auth.Basic{Realm: realm, Verify: auth.Passwords(people)}}, []string{"--basic", "-u", "ada:x"}, "Unauthorized\n 401"},
		{"basic, htpasswd", []auth.Scheme{slow}, []string{"--basic", "-u", "ada:open sesame"}, "Basic ada 200"},
		{"digest SHA-256", []auth.Scheme{&auth.Digest{Realm: realm, Users: users, Algorithms: []auth.Algorithm{auth.SHA256}}}, []string{"--digest", "-u", "Mufasa:Circle of Life"}, "Digest Mufasa 200"},
		{"digest MD5", []auth.Scheme{&auth.Digest{Realm: realm, Users: users, Algorithms: []auth.Algorithm{auth.MD5}}}, []string{"--digest", "-u", "Mufasa:Circle of Life"}, "Digest Mufasa 200"},
		{"digest, no hashed names", []auth.Scheme{&auth.Digest{Realm: realm, Users: hidden{users}}}, []string{"--digest", "-u", "Mufasa:Circle of Life"}, "Digest Mufasa 200"},
		{"digest, both", []auth.Scheme{&auth.Digest{Realm: realm, Users: users}}, []string{"--digest", "-u", "Mufasa:Circle of Life"}, "Digest Mufasa 200"},
		{"digest, wrong", []auth.Scheme{&auth.Digest{Realm: realm, Users: users}}, []string{"--digest", "-u", "Mufasa:x"}, "Unauthorized\n 401"},
		{"digest, escapes", []auth.Scheme{&auth.Digest{Realm: realm, Users: hidden{users}}}, []string{"--digest", "-u", `a"b\:q`}, `Digest a"b\ 200`},
		{"digest, POST", []auth.Scheme{&auth.Digest{Realm: realm, Users: users}}, []string{"--digest", "-u", "Mufasa:Circle of Life", "-d", "a=b"}, "Digest Mufasa 200"},
		{"any of both", []auth.Scheme{&auth.Digest{Realm: realm, Users: users}, &auth.Basic{Realm: realm, Verify: auth.Passwords(lions)}}, []string{"--anyauth", "-u", "Mufasa:Circle of Life"}, "Digest Mufasa 200"},
		{"bearer", []auth.Scheme{&auth.Bearer{Verify: func(s string) *auth.User { return &auth.User{Name: s} }}}, []string{"--oauth2-bearer", "abc"}, "Bearer abc 200"},
	} {
		addr := serve(t, guarded(t, c.scheme...))
		if got := curl(t, append(c.args, "http://"+addr+"/x?a=b,c")...); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// curl goes on by itself when the nonce has become stale, and with counts on one connection.
func TestCurlStale(t *testing.T) {
	now := newClock()
	d := &auth.Digest{Realm: realm, Users: auth.DigestPasswords(realm, lions), Now: now.Now, NonceFor: time.Second}
	mw, err := auth.Require(d)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http1.Server{Handler: mw(http1.HandlerFunc(func(x *http1.Exchange) {
		if string(x.Path()) == "/last" {
			now.add(time.Second) // the next request of curl comes with a nonce that has expired
		}
		hello(x)
	}))}
	addr := "http://" + serve(t, srv)
	got := curl(t, "--digest", "-u", "Mufasa:Circle of Life", addr+"/1", addr+"/2", addr+"/last", addr+"/4")
	if got != strings.Repeat("Digest Mufasa 200", 4) {
		t.Errorf("%q", got)
	}
}
