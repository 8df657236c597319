package resolve

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// maxChain is how many aliases (CNAME) one name may have in a row.
const maxChain = 16

// question is one family of a name: what is asked, and what the cache is kept by. The name is in lower case; for DNS it has not
// the root's dot.
type question struct {
	name string
	six  bool
}

// String is for singleflight, which wants text.
func (q question) String() string {
	if q.six {
		return "6" + q.name
	}
	return "4" + q.name
}

func (q question) qtype() uint16 {
	if q.six {
		return dns.TypeAAAA
	}
	return dns.TypeA
}

// reply is what an answer says of a name.
type reply struct {
	addrs []netip.Addr
	name  string // at the end of the aliases that the answer has
	ttl   time.Duration
	err   error // ErrNotFound, ErrNoAddress
	more  bool  // the answer ends in an alias, and says nothing of where that leads
	hops  int
}

// readReply takes from m what it says of q.name, and nothing else: records count only if their owner is that name, or one that
// an alias which counts leads to. An error is a server's that could not be used. m is known to be the answer to q.
func readReply(m *dns.Msg, q question, maxAddrs int) (*reply, error) {
	switch m.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
	case dns.RcodeServerFailure:
		return nil, errServerFailed
	case dns.RcodeRefused, dns.RcodeNotAuth:
		return nil, errRefused
	case dns.RcodeFormatError, dns.RcodeNotImplemented, dns.RcodeBadVers:
		return nil, errFormat
	default:
		return nil, errRcode
	}
	a := &reply{name: q.name}
	ttl, err := a.follow(m.Answer)
	if err != nil {
		return nil, err
	}
	for _, rr := range m.Answer {
		ip, ok := address(rr, q)
		if !ok || owner(rr) != a.name || slices.Contains(a.addrs, ip) {
			continue
		}
		ttl = min(ttl, seconds(rr.Header().Ttl))
		if len(a.addrs) < maxAddrs {
			a.addrs = append(a.addrs, ip)
		}
	}
	if len(a.addrs) > 0 {
		a.ttl = ttl
		return a, nil
	}
	return a, a.negative(m, ttl)
}

// follow goes along the aliases, in whatever order they are, and gives the least time that they are good for.
func (a *reply) follow(answer []dns.RR) (time.Duration, error) {
	ttl := time.Duration(1<<63 - 1)
	for {
		i := slices.IndexFunc(answer, func(rr dns.RR) bool {
			_, ok := rr.(*dns.CNAME)
			return ok && rr.Header().Class == dns.ClassINET && owner(rr) == a.name
		})
		if i < 0 {
			return ttl, nil
		}
		if a.hops++; a.hops > maxChain {
			return 0, errChain
		}
		next, ok := canonical(answer[i].(*dns.CNAME).Target)
		if !ok {
			return 0, errChain
		}
		a.name = next
		ttl = min(ttl, seconds(answer[i].Header().Ttl))
	}
}

// negative reads an answer without addresses (RFC 2308). It is kept as long as the SOA of the name's own zone says; without
// one not at all. A server that only names others does not resolve, and has said nothing.
func (a *reply) negative(m *dns.Msg, ttl time.Duration) error {
	a.err = ErrNoAddress
	if m.Rcode == dns.RcodeNameError {
		a.err = ErrNotFound
	}
	referral := false
	for _, rr := range m.Ns {
		switch rr := rr.(type) {
		case *dns.SOA:
			if zone := owner(rr); rr.Hdr.Class == dns.ClassINET && within(a.name, zone) {
				a.ttl = min(ttl, seconds(rr.Hdr.Ttl), seconds(rr.Minttl))
				return nil
			}
		case *dns.NS:
			referral = true
		}
	}
	if m.Rcode == dns.RcodeSuccess && a.hops > 0 {
		a.more, a.ttl = true, ttl
		return nil
	}
	if m.Rcode == dns.RcodeSuccess && (referral || !m.RecursionAvailable && !m.Authoritative) {
		return errReferral
	}
	return nil
}

// address is the address that rr holds, if it is one of the family asked for. An IPv4-mapped address in AAAA is none.
func address(rr dns.RR, q question) (netip.Addr, bool) {
	if rr.Header().Class != dns.ClassINET {
		return netip.Addr{}, false
	}
	switch rr := rr.(type) {
	case *dns.A:
		ip, ok := netip.AddrFromSlice(rr.A)
		return ip.Unmap(), ok && !q.six
	case *dns.AAAA:
		ip, ok := netip.AddrFromSlice(rr.AAAA)
		return ip, ok && q.six && ip.Is6() && !ip.Is4In6()
	}
	return netip.Addr{}, false
}

func owner(rr dns.RR) string { return strings.ToLower(strings.TrimSuffix(rr.Header().Name, ".")) }

// within says whether name is zone or below it.
func within(name, zone string) bool {
	return zone == "" || name == zone || strings.HasSuffix(name, "."+zone)
}

// seconds is a TTL; one with its first bit set is 0 (RFC 2181, section 8).
func seconds(ttl uint32) time.Duration {
	if ttl >= 1<<31 {
		return 0
	}
	return time.Duration(ttl) * time.Second
}

// answers says whether m is the answer to q that was asked under id: one question, the same, in whatever case.
func answers(m *dns.Msg, id uint16, q question) bool {
	if m.Id != id || !m.Response || m.Opcode != dns.OpcodeQuery || len(m.Question) != 1 {
		return false
	}
	got := m.Question[0]
	return got.Qtype == q.qtype() && got.Qclass == dns.ClassINET && strings.EqualFold(strings.TrimSuffix(got.Name, "."), q.name)
}
