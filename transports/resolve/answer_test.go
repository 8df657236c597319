package resolve

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// What an answer says of a.test, and what in it says nothing.
func TestReadReply(t *testing.T) {
	const soa = "test. 100 IN SOA ns.test. root.test. 1 1 1 1 30"
	for _, c := range []struct {
		name   string
		six    bool
		rcode  int
		answer []string
		ns     []string
		want   string // addresses, name, TTL
		err    error  // of the reply, or of reading
	}{
		{"one", false, 0, []string{"a.test. 60 IN A 192.0.2.1"}, nil, "[192.0.2.1] a.test 1m0s", nil},
		{"in another case", false, 0, []string{"A.TEST. 60 IN A 192.0.2.1"}, nil, "[192.0.2.1] a.test 1m0s", nil},
		{"twice the same", false, 0, []string{"a.test. 60 IN A 192.0.2.1", "a.test. 60 IN A 192.0.2.1"}, nil, "[192.0.2.1] a.test 1m0s", nil},
		{"the shortest time", false, 0, []string{"a.test. 60 IN A 192.0.2.1", "a.test. 6 IN A 192.0.2.2"}, nil, "[192.0.2.1 192.0.2.2] a.test 6s", nil},
		{"more than four", false, 0, []string{"a.test. 9 IN A 192.0.2.1", "a.test. 9 IN A 192.0.2.2", "a.test. 9 IN A 192.0.2.3", "a.test. 9 IN A 192.0.2.4", "a.test. 5 IN A 192.0.2.5"}, nil, "[192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4] a.test 5s", nil},
		{"IPv6", true, 0, []string{"a.test. 60 IN AAAA 2001:db8::1", "a.test. 60 IN A 192.0.2.1"}, nil, "[2001:db8::1] a.test 1m0s", nil},
		{"IPv4 asked, IPv6 told", false, 0, []string{"a.test. 60 IN AAAA 2001:db8::1"}, []string{soa}, "[] a.test 30s", ErrNoAddress},
		{"IPv4 in IPv6", true, 0, []string{"a.test. 60 IN AAAA ::ffff:192.0.2.1"}, []string{soa}, "[] a.test 30s", ErrNoAddress},
		{"another's address", false, 0, []string{"b.test. 60 IN A 192.0.2.66", "a.test. 60 IN A 192.0.2.1"}, nil, "[192.0.2.1] a.test 1m0s", nil},
		{"only another's", false, 0, []string{"b.test. 60 IN A 192.0.2.66"}, []string{soa}, "[] a.test 30s", ErrNoAddress},
		{"another class", false, 0, []string{"a.test. 60 CH A 192.0.2.66"}, []string{soa}, "[] a.test 30s", ErrNoAddress},
		{"alias", false, 0, []string{"a.test. 60 IN CNAME b.test.", "b.test. 70 IN A 192.0.2.1"}, nil, "[192.0.2.1] b.test 1m0s", nil},
		{"aliases in another order", false, 0, []string{"c.test. 70 IN A 192.0.2.1", "b.test. 50 IN CNAME C.test.", "a.test. 60 IN CNAME b.test."}, nil, "[192.0.2.1] c.test 50s", nil},
		{"beside an alias", false, 0, []string{"a.test. 60 IN CNAME b.test.", "a.test. 60 IN A 192.0.2.66", "b.test. 60 IN A 192.0.2.1"}, nil, "[192.0.2.1] b.test 1m0s", nil},
		{"an alias of another", false, 0, []string{"x.test. 60 IN CNAME b.test.", "b.test. 60 IN A 192.0.2.66"}, []string{soa}, "[] a.test 30s", ErrNoAddress},
		{"an alias to itself", false, 0, []string{"a.test. 60 IN CNAME a.test."}, nil, "", errChain},
		{"a loop", false, 0, []string{"a.test. 60 IN CNAME b.test.", "b.test. 60 IN CNAME a.test."}, nil, "", errChain},
		{"an alias to no name", false, 0, []string{"a.test. 60 IN CNAME b\\032c.test."}, nil, "", errChain},
		{"time with the first bit", false, 0, []string{"a.test. 2147483648 IN A 192.0.2.1"}, nil, "[192.0.2.1] a.test 0s", nil},
		{"the longest time", false, 0, []string{"a.test. 2147483647 IN A 192.0.2.1"}, nil, fmt.Sprint("[192.0.2.1] a.test ", math.MaxInt32*time.Second), nil},
		{"not there", false, dns.RcodeNameError, nil, []string{soa}, "[] a.test 30s", ErrNotFound},
		{"not there, the SOA's own time", false, dns.RcodeNameError, nil, []string{"test. 10 IN SOA ns.test. root.test. 1 1 1 1 30"}, "[] a.test 10s", ErrNotFound},
		{"not there, the root's SOA", false, dns.RcodeNameError, nil, []string{". 10 IN SOA ns. root. 1 1 1 1 30"}, "[] a.test 10s", ErrNotFound},
		{"not there, another zone's SOA", false, dns.RcodeNameError, nil, []string{"other. 10 IN SOA ns.test. root.test. 1 1 1 1 30"}, "[] a.test 0s", ErrNotFound},
		{"not there, a SOA that ends alike", false, dns.RcodeNameError, nil, []string{"st. 10 IN SOA ns.test. root.test. 1 1 1 1 30"}, "[] a.test 0s", ErrNotFound},
		{"not there, no SOA", false, dns.RcodeNameError, nil, nil, "[] a.test 0s", ErrNotFound},
		{"an alias to what is not there", false, dns.RcodeNameError, []string{"a.test. 20 IN CNAME b.test."}, []string{soa}, "[] b.test 20s", ErrNotFound},
		{"nothing, no SOA", false, 0, nil, nil, "[] a.test 0s", ErrNoAddress},
		{"referral", false, 0, nil, []string{"test. 60 IN NS ns.test."}, "", errReferral},
		{"SERVFAIL", false, dns.RcodeServerFailure, nil, nil, "", errServerFailed},
		{"REFUSED", false, dns.RcodeRefused, nil, nil, "", errRefused},
		{"NOTAUTH", false, dns.RcodeNotAuth, nil, nil, "", errRefused},
		{"NOTIMP", false, dns.RcodeNotImplemented, nil, nil, "", errFormat},
		{"NOTZONE", false, dns.RcodeNotZone, nil, nil, "", errRcode},
		{"SERVFAIL with an address", false, dns.RcodeServerFailure, []string{"a.test. 60 IN A 192.0.2.1"}, nil, "", errServerFailed},
	} {
		m := &dns.Msg{MsgHdr: dns.MsgHdr{Rcode: c.rcode, RecursionAvailable: true}}
		for _, text := range c.answer {
			m.Answer = append(m.Answer, rr(t, text))
		}
		for _, text := range c.ns {
			m.Ns = append(m.Ns, rr(t, text))
		}
		a, err := readReply(m, question{"a.test", c.six}, 4)
		if c.want == "" {
			if !errors.Is(err, c.err) {
				t.Errorf("%s: %v; want %v", c.name, err, c.err)
			}
			continue
		}
		if err != nil || a.err != c.err || a.more {
			t.Errorf("%s: %v, %+v; want %v", c.name, err, a, c.err)
			continue
		}
		if got := fmt.Sprintf("%v %s %v", a.addrs, a.name, a.ttl); got != c.want {
			t.Errorf("%s: %s; want %s", c.name, got, c.want)
		}
	}
}

// FuzzReply reads any packet as the answer to a question.
func FuzzReply(f *testing.F) {
	for _, answer := range [][]string{
		{"a.test. 60 IN A 192.0.2.1"},
		{"a.test. 60 IN CNAME b.test.", "b.test. 70 IN A 192.0.2.1", "b.test. 70 IN AAAA 2001:db8::1"},
		{"a.test. 60 IN CNAME a.test."},
	} {
		m := new(dns.Msg)
		m.SetQuestion("a.test.", dns.TypeA)
		m.Response = true
		for _, text := range answer {
			m.Answer = append(m.Answer, rr(f, text))
		}
		m.Ns = []dns.RR{rr(f, "test. 100 IN SOA ns.test. root.test. 1 1 1 1 30")}
		text, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, text []byte, six bool) {
		m := new(dns.Msg)
		if m.Unpack(text) != nil {
			return
		}
		q := question{"a.test", six}
		answers(m, m.Id, q)
		a, err := readReply(m, q, 3)
		if err != nil {
			return
		}
		if len(a.addrs) > 3 || (len(a.addrs) == 0) != (a.err != nil) || a.ttl < 0 || a.hops > maxChain {
			t.Fatalf("%+v", a)
		}
		if name, ok := canonical(a.name); !ok || name != a.name {
			t.Fatalf("the name is %q", a.name)
		}
		for _, ip := range a.addrs {
			if ip.Is4() == six || ip.Is4In6() {
				t.Fatalf("%v is not of the family", ip)
			}
		}
	})
}
