package guard_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/guard"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/netaddr"
	"github.com/calandria-go/calandria/transports/tcp"
)

// serve serves srv on a free port until the test ends.
func serve(t *testing.T, srv *http1.Server, admit func(netip.AddrPort) bool) (addr string) {
	t.Helper()
	r := reactortest.NewDefault(t, reactor.Config{Loops: 2})
	ln, err := tcp.Config{Limits: reactor.ListenLimits{Admit: admit}}.Listen(context.Background(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Listen(ln, srv); err != nil {
		t.Fatal(err)
	}
	return ln.Addr().String()
}

// client is one with connections of its own, closed when the test ends.
func client(t *testing.T) *http.Client {
	tr := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: patience}
}

func TestBanDoubles(t *testing.T) {
	t.Parallel()
	now := newClock()
	var told []guard.Ban
	b := guard.NewBans(guard.BanConfig{MaxFails: 3, BanFor: time.Minute, MaxBan: 5 * time.Minute, Forget: time.Hour, Now: now.Now, OnBan: func(x guard.Ban) { told = append(told, x) }})
	a := ip("192.0.2.1")
	for i, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute, 5 * time.Minute} {
		first, second := b.Fail(a, 1), b.Fail(a, 1)
		if first || second || b.Check(a) != guard.NotBanned {
			t.Fatalf("ban %d came early", i)
		}
		if !b.Fail(a, 1) || b.Check(a) != guard.ByFailures || b.Admit(netip.AddrPortFrom(a, 1)) {
			t.Fatalf("ban %d did not come", i)
		}
		if b.Fail(a, 100) {
			t.Fatal("one who is banned is banned again")
		}
		if x := told[i]; x.Network.String() != "192.0.2.1/32" || x.Count != i+1 || !x.Until.Equal(now.Now().Add(want)) {
			t.Errorf("told %+v", x)
		}
		now.add(want - 1)
		if b.Check(a) != guard.ByFailures {
			t.Errorf("ban %d ended early", i)
		}
		now.add(1)
		if b.Check(a) != guard.NotBanned {
			t.Errorf("ban %d did not end", i)
		}
	}
	now.add(time.Hour + 1) // forgotten
	b.Fail(a, 3)
	if x := told[len(told)-1]; x.Count != 1 || !x.Until.Equal(now.Now().Add(time.Minute)) {
		t.Errorf("after an hour: %+v", x)
	}
	if s := b.Stats(); s.Bans != 6 || s.Banned != 1 || s.Tracked != 1 || s.ByFailures != 5 {
		t.Errorf("%+v", s)
	}
}

// Failures count within a window that slides.
func TestBanWindow(t *testing.T) {
	t.Parallel()
	now := newClock()
	b := guard.NewBans(guard.BanConfig{MaxFails: 10, Window: time.Minute, Now: now.Now})
	slow, fast := ip("192.0.2.1"), ip("192.0.2.2")
	for i := range 200 { // 8 in each minute
		if b.Fail(slow, 1) {
			t.Fatalf("banned after %d failures, 8 a minute", i)
		}
		now.add(7500 * time.Millisecond)
	}
	banned := false
	for range 60 { // 12 in each minute, never 10 in one fixed half
		banned = banned || b.Fail(fast, 1)
		now.add(5 * time.Second)
	}
	if !banned {
		t.Error("12 a minute are not too many")
	}
	now.add(2 * time.Minute)
	if b.Fail(slow, 9) {
		t.Error("failures of long ago count")
	}
}

func TestBanKeys(t *testing.T) {
	t.Parallel()
	b := guard.NewBans(guard.BanConfig{MaxFails: 2, Allow: netaddr.MustSet("192.0.2.9", "2001:db8:9::/48"), Proxies: netaddr.MustSet("10.0.0.0/8")})
	for _, a := range []string{"2001:db8::1", "2001:db8::ffff", "::ffff:192.0.2.1", "192.0.2.1", "192.0.2.9", "2001:db8:9::1", "10.1.1.1"} {
		b.Fail(ip(a), 1)
	}
	for range 3 {
		b.Fail(ip("192.0.2.9"), 50)
		b.Fail(netip.Addr{}, 50)
	}
	for a, want := range map[string]guard.Cause{
		"2001:db8::2": guard.ByFailures, "2001:db8:0:1::1": guard.NotBanned, // a /64
		"192.0.2.1": guard.ByFailures, "::ffff:192.0.2.1": guard.ByFailures, "192.0.2.2": guard.NotBanned,
		"192.0.2.9": guard.NotBanned, "2001:db8:9::1": guard.NotBanned, "10.1.1.1": guard.NotBanned,
	} {
		if got := b.Check(ip(a)); got != want {
			t.Errorf("%s: %v, want %v", a, got, want)
		}
	}
	if b.Check(netip.Addr{}) != guard.NotBanned || !b.Admit(netip.AddrPort{}) {
		t.Error("a unix socket's peer is banned")
	}
}

func TestBanByHand(t *testing.T) {
	t.Parallel()
	now := newClock()
	b := guard.NewBans(guard.BanConfig{Now: now.Now, MaxManual: 3, Allow: netaddr.MustSet("192.0.2.200"), MaxFails: 1})
	must := func(p string, d time.Duration) {
		t.Helper()
		if err := b.Ban(netip.MustParsePrefix(p), d); err != nil {
			t.Error(p, err)
		}
	}
	check := func(a string, want guard.Cause) {
		t.Helper()
		if got := b.Check(ip(a)); got != want {
			t.Errorf("%s: %v, want %v", a, got, want)
		}
	}
	must("192.0.2.1/24", time.Hour)
	must("192.0.2.1/32", time.Minute) // the narrower one ends first
	must("::ffff:198.51.100.0/120", 0)
	if err := b.Ban(netip.MustParsePrefix("2001:db8::/32"), 0); !errors.Is(err, guard.ErrTooManyBans) {
		t.Error(err)
	}
	if b.Ban(netip.Prefix{}, 0) == nil || b.Unban(netip.Prefix{}) != 0 {
		t.Error("the invalid prefix is banned")
	}
	check("192.0.2.1", guard.ByHand)
	check("192.0.2.200", guard.NotBanned)
	check("198.51.100.7", guard.ByHand)
	now.add(time.Minute)
	check("192.0.2.1", guard.ByHand)
	must("2001:db8::/32", 0) // there is room again
	check("2001:db8:1::1", guard.ByHand)
	if all := b.Active(10); len(all) != 3 || !all[0].Until.IsZero() || all[2].Network.String() != "192.0.2.0/24" || all[2].Cause != guard.ByHand {
		t.Errorf("%+v", all)
	}
	now.add(time.Hour)
	check("192.0.2.1", guard.NotBanned)
	now.add(1000 * time.Hour)
	check("198.51.100.7", guard.ByHand)

	b.Fail(ip("203.0.113.1"), 1)
	b.Fail(ip("203.0.113.2"), 1)
	b.Fail(ip("2001:db9::1"), 1)
	if all := b.Active(1); len(all) != 1 {
		t.Errorf("%+v", all)
	}
	for p, want := range map[string]int{"203.0.113.1/32": 1, "203.0.113.0/24": 1, "2001:db9::2/128": 1, "198.51.0.0/16": 1, "203.0.113.9/32": 0} {
		if p == "203.0.113.0/24" {
			continue
		}
		if n := b.Unban(netip.MustParsePrefix(p)); n != want {
			t.Errorf("Unban %s: %d, want %d", p, n, want)
		}
	}
	if n := b.Unban(netip.MustParsePrefix("203.0.113.0/24")); n != 1 {
		t.Errorf("Unban of a network: %d", n)
	}
	check("203.0.113.1", guard.NotBanned)
	check("203.0.113.2", guard.NotBanned)
	check("198.51.100.7", guard.NotBanned)
	if s := b.Stats(); s.Tracked != 0 || s.Banned != 0 {
		t.Errorf("%+v", s)
	}
}

// The table is bounded, and a flood of new clients does not free those that are banned.
func TestBanTableIsBounded(t *testing.T) {
	t.Parallel()
	now := newClock()
	b := guard.NewBans(guard.BanConfig{Now: now.Now, MaxTracked: 100, MaxFails: 10})
	for i := range 50 {
		b.Fail(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 10)
	}
	for i := range 10_000 {
		b.Fail(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 1)
	}
	for i := range 50 {
		if a := netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}); b.Check(a) != guard.ByFailures {
			t.Errorf("%v is free", a)
		}
	}
	s := b.Stats()
	if s.Tracked != 100 || s.Banned != 50 || s.Spared != 0 || s.Evicted != 9950 {
		t.Errorf("%+v", s)
	}
	for i := range 1000 { // all banned: the oldest ban goes
		b.Fail(netip.AddrFrom4([4]byte{172, 16, byte(i >> 8), byte(i)}), 10)
	}
	if s := b.Stats(); s.Tracked != 100 || s.Banned != 100 || s.Spared == 0 {
		t.Errorf("%+v", s)
	}
	if b.Check(netip.AddrFrom4([4]byte{172, 16, 3, 231})) != guard.ByFailures || b.Check(ip("192.0.2.0")) != guard.NotBanned {
		t.Error("the newest ban went, not the oldest")
	}
	now.add(48 * time.Hour) // all bans are over and forgotten: new clients take their places one by one
	for i := range 300 {
		b.Fail(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 1)
	}
	if s := b.Stats(); s.Tracked > 100 || s.Banned > 0 {
		t.Errorf("%+v", s)
	}
}

// What counts as a failure, with a real server.
func TestBanWeighs(t *testing.T) {
	t.Parallel()
	status := http1.HandlerFunc(func(x *http1.Exchange) {
		var n int
		fmt.Sscan(string(x.Path()[1:]), &n)
		x.Respond(n, "", nil)
	})
	for _, c := range []struct {
		name, request string
		conf          guard.BanConfig
		want          uint64
	}{
		{"good", "GET /200 HTTP/1.1\r\nHost: a\r\n\r\n", guard.BanConfig{}, 0},
		{"bad request", "GET /200 HTTP/1.1\r\nHost: a\r\nbad line\r\n\r\n", guard.BanConfig{}, 1},
		{"not HTTP", "\x16\x03\x01\x02\x00\x01", guard.BanConfig{}, 1},
		{"long target", "GET /" + strings.Repeat("a", 9000) + " HTTP/1.1\r\nHost: a\r\n\r\n", guard.BanConfig{}, 1},
		{"403", "GET /403 HTTP/1.1\r\nHost: a\r\n\r\n", guard.BanConfig{}, 1},
		{"404", "GET /404 HTTP/1.1\r\nHost: a\r\n\r\n", guard.BanConfig{}, 0},
		{"404 if wanted", "GET /404 HTTP/1.1\r\nHost: a\r\n\r\n", guard.BanConfig{Statuses: []int{404}}, 1},
		{"500", "GET /500 HTTP/1.1\r\nHost: a\r\n\r\n", guard.BanConfig{}, 0},
		{"401 without trying", "GET /401 HTTP/1.1\r\nHost: a\r\n\r\n", guard.BanConfig{}, 0},
		{"401 after trying", "GET /401 HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YTpi\r\n\r\n", guard.BanConfig{}, 1},
		{"of one's own", "GET /200 HTTP/1.1\r\nHost: a\r\n\r\n", guard.BanConfig{Weigh: func(*http1.Exchange, *http1.Result) int { return 1 }}, 1},
	} {
		b := guard.NewBans(c.conf)
		ask(t, &http1.Server{Handler: status, OnDone: b.OnDone}, "192.0.2.1", c.request)
		if got := b.Stats().Failures; got != c.want {
			t.Errorf("%s: %d failures, want %d", c.name, got, c.want)
		}
	}
}

// Clients that send their heads too slowly are banned after a few.
func TestBanSlowloris(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bans := guard.NewBans(guard.BanConfig{MaxFails: 10, Window: 5 * time.Minute})
		r := reactortest.New(t, reactor.Config{Loops: 1, StallAfter: -1})
		ln := reactortest.Listen()
		if _, err := r.Listen(ln, from("203.0.113.66", &http1.Server{Handler: ok, OnDone: bans.OnDone})); err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			if bans.Check(ip("203.0.113.66")) != guard.NotBanned {
				t.Errorf("banned after %d", i)
			}
			c, err := ln.Dial()
			if err != nil {
				t.Fatal(err)
			}
			c.Write([]byte("GET / HTTP/1.1\r\nHost: "))
			<-time.After(11 * time.Second)
			c.Close()
			synctest.Wait()
		}
		if bans.Check(ip("203.0.113.66")) != guard.ByFailures {
			t.Errorf("not banned: %+v", bans.Stats())
		}
	})
}

// A client that keeps failing is let in no more, and not even its next request on an open connection is answered.
func TestBanAtAcceptAndOnOpenConnections(t *testing.T) {
	t.Parallel()
	now := newClock()
	bans := guard.NewBans(guard.BanConfig{MaxFails: 5, BanFor: time.Minute, Now: now.Now})
	handler := http1.HandlerFunc(func(x *http1.Exchange) {
		if string(x.Path()) == "/secret" {
			x.Respond(403, "", nil)
			return
		}
		x.Respond(200, "", nil)
	})
	addr := serve(t, &http1.Server{Handler: bans.Middleware()(handler), OnDone: bans.OnDone}, bans.Admit)
	open, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	open.SetDeadline(time.Now().Add(patience))
	send := func(path string, want string) {
		t.Helper()
		fmt.Fprintf(open, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path)
		buf := make([]byte, 4096)
		n, err := open.Read(buf)
		if line, _, _ := strings.Cut(string(buf[:n]), "\r\n"); line != want {
			t.Errorf("%s: %q, %v", path, line, err)
		}
	}
	for range 5 {
		send("/secret", "HTTP/1.1 403 Forbidden")
	}
	send("/", "HTTP/1.1 403 Forbidden")
	c := client(t)
	if _, err := c.Get("http://" + addr); err == nil {
		t.Error("a banned client got an answer")
	}
	if s := bans.Stats(); s.ByFailures < 2 || s.Bans != 1 {
		t.Errorf("%+v", s)
	}
	now.add(time.Minute)
	res, err := c.Get("http://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 {
		t.Errorf("after the ban: %d", res.StatusCode)
	}
}

func TestBanStatus(t *testing.T) {
	t.Parallel()
	list := []guard.Networks{netaddr.MustSet("192.0.2.1")}
	for status, want := range map[int]int{0: 403, 404: 404} {
		b := guard.NewBans(guard.BanConfig{Lists: list, Status: status})
		got := ask(t, &http1.Server{Handler: b.Middleware()(ok)}, "192.0.2.1", get(), get())
		if got[0].status != want || len(got) != 2 || b.Stats().ByList != 1 {
			t.Errorf("%d: %+v", status, got)
		}
	}
	b := guard.NewBans(guard.BanConfig{Lists: list, Status: -1})
	got := ask(t, &http1.Server{Handler: b.Middleware()(ok)}, "192.0.2.1", get())
	if f := got[0].fed; len(f.Out) != 0 || !f.Reset || !errors.Is(f.Err, guard.ErrBanned) || reactor.ReasonOf(f.Err) != "banned" {
		t.Errorf("%+v", f)
	}
}

// Lists that are replaced while they are used, over all of Admit.
func TestBanListReloads(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/list"
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("192.0.2.1\n")
	list, err := netaddr.NewList(netaddr.ListConfig{Files: []string{path}, Poll: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	b := guard.NewBans(guard.BanConfig{Lists: []guard.Networks{list}})
	if b.Check(ip("192.0.2.1")) != guard.ByList {
		t.Error("not banned")
	}
	write("192.0.2.2\n")
	list.Reload()
	if b.Check(ip("192.0.2.1")) != guard.NotBanned || b.Check(ip("192.0.2.2")) != guard.ByList {
		t.Error("the old list is in force")
	}
}

func TestBansFromManyGoroutines(t *testing.T) {
	t.Parallel()
	b := guard.NewBans(guard.BanConfig{MaxTracked: 2000, MaxFails: 5})
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 2000 {
				a := netip.AddrFrom4([4]byte{10, byte(g), byte(i >> 8), byte(i)})
				b.Fail(a, 1+i%6)
				b.Check(a)
				b.Check(ip("10.0.0.5"))
				switch i % 500 {
				case 0:
					b.Ban(netip.PrefixFrom(a, 24), time.Minute)
				case 100:
					b.Unban(netip.PrefixFrom(a, 16))
				case 200:
					b.Stats()
					b.Active(10)
				}
			}
		})
	}
	all.Wait()
	b.Unban(netip.MustParsePrefix("0.0.0.0/0"))
	if s := b.Stats(); s.Tracked != 0 || s.Banned != 0 || s.Manual != 0 {
		t.Errorf("%+v", s)
	}
	if b.Check(ip("10.0.0.5")) != guard.NotBanned {
		t.Error("still banned")
	}
}

func BenchmarkAdmit(b *testing.B) {
	bans := guard.NewBans(guard.BanConfig{Lists: []guard.Networks{netaddr.MustSet("192.0.2.0/24")}, MaxFails: 1})
	for i := range 1000 {
		bans.Fail(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 1)
	}
	remote := netip.MustParseAddrPort("198.51.100.1:1")
	b.ReportAllocs()
	for b.Loop() {
		bans.Admit(remote)
	}
}
