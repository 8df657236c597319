package guard_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/guard"
	"github.com/calandria-go/calandria/transports/netaddr"
)

var proxies = netaddr.MustSet("10.0.0.0/8", "fd00::/8", "::1")

func TestClientIP(t *testing.T) {
	t.Parallel()
	const xff, fwd, real = "X-Forwarded-For: ", "Forwarded: ", "X-Real-IP: "
	for _, c := range []struct {
		name   string
		field  guard.AddressField
		peer   string
		fields []string
		want   string
	}{
		{"one proxy", guard.XForwardedFor, "10.0.0.1", []string{xff + "203.0.113.7"}, "203.0.113.7"},
		{"no field", guard.XForwardedFor, "10.0.0.1", nil, "10.0.0.1"},
		{"an empty one", guard.XForwardedFor, "10.0.0.1", []string{xff}, "10.0.0.1"},
		{"not a proxy", guard.XForwardedFor, "198.51.100.9", []string{xff + "203.0.113.7"}, "198.51.100.9"},
		{"the client has lied", guard.XForwardedFor, "10.0.0.1", []string{xff + "1.1.1.1, 203.0.113.7"}, "203.0.113.7"},
		{"in a field of its own", guard.XForwardedFor, "10.0.0.1", []string{xff + "1.1.1.1", xff + "203.0.113.7"}, "203.0.113.7"},
		{"with a trusted address", guard.XForwardedFor, "10.0.0.1", []string{xff + "10.9.9.9, 203.0.113.7"}, "203.0.113.7"},
		{"two proxies", guard.XForwardedFor, "10.0.0.1", []string{xff + "203.0.113.7, 10.0.0.2"}, "203.0.113.7"},
		{"over two fields", guard.XForwardedFor, "10.0.0.1", []string{xff + "1.1.1.1,203.0.113.7", "x-forwarded-FOR: 10.0.0.3,10.0.0.2"}, "203.0.113.7"},
		{"a client inside", guard.XForwardedFor, "10.0.0.1", []string{xff + "10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"empty elements", guard.XForwardedFor, "10.0.0.1", []string{xff + " , 203.0.113.7 ,, ,10.0.0.2,"}, "203.0.113.7"},
		{"with a port", guard.XForwardedFor, "10.0.0.1", []string{xff + "203.0.113.7:4711"}, "203.0.113.7"},
		{"IPv6", guard.XForwardedFor, "fd00::1", []string{xff + "2001:db8::7"}, "2001:db8::7"},
		{"IPv6 in brackets", guard.XForwardedFor, "::1", []string{xff + "[2001:db8::7]"}, "2001:db8::7"},
		{"IPv6 with a port", guard.XForwardedFor, "::1", []string{xff + "[2001:db8::7]:4711"}, "2001:db8::7"},
		{"mapped", guard.XForwardedFor, "::ffff:10.0.0.1", []string{xff + "::ffff:203.0.113.7"}, "203.0.113.7"},
		{"a mapped proxy", guard.XForwardedFor, "10.0.0.1", []string{xff + "203.0.113.7, ::ffff:10.0.0.2"}, "203.0.113.7"},
		{"unknown", guard.XForwardedFor, "10.0.0.1", []string{xff + "203.0.113.7, unknown"}, "10.0.0.1"},
		{"unknown to the second", guard.XForwardedFor, "10.0.0.1", []string{xff + "203.0.113.7, unknown, 10.0.0.2"}, "10.0.0.2"},
		{"a name", guard.XForwardedFor, "10.0.0.1", []string{xff + "localhost"}, "10.0.0.1"},
		{"a zone", guard.XForwardedFor, "10.0.0.1", []string{xff + "fe80::1%eth0"}, "10.0.0.1"},
		{"a bad port", guard.XForwardedFor, "10.0.0.1", []string{xff + "203.0.113.7:x"}, "10.0.0.1"},
		{"brackets around IPv4", guard.XForwardedFor, "10.0.0.1", []string{xff + "[203.0.113.7]"}, "10.0.0.1"},
		{"no closing bracket", guard.XForwardedFor, "10.0.0.1", []string{xff + "[2001:db8::7"}, "10.0.0.1"},
		{"much too long", guard.XForwardedFor, "10.0.0.1", []string{xff + strings.Repeat("1", 5000)}, "10.0.0.1"},
		{"the other fields", guard.XForwardedFor, "10.0.0.1", []string{fwd + "for=203.0.113.7", real + "203.0.113.7"}, "10.0.0.1"},
		{"16 hops", guard.XForwardedFor, "10.0.0.1", []string{xff + "203.0.113.7" + hops(15)}, "203.0.113.7"},
		{"17 hops", guard.XForwardedFor, "10.0.0.1", []string{xff + "203.0.113.7" + hops(16)}, "10.1.0.15"},

		{"Forwarded", guard.Forwarded, "10.0.0.1", []string{fwd + "for=203.0.113.7"}, "203.0.113.7"},
		{"all of it", guard.Forwarded, "10.0.0.1", []string{fwd + `for=192.0.2.60;proto=http;by=203.0.113.43`}, "192.0.2.60"},
		{"IPv6 (RFC 7239 section 4)", guard.Forwarded, "10.0.0.1", []string{fwd + `For="[2001:db8:cafe::17]:4711"`}, "2001:db8:cafe::17"},
		{"a list", guard.Forwarded, "10.0.0.1", []string{fwd + `for=192.0.2.43, FOR="203.0.113.7"`}, "203.0.113.7"},
		{"two proxies", guard.Forwarded, "10.0.0.1", []string{fwd + `for=203.0.113.7;host="a,b";by="_x", by=10.0.0.1;for=10.0.0.2`}, "203.0.113.7"},
		{"obfuscated", guard.Forwarded, "10.0.0.1", []string{fwd + `for=_gazonk`}, "10.0.0.1"},
		{"unknown", guard.Forwarded, "10.0.0.1", []string{fwd + `for=203.0.113.7, for=unknown, for=10.0.0.2`}, "10.0.0.2"},
		{"an obfuscated port", guard.Forwarded, "10.0.0.1", []string{fwd + `for="203.0.113.7:_a.b-c"`}, "203.0.113.7"},
		{"an escape", guard.Forwarded, "10.0.0.1", []string{fwd + `for="20\3.0.113.7"`}, "203.0.113.7"},
		{"IPv6 without brackets", guard.Forwarded, "10.0.0.1", []string{fwd + `for="2001:db8::7"`}, "10.0.0.1"},
		{"IPv6 without quotes", guard.Forwarded, "10.0.0.1", []string{fwd + `for=[2001:db8::7]`}, "10.0.0.1"},
		{"no for", guard.Forwarded, "10.0.0.1", []string{fwd + `by=203.0.113.7;proto=http`}, "10.0.0.1"},
		{"for twice", guard.Forwarded, "10.0.0.1", []string{fwd + `for=203.0.113.7;for=203.0.113.8`}, "10.0.0.1"},
		{"a quote left open", guard.Forwarded, "10.0.0.1", []string{fwd + `for=1.1.1.1;x=", for=203.0.113.7`}, "203.0.113.7"},
		{"and closed by the proxy's", guard.Forwarded, "10.0.0.1", []string{fwd + `for=1.1.1.1;x=", for="[2001:db8::7]"`}, "2001:db8::7"},
		{"an open escape", guard.Forwarded, "10.0.0.1", []string{fwd + `for="\`, fwd + `for=203.0.113.7`}, "203.0.113.7"},
		{"quotes alone", guard.Forwarded, "10.0.0.1", []string{fwd + `"""`}, "10.0.0.1"},
		{"a space", guard.Forwarded, "10.0.0.1", []string{fwd + `for =203.0.113.7`}, "10.0.0.1"},
		{"spaces around the semicolon", guard.Forwarded, "10.0.0.1", []string{fwd + `proto=https ; for=203.0.113.7`}, "203.0.113.7"},

		{"X-Real-IP", guard.XRealIP, "10.0.0.1", []string{real + "203.0.113.7"}, "203.0.113.7"},
		{"twice", guard.XRealIP, "10.0.0.1", []string{real + "1.1.1.1", real + "203.0.113.7"}, "10.0.0.1"},
		{"a list", guard.XRealIP, "10.0.0.1", []string{real + "1.1.1.1, 203.0.113.7"}, "10.0.0.1"},
		{"a trusted one", guard.XRealIP, "10.0.0.1", []string{real + "10.0.0.9"}, "10.0.0.9"},
		{"not a proxy", guard.XRealIP, "203.0.113.9", []string{real + "10.0.0.9"}, "203.0.113.9"},
	} {
		srv := &http1.Server{Handler: guard.ClientIP{Trusted: proxies, Field: c.field}.Middleware()(ok)}
		if got := ask(t, srv, c.peer, get(c.fields...)); got[0].status != 200 || got[0].body != c.want {
			t.Errorf("%v %s: %d %q, want %s", c.field, c.name, got[0].status, got[0].body, c.want)
		}
	}
}

// hops is a list of n trusted proxies.
func hops(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ", 10.1.0.%d", n-i-1)
	}
	return b.String()
}

func TestClientIPNobodyTrusted(t *testing.T) {
	t.Parallel()
	srv := &http1.Server{Handler: guard.ClientIP{}.Middleware()(ok)}
	for _, peer := range []string{"127.0.0.1", ""} {
		if got := ask(t, srv, peer, get("X-Forwarded-For: 203.0.113.7")); got[0].body == "203.0.113.7" {
			t.Errorf("%q is believed without being trusted", peer)
		}
	}
	srv = &http1.Server{Handler: guard.ClientIP{TrustUnix: true}.Middleware()(ok)}
	if got := ask(t, srv, "", get("X-Forwarded-For: 203.0.113.7")); got[0].body != "203.0.113.7" {
		t.Errorf("a unix socket's peer is not believed: %q", got[0].body)
	}
	if got := ask(t, srv, "127.0.0.1", get("X-Forwarded-For: 203.0.113.7")); got[0].body != "127.0.0.1" {
		t.Errorf("TrustUnix trusts %q", got[0].body)
	}
}

// Each request of a connection has its own client, and the next one nothing of it; net/http handlers see it, too.
func TestClientIPEachRequest(t *testing.T) {
	t.Parallel()
	srv := &http1.Server{Handler: guard.ClientIP{Trusted: proxies}.Middleware()(ok)}
	got := ask(t, srv, "10.0.0.1", get("X-Forwarded-For: 203.0.113.7"), get(), get("X-Forwarded-For: 203.0.113.8"))
	if len(got) != 4 || got[0].body != "203.0.113.7" || got[1].body != "10.0.0.1" || got[2].body != "203.0.113.8" {
		t.Errorf("%+v", got)
	}
}

// A banned client behind a trusted proxy stays banned whatever it writes into the fields, and one that is not behind the
// proxy is never taken for another, neither to get rid of its ban nor to have somebody else banned.
func TestBanBypassByForgedForwardedFor(t *testing.T) {
	t.Parallel()
	const bad, victim = "203.0.113.66", "198.51.100.1"
	forgeries := []string{"", victim, "10.0.0.5", "127.0.0.1", victim + ", 10.0.0.5", "unknown", `"`, "for=" + victim, `for="`, `for=` + victim + `;x="`, `\`, ",", bad + "%1", "::ffff:" + victim}
	for _, field := range []guard.AddressField{guard.XForwardedFor, guard.Forwarded} {
		name, element := "X-Forwarded-For: ", bad
		if field == guard.Forwarded {
			name, element = "Forwarded: ", "for="+bad
		}
		bans := guard.NewBans(guard.BanConfig{Proxies: proxies, MaxFails: 3, Lists: []guard.Networks{netaddr.MustSet(bad)}})
		h := http1.Chain(ok, guard.ClientIP{Trusted: proxies, Field: field}.Middleware(), bans.Middleware())
		srv := &http1.Server{Handler: h, OnDone: bans.OnDone}
		for _, f := range forgeries {
			// Through the proxy, which adds the client's address to the same field, or as another one.
			for _, fields := range [][]string{{name + f + ", " + element}, {name + f, name + element}, {"X-Real-IP: " + victim, name + f + "," + element}} {
				if got := ask(t, srv, "10.0.0.1", get(fields...)); got[0].status != http.StatusForbidden {
					t.Errorf("%q: %d %q", fields, got[0].status, got[0].body)
				}
			}
			// Directly, where no proxy is.
			if got := ask(t, srv, bad, get(name+f)); got[0].status != http.StatusForbidden {
				t.Errorf("%q directly: %d", f, got[0].status)
			}
		}
		// Failures count for the one who made them.
		for range 10 {
			ask(t, srv, "203.0.113.77", "GET / HTTP/1.1\r\nHost: a\r\n"+name+victim+"\r\nbad line\r\n\r\n")
		}
		if bans.Check(ip(victim)) != guard.NotBanned || bans.Check(ip("203.0.113.77")) != guard.ByFailures {
			t.Error("somebody else was banned")
		}
		// What the server refuses on the proxy's connection is not held against the proxy.
		for range 10 {
			ask(t, srv, "10.0.0.1", "junk\r\n\r\n")
		}
		if bans.Check(ip("10.0.0.1")) != guard.NotBanned || ask(t, srv, "10.0.0.1", get())[0].status != 200 {
			t.Error("the proxy was banned")
		}
	}
}

func TestClientIPUnderStd(t *testing.T) {
	t.Parallel()
	std := http1.Std(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RemoteAddr) }))
	seen := make(chan string, 1)
	h := http1.Chain(std, guard.ClientIP{Trusted: netaddr.MustSet("127.0.0.0/8")}.Middleware(), func(next http1.Handler) http1.Handler {
		return http1.HandlerFunc(func(x *http1.Exchange) {
			seen <- x.ClientAddr().String()
			next.Handle(x)
		})
	})
	addr := serve(t, &http1.Server{Handler: h}, nil)
	req, _ := http.NewRequest("GET", "http://"+addr, nil)
	req.Header.Set("X-Forwarded-For", "203.0.113.7")
	res, err := client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if got := <-seen; got != "203.0.113.7" {
		t.Error(got)
	}
}
