package pairing

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor/reactortest"
)

func TestMain(m *testing.M) { reactortest.Main(m) }

var (
	start = time.Unix(1_000_000, 0)
	home  = netip.MustParseAddr("192.0.2.1")
	away  = netip.MustParseAddr("192.0.2.2")
)

func limits() Limits {
	return Limits{Pending: 4, PendingPerIP: 3, Sessions: 3, Deadline: 10 * time.Second, Spent: 2}
}

func from(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

func half(cookie string, a netip.Addr, conn uint64) Half {
	return Half{Cookie: cookie, From: from(a), IP: a, Conn: conn}
}

func TestGetThenPost(t *testing.T) {
	tab := New[string, string](limits())
	e, _, paired, err := tab.Get(start, half("c", home, 1), "g")
	if err != nil || paired {
		t.Fatal(paired, err)
	}
	e2, g, v, err := tab.Post(start.Add(9*time.Second), half("c", home, 2), "p")
	if e2 != e || g != "g" || v != Attached || err != nil {
		t.Fatal(e2 == e, g, v, err)
	}
	if pending, sessions := tab.Counts(); pending != 0 || sessions != 1 {
		t.Error(pending, sessions)
	}
	if tab.Expire(e) {
		t.Error("a tunnel with both halves expired")
	}
	if posts := tab.End(e, false); len(posts) != 1 || posts[0] != "p" {
		t.Error(posts)
	}
	if pending, sessions := tab.Counts(); pending != 0 || sessions != 0 || len(tab.perIP) != 0 || len(tab.all) != 0 {
		t.Error(pending, sessions, tab.perIP, tab.all)
	}
}

func TestPostThenGet(t *testing.T) {
	tab := New[string, string](limits())
	e, _, v, err := tab.Post(start, half("c", home, 1), "p")
	if v != Waits || err != nil {
		t.Fatal(v, err)
	}
	e2, p, paired, err := tab.Get(start.Add(time.Second), half("c", home, 2), "g")
	if e2 != e || p != "p" || !paired || err != nil {
		t.Fatal(e2 == e, p, paired, err)
	}
}

func TestPostsOneAfterAnother(t *testing.T) {
	tab := New[string, string](limits())
	e, _, _, _ := tab.Get(start, half("c", home, 1), "g")
	for i := range 50 {
		if _, g, v, err := tab.Post(start, half("c", home, uint64(i+2)), fmt.Sprint(i)); g != "g" || v != Attached || err != nil {
			t.Fatal(i, g, v, err)
		}
		if _, _, promoted, gone := tab.PostGone(e, fmt.Sprint(i)); promoted || !gone {
			t.Fatal(i, promoted, gone)
		}
	}
	// The deadline is for the first POST alone.
	if _, _, v, err := tab.Post(start.Add(time.Hour), half("c", home, 99), "late"); v != Attached || err != nil {
		t.Error(v, err)
	}
}

func TestPostBeforeTheLastOneHasEnded(t *testing.T) {
	tab := New[string, string](limits())
	e, _, _, _ := tab.Get(start, half("c", home, 1), "g")
	tab.Post(start, half("c", home, 2), "p1")
	if _, _, v, err := tab.Post(start, half("c", home, 3), "p2"); v != Queued || err != nil {
		t.Fatal(v, err)
	}
	if _, _, _, err := tab.Post(start, half("c", home, 4), "p3"); err != ErrDuplicatePost {
		t.Error(err)
	}
	if _, next, promoted, gone := tab.PostGone(e, "p1"); next != "p2" || !promoted || !gone {
		t.Error(next, promoted, gone)
	}
	tab.Post(start, half("c", home, 5), "p4")
	if !tab.Withdraw(e, "p4") || tab.Withdraw(e, "p4") || tab.Withdraw(e, "p2") {
		t.Error("Withdraw")
	}
	if _, _, promoted, gone := tab.PostGone(e, "p2"); promoted || !gone {
		t.Error(promoted, gone)
	}
}

func TestDuplicatesAreRefused(t *testing.T) {
	tab := New[string, string](limits())
	tab.Get(start, half("c", home, 1), "g")
	if _, _, _, err := tab.Get(start, half("c", home, 2), "g2"); err != ErrDuplicateGet {
		t.Error(err)
	}
	if _, _, _, err := tab.Post(start, half("c", home, 1), "p"); err != ErrSameConn {
		t.Error(err)
	}
	tab.Post(start, half("d", home, 7), "p")
	if _, _, _, err := tab.Post(start, half("d", home, 8), "p2"); err != ErrDuplicatePost {
		t.Error(err)
	}
	if _, _, _, err := tab.Get(start, half("d", home, 7), "g"); err != ErrSameConn {
		t.Error(err)
	}
}

// The same cookie of another address or user is another tunnel.
func TestStrangersDoNotMeet(t *testing.T) {
	tab := New[string, string](limits())
	e, _, _, _ := tab.Get(start, half("c", home, 1), "g")
	stranger := half("c", home, 3)
	stranger.User = "eve"
	for i, h := range []Half{half("c", away, 2), stranger} {
		if e2, _, v, err := tab.Post(start, h, fmt.Sprint("eve", i)); e2 == e || v != Waits || err != nil {
			t.Error(v, err)
		}
	}
	if _, g, v, err := tab.Post(start, half("c", home, 4), "p"); g != "g" || v != Attached || err != nil {
		t.Error(g, v, err)
	}
}

func TestNetworksOfNAT(t *testing.T) {
	tab := New[string, string](limits())
	net := netip.MustParsePrefix("192.0.2.0/24")
	tab.Get(start, Half{Cookie: "c", From: net, IP: home, Conn: 1}, "g")
	if _, g, _, err := tab.Post(start, Half{Cookie: "c", From: net, IP: away, Conn: 2}, "p"); g != "g" || err != nil {
		t.Error(g, err)
	}
}

func TestDeadline(t *testing.T) {
	tab := New[string, string](limits())
	e, _, _, _ := tab.Get(start, half("c", home, 1), "g")
	late := start.Add(10 * time.Second)
	if _, _, _, err := tab.Post(late, half("c", home, 2), "p"); err != ErrSpent {
		t.Error("at the deadline, before its timer:", err)
	}
	if !tab.Expire(e) || tab.Expire(e) {
		t.Error("Expire")
	}
	if _, _, _, err := tab.Post(late, half("c", home, 2), "p"); err != ErrSpent {
		t.Error("after it:", err)
	}
	if _, _, _, err := tab.Get(late, half("c", home, 2), "p"); err != ErrSpent {
		t.Error("after it:", err)
	}
}

func TestCookiesAreSingleUse(t *testing.T) {
	tab := New[string, string](limits())
	for _, c := range []string{"a", "b", "c"} {
		e, _, _, err := tab.Get(start, half(c, home, 1), "g")
		if err != nil {
			t.Fatal(err)
		}
		tab.End(e, false)
	}
	for c, want := range map[string]error{"b": ErrSpent, "c": ErrSpent, "a": nil} { // two are remembered
		if _, _, _, err := tab.Get(start, half(c, home, 1), "g"); err != want {
			t.Errorf("%s: %v; want %v", c, err, want)
		}
	}
	e, _, _, _ := tab.Get(start, half("x", home, 1), "g")
	tab.End(e, true) // refused: 502
	if _, _, _, err := tab.Get(start, half("x", home, 1), "g"); err != nil {
		t.Error("once more:", err)
	}
}

func TestLimits(t *testing.T) {
	tab := New[string, string](limits())
	var all []*Tunnel[string, string]
	for _, c := range []string{"a", "b", "c"} {
		e, _, _, err := tab.Post(start, half(c, home, 1), "p")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	if _, _, _, err := tab.Post(start, half("d", home, 1), "p"); err != ErrPendingIP {
		t.Error(err)
	}
	if _, _, _, err := tab.Post(start, half("d", away, 1), "p"); err != nil {
		t.Error(err)
	}
	if _, _, _, err := tab.Get(start, half("e", away, 1), "p"); err != ErrPending {
		t.Error(err)
	}
	for i, c := range []string{"a", "b", "c"} {
		if _, _, paired, err := tab.Get(start, half(c, home, uint64(i+5)), "g"); !paired || err != nil {
			t.Error(paired, err)
		}
	}
	if _, _, _, err := tab.Get(start, half("d", away, 9), "g"); err != ErrSessions {
		t.Error(err)
	}
	tab.End(all[0], false)
	if _, _, _, err := tab.Get(start, half("d", away, 9), "g"); err != nil {
		t.Error(err)
	}
}

func TestPostThatLeavesBeforeItsGet(t *testing.T) {
	tab := New[string, string](limits())
	e, _, _, _ := tab.Post(start, half("c", home, 1), "p")
	if _, _, promoted, gone := tab.PostGone(e, "p"); promoted || !gone {
		t.Error(promoted, gone)
	}
	if pending, _ := tab.Counts(); pending != 0 || tab.Expire(e) || tab.End(e, false) != nil {
		t.Error("it is still there")
	}
}

func TestBadCookies(t *testing.T) {
	tab := New[string, string](limits())
	for _, c := range []string{"", "a b", "a\x00", "a\x7f", "\xff", string(make([]byte, MaxCookie+1))} {
		if _, _, _, err := tab.Get(start, half(c, home, 1), "g"); err != ErrCookie {
			t.Errorf("%q: %v", c, err)
		}
		if _, _, _, err := tab.Post(start, half(c, home, 1), "g"); err != ErrCookie {
			t.Errorf("%q: %v", c, err)
		}
	}
}

// FuzzPairing plays any sequence of halves and ends, and holds the table to what it promises: a GET meets POSTs of its own cookie,
// address and user only, one at a time, and its counts are right at the end.
func FuzzPairing(f *testing.F) {
	type owner struct{ cookie, user, addr byte }
	f.Fuzz(func(t *testing.T, in []byte) {
		tab := New[*owner, *owner](Limits{Pending: 5, PendingPerIP: 3, Sessions: 4, Deadline: 10 * time.Second, Spent: 3})
		now := start
		var open []*Tunnel[*owner, *owner]
		posts := map[*Tunnel[*owner, *owner]]*owner{}
		for len(in) >= 2 {
			op, who := in[0]%7, in[1]
			in = in[2:]
			o := &owner{'a' + who&3, 'u' + who>>2&1, 1 + who>>3&1}
			a := netip.AddrFrom4([4]byte{10, 0, 0, o.addr})
			h := Half{Cookie: string(rune(o.cookie)), User: string(rune(o.user)), From: from(a), IP: a, Conn: uint64(who >> 4)}
			var e *Tunnel[*owner, *owner]
			if len(open) > 0 {
				e = open[int(who)%len(open)]
			}
			switch {
			case op == 0:
				if e, p, paired, err := tab.Get(now, h, o); err == nil {
					open = append(open, e)
					if paired && *p != *o {
						t.Fatalf("GET of %v met POST of %v", o, p)
					}
				}
			case op == 1:
				if e, g, v, err := tab.Post(now, h, o); err == nil {
					open = append(open, e)
					if v != Waits && *g != *o {
						t.Fatalf("POST of %v met GET of %v", o, g)
					}
					if v == Attached && posts[e] != nil {
						t.Fatal("two POSTs at a time")
					}
					if v != Queued {
						posts[e] = o
					}
				}
			case op == 2:
				now = now.Add(time.Duration(who) * 100 * time.Millisecond)
			case e == nil:
			case op == 3:
				tab.Expire(e)
			case op == 4:
				tab.End(e, who&1 == 0)
			case op == 5:
				if p := posts[e]; p != nil {
					_, next, promoted, gone := tab.PostGone(e, p)
					if gone {
						posts[e] = nil
					}
					if promoted {
						posts[e] = next
					}
				}
			case op == 6:
				tab.Withdraw(e, o)
			}
			if pending, sessions := tab.Counts(); pending < 0 || pending > 5 || sessions < 0 || sessions > 4 {
				t.Fatal("counts", pending, sessions)
			}
		}
		for _, e := range open {
			tab.End(e, false)
		}
		if pending, sessions := tab.Counts(); pending != 0 || sessions != 0 || len(tab.all) != 0 || len(tab.perIP) != 0 || len(tab.spent) > 3 {
			t.Fatal("left over:", pending, sessions, len(tab.all), tab.perIP, len(tab.spent))
		}
	})
}
