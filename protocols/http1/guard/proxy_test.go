package guard_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/guard"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/netaddr"
	"github.com/calandria-go/calandria/transports/proxy"
)

// Behind a load balancer with PROXY headers a client is banned by its own address, what the server refuses included, and
// its next connection ends with the header.
func TestBanBehindProxyProtocol(t *testing.T) {
	t.Parallel()
	balancers := netaddr.MustSet("192.0.2.0/24")
	bans := guard.NewBans(guard.BanConfig{MaxFails: 3, Proxies: balancers})
	p := &proxy.Protocol{
		Next: &http1.Server{Handler: bans.Middleware()(ok), OnDone: bans.OnDone}, Trusted: balancers, Admit: bans.Admit,
	}
	connect := func(client, request string) reactortest.Fed {
		return reactortest.Feed(t, reactor.Config{}, p, [][]byte{[]byte("PROXY TCP4 " + client + " 192.0.2.1 1 80\r\n" + request)})
	}
	for range 3 {
		if got := connect("203.0.113.66", "junk\r\n\r\n"); !strings.HasPrefix(string(got.Out), "HTTP/1.1 400 ") {
			t.Fatalf("%q, %v", got.Out, got.Err)
		}
	}
	if got := connect("203.0.113.66", get()); len(got.Out) != 0 || !errors.Is(got.Err, proxy.ErrRefused) {
		t.Errorf("the banned client: %q, %v", got.Out, got.Err)
	}
	if got := connect("203.0.113.67", get()); !strings.HasSuffix(string(got.Out), "203.0.113.67") {
		t.Errorf("another one: %q, %v", got.Out, got.Err)
	}
}
