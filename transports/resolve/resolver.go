package resolve

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
)

// The defaults of a Resolver.
const (
	defaultMaxEntries        = 4096
	defaultMaxPending        = 256
	defaultMaxAddrs          = 64
	defaultTimeout           = 2 * time.Second
	defaultAttempts          = 2
	defaultMaxTTL            = time.Hour
	defaultMaxNegativeTTL    = 5 * time.Minute
	defaultSystemTTL         = 30 * time.Second
	defaultSystemNegativeTTL = 5 * time.Second
	defaultFailureTTL        = time.Second
	defaultStaleDelay        = 1800 * time.Millisecond
	// systemTimeout bounds a question to the system's resolver, which has time-outs of its own.
	systemTimeout = 30 * time.Second
)

// Resolver finds the addresses of host names and remembers them. The zero value is good: it asks the system. It is a
// tcp.Resolver. Its fields must not be changed once it is used; its methods are safe from any goroutine. On a loop's they
// answer from what is known, and return reactor.ErrOnLoop for what would have to be waited for.
//
// A name costs some 200 bytes and 24 for each address; a lookup on its way a goroutine, and with Servers a UDP socket.
type Resolver struct {
	// Servers are the DNS servers to ask, IP addresses with or without a port ("192.0.2.53", "[2001:db8::53]:5353"); empty: the
	// system's resolver is asked. They have to resolve for others (recursion). SystemServers has those of resolv.conf.
	Servers []string
	// Reactor carries what goes over TCP; nil: package net does.
	Reactor *reactor.Reactor
	// System is asked where Servers is empty; nil: net.DefaultResolver.
	System tcp.Resolver
	// Static are names with fixed addresses, which nobody is asked for; an empty list says that there is none.
	Static map[string][]netip.Addr
	// HostsFile is a file of the form of /etc/hosts, read again when it has changed, looked at every 5 s at the most; empty:
	// none. It comes after Static. The system's resolver knows its own without this.
	HostsFile string

	// MaxEntries bounds the cache, each family of a name counted; the one used longest ago goes first. 0: 4,096; negative:
	// nothing is remembered.
	MaxEntries int
	// MaxPending bounds the lookups on their way, each family of a name counted: ErrOverload beyond. 0: 256; negative:
	// unlimited.
	MaxPending int
	// MaxAddrs bounds the addresses of one family that are taken of an answer; 0 or negative: 64.
	MaxAddrs int
	// Timeout bounds one question to one server, TCP after UDP with it; 0 or negative: 2 s.
	Timeout time.Duration
	// Attempts is how often the servers are gone through; 0 or negative: 2.
	Attempts int

	// MinTTL and MaxTTL bound for how long an answer is kept, whatever it says itself. MinTTL 0: none. MaxTTL 0: an hour;
	// negative: as the answer says.
	MinTTL, MaxTTL time.Duration
	// MaxNegativeTTL bounds for how long it is kept that a name or an address does not exist, which DNS says itself (RFC 2308: the
	// SOA's minimum; without an SOA it is not kept). 0: 5 min; negative: it is not kept.
	MaxNegativeTTL time.Duration
	// SystemTTL is for how long the system's answers are kept, SystemNegativeTTL for how long that there is none; 0: 30 s and
	// 5 s; negative: not at all.
	SystemTTL, SystemNegativeTTL time.Duration
	// FailureTTL is for how long it is remembered that no server gave a usable answer, so that a broken one is not asked for
	// every connection (RFC 9520). 0: 1 s; negative: not at all.
	FailureTTL time.Duration
	// MaxStale is for how long beyond its time an answer may be given when there is no newer one (RFC 8767): because no
	// server gave one, or none within StaleDelay. 0 or negative: never.
	MaxStale time.Duration
	// StaleDelay is how long a caller waits before it gets a stale answer; 0: 1.8 s; negative: it does not wait.
	StaleDelay time.Duration

	once     sync.Once
	err      error // of the configuration
	servers  []netip.AddrPort
	static   map[string][]netip.Addr
	hosts    hosts
	cache    *lru.Cache[question, *entry]
	sources  *lru.Cache[netip.Addr, source]
	flights  singleflight.Group
	prefer   atomic.Int32 // the server that answered last
	counters counters

	// exchange asks one server. Tests of time put their own here.
	exchange func(ctx context.Context, server netip.AddrPort, q question) (*reply, error)
}

var _ tcp.Resolver = (*Resolver)(nil)

// Source says where an answer is from.
type Source uint8

// The sources of answers.
const (
	// Literal: the host is an IP address itself.
	Literal Source = iota
	// Fixed: it is one of Static, of the hosts file, or a name such as localhost.
	Fixed
	// DNS: a server was asked.
	DNS
	// System: the system's resolver was asked.
	System
)

// String is the source in a word.
func (s Source) String() string {
	if int(s) < len(sourceNames) {
		return sourceNames[s]
	}
	return "unknown"
}

var sourceNames = [...]string{"literal", "fixed", "dns", "system"}

// Answer is what Lookup knows of a name.
type Answer struct {
	// Addrs are the addresses, in the order in which they should be tried.
	Addrs []netip.Addr
	// Name is the name at the end of its aliases, without the last dot.
	Name string
	// TTL is for how long the answer will be kept; of two families the shorter one. 0 for literals and fixed names.
	TTL time.Duration
	// Source is where it is from.
	Source Source
	// Cached says that nobody had to be asked now; Stale that the answer's time was over, and there is no newer one.
	Cached, Stale bool
}

// LookupNetIP gives the addresses of host. network is "ip", "ip4" or "ip6". For "ip" both families are asked for at once, it
// is enough that one has addresses, and they are in the order of RFC 6724. Those of one family take turns in being the first.
//
// Errors are *net.DNSError around one of this package's; when ctx ends it is ctx's error that is wrapped. What was asked goes on then, and is
// remembered. A name that is in the cache costs about a microsecond, and some more once in five seconds to find its addresses' order.
func (r *Resolver) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	a, err := r.Lookup(ctx, network, host)
	return a.Addrs, err
}

// Lookup is LookupNetIP with all that is known.
func (r *Resolver) Lookup(ctx context.Context, network, host string) (Answer, error) {
	if network != "ip" && network != "ip4" && network != "ip6" {
		return Answer{}, net.UnknownNetworkError(network)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return r.fixed(network, host, Literal, []netip.Addr{ip})
	}
	if r.init(); r.err != nil {
		return Answer{}, r.err
	}
	name, ok := canonical(host)
	if !ok {
		return Answer{}, failure(host, "", ErrName)
	}
	if all, ok, err := r.known(name); err != nil {
		return Answer{}, err
	} else if ok {
		return r.fixed(network, name, Fixed, all)
	}
	if len(r.servers) == 0 && host[len(host)-1] == '.' {
		name += "." // keeps the system from trying its search list
	}
	return r.lookup(ctx, network, name)
}

// known is what is fixed: by the user first, then by the file, then by standards.
func (r *Resolver) known(name string) ([]netip.Addr, bool, error) {
	if all, ok := r.static[name]; ok {
		return all, true, nil
	}
	all, ok, err := r.hosts.find(r.HostsFile, name)
	if ok || err != nil {
		return all, ok, err
	}
	all, ok = special(name)
	return all, ok, nil
}

func (r *Resolver) fixed(network, name string, from Source, all []netip.Addr) (Answer, error) {
	addrs := family(network, all)
	switch {
	case len(all) == 0:
		return Answer{}, failure(name, "", ErrNotFound)
	case len(addrs) == 0:
		return Answer{}, failure(name, "", ErrNoAddress)
	}
	return Answer{Addrs: addrs, Name: name, Source: from, Cached: true}, nil
}

// lookup goes through the cache. Both families are asked for before either is waited for.
func (r *Resolver) lookup(ctx context.Context, network, name string) (Answer, error) {
	var all []*pending
	for _, six := range []bool{true, false} {
		if network == "ip" || (network == "ip6") == six {
			p, err := r.begin(question{name, six})
			if err != nil {
				return Answer{}, err
			}
			all = append(all, p)
		}
	}
	var out Answer
	var failed error
	for _, p := range all {
		e, err := p.wait(ctx)
		if err == nil {
			err = e.error()
		}
		if err != nil {
			failed = worse(failed, err)
			continue
		}
		out.add(e, p)
	}
	if len(out.Addrs) == 0 {
		return Answer{}, failed
	}
	if network == "ip" && len(out.Addrs) > 1 {
		out.Addrs = order(out.Addrs, r.sourceOf)
	}
	return out, nil
}

// add joins what is known of another family.
func (a *Answer) add(e *entry, p *pending) {
	ttl := max(time.Until(e.expires), 0)
	if len(a.Addrs) == 0 {
		*a = Answer{Name: e.name, TTL: ttl, Source: e.source, Cached: true}
	}
	a.Addrs = append(a.Addrs, e.rotated()...)
	a.TTL = min(a.TTL, ttl)
	a.Cached = a.Cached && p.cached
	a.Stale = a.Stale || e.old || p.late
}

// worse is the error that says more of two: a failure rather than that something is not there.
func worse(a, b error) error {
	if a == nil {
		return b
	}
	var x, y *net.DNSError
	if asDNS(a, &x) && asDNS(b, &y) && x.IsNotFound && !y.IsNotFound {
		return b
	}
	return a
}

// Forget removes a name from the cache, in both families. Any goroutine.
func (r *Resolver) Forget(host string) {
	r.init()
	if name, ok := canonical(host); ok && r.cache != nil {
		for _, six := range []bool{true, false} {
			r.cache.Remove(question{name, six})
			r.cache.Remove(question{name + ".", six})
		}
	}
}

// Flush empties the cache. Any goroutine.
func (r *Resolver) Flush() {
	r.init()
	r.cache.Purge()
}

func (r *Resolver) init() { r.once.Do(r.configure) }

// configure reads the fields, once.
func (r *Resolver) configure() {
	if r.exchange == nil {
		r.exchange = r.exchangeDNS
	}
	r.cache, _ = lru.New[question, *entry](max(orDefault(r.MaxEntries, defaultMaxEntries), 1)) // the error is of sizes below 1
	r.sources, _ = lru.New[netip.Addr, source](maxSources)
	for _, s := range r.Servers {
		ap, err := parseServer(s)
		if err != nil {
			r.err = err
			return
		}
		r.servers = append(r.servers, ap)
	}
	r.static = map[string][]netip.Addr{}
	for host, all := range r.Static {
		name, ok := canonical(host)
		if !ok {
			r.err = failure(host, "", ErrName)
			return
		}
		r.static[name] = slices.Clone(all)
	}
}

// parseServer reads "address" or "address:port".
func parseServer(s string) (netip.AddrPort, error) {
	if ip, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(ip, 53), nil
	}
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return ap, fmt.Errorf("resolve: server %q is not an IP address with or without a port", s)
	}
	return ap, nil
}

// orDefault is v, or def if it is 0.
func orDefault[T cmp.Ordered](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// positive is v, or def if it is 0 or negative.
func positive[T int | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}
