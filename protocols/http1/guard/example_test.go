package guard_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/guard"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/netaddr"
	"github.com/calandria-go/calandria/transports/tcp"
)

// A server behind a proxy on the same machine: bans and limits are about the client that the proxy names.
func Example() {
	proxies := netaddr.MustSet("127.0.0.0/8", "::1")
	bans := guard.NewBans(guard.BanConfig{Proxies: proxies, Lists: []guard.Networks{netaddr.MustSet("192.0.2.0/24")}})
	limit, err := guard.NewLimiter(guard.RateConfig{Rate: 0.1, Burst: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	page := http1.HandlerFunc(func(x *http1.Exchange) {
		x.Respond(200, "text/plain", []byte("Hello "+x.ClientAddr().String()))
	})
	srv := &http1.Server{
		Handler:   http1.Chain(page, guard.ClientIP{Trusted: proxies}.Middleware(), bans.Middleware(), limit.Middleware()),
		OnDone:    bans.OnDone,
		DrainIdle: -1,
	}
	ln, err := tcp.Config{Limits: reactor.ListenLimits{Admit: bans.Admit}}.Listen(context.Background(), "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	r := reactor.New(reactor.Config{})
	r.Listen(ln, srv)
	defer r.Shutdown(context.Background())
	defer http.DefaultClient.CloseIdleConnections()

	for _, client := range []string{"198.51.100.7", "192.0.2.1", "198.51.100.7", "198.51.100.7"} {
		req, _ := http.NewRequest("GET", "http://"+ln.Addr().String(), nil)
		req.Header.Set("X-Forwarded-For", client)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		fmt.Printf("%d %q policy %q\n", res.StatusCode, body, res.Header.Get("RateLimit-Policy"))
	}
	// Output:
	// 200 "Hello 198.51.100.7" policy ""
	// 403 "Forbidden\n" policy ""
	// 200 "Hello 198.51.100.7" policy ""
	// 429 "Too Many Requests\n" policy "\"default\";q=2;w=20"
}

func ExampleBans_Ban() {
	bans := guard.NewBans(guard.BanConfig{})
	bans.Ban(netip.MustParsePrefix("2001:db8::/32"), time.Hour)
	a := netip.MustParseAddr("2001:db8::1")
	fmt.Println(bans.Check(a))
	fmt.Println(bans.Unban(netip.MustParsePrefix("2001:db8::/32")), bans.Check(a))
	// Output:
	// hand
	// 1 none
}

// Failures that other parts of a program notice count, too.
func ExampleBans_Fail() {
	bans := guard.NewBans(guard.BanConfig{MaxFails: 3, OnBan: func(b guard.Ban) { fmt.Println("banned:", b.Network, b.Cause) }})
	for range 3 {
		bans.Fail(netip.MustParseAddr("2001:db8:1:2::3"), 1)
	}
	fmt.Println(bans.Admit(netip.MustParseAddrPort("[2001:db8:1:2::ffff]:4000")))
	// Output:
	// banned: 2001:db8:1:2::/64 failures
	// false
}
