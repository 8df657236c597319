package resolve

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/miekg/dns"
)

var testZone = []string{
	"a.test. 60 IN A 192.0.2.1", "a.test. 50 IN A 192.0.2.2", "a.test. 60 IN AAAA 2001:db8::1",
	"four.test. 60 IN A 192.0.2.4",
	"www.test. 40 IN CNAME web.test.", "web.test. 30 IN CNAME a.test.",
	"dangling.test. 60 IN CNAME nowhere.test.",
}

// A server over real sockets: both families, aliases, what is not there.
func TestDNS(t *testing.T) {
	t.Parallel()
	s := serve(t, zone(t, testZone...))
	r := &Resolver{Servers: []string{s.addr}, Timeout: patience}
	for _, c := range []struct {
		network, host string
		want          []string
		name          string
		ttl           time.Duration // at most
		err           error
	}{
		{"ip4", "a.test", []string{"192.0.2.1", "192.0.2.2"}, "a.test", 50 * time.Second, nil},
		{"ip6", "a.test", []string{"2001:db8::1"}, "a.test", time.Minute, nil},
		{"ip", "A.TEST.", []string{"192.0.2.1", "192.0.2.2", "2001:db8::1"}, "a.test", 50 * time.Second, nil},
		{"ip", "four.test", []string{"192.0.2.4"}, "four.test", time.Minute, nil},
		{"ip6", "four.test", nil, "", 0, ErrNoAddress},
		{"ip4", "www.test", []string{"192.0.2.1", "192.0.2.2"}, "a.test", 30 * time.Second, nil},
		{"ip", "none.test", nil, "", 0, ErrNotFound},
		{"ip4", "dangling.test", nil, "", 0, ErrNotFound},
	} {
		a, err := r.Lookup(t.Context(), c.network, c.host)
		if !errors.Is(err, c.err) {
			t.Errorf("%s %s: %v", c.network, c.host, err)
			continue
		}
		got := append(a.Addrs[:0:0], a.Addrs...)
		slices.SortFunc(got, func(a, b netip.Addr) int { return a.Compare(b) })
		if fmt.Sprint(got) != fmt.Sprint(ips(c.want...)) || a.Name != c.name {
			t.Errorf("%s %s: %v, %s", c.network, c.host, got, a.Name)
		}
		if c.err == nil && (a.TTL > c.ttl || a.TTL < c.ttl-patience || a.Source != DNS) {
			t.Errorf("%s %s: %v, %v", c.network, c.host, a.TTL, a.Source)
		}
	}
	if st := r.Stats(); st.Failures+st.Timeouts+st.Ignored+st.TCP != 0 || st.Queries != uint64(len(s.asked())) {
		t.Errorf("%+v", st)
	}
}

// An answer that does not fit comes over TCP, through the reactor or package net.
func TestTruncated(t *testing.T) {
	t.Parallel()
	s := serve(t, func(network string, q, m *dns.Msg) bool {
		for i := range 100 {
			m.Answer = append(m.Answer, rr(t, fmt.Sprintf("%s 60 IN A 192.0.2.%d", q.Question[0].Name, i+1)))
		}
		if network == "udp" {
			m.Truncate(512)
		}
		return true
	})
	for _, c := range []struct {
		r    *Resolver
		want int
	}{
		{&Resolver{}, 64},
		{&Resolver{Reactor: reactortest.NewDefault(t, reactor.Config{Loops: 1}), MaxAddrs: 100}, 100},
	} {
		c.r.Servers, c.r.Timeout = []string{s.addr}, patience
		got, err := c.r.LookupNetIP(t.Context(), "ip4", "big.test")
		if err != nil || len(got) != c.want {
			t.Errorf("%d addresses, %v", len(got), err)
		}
		if st := c.r.Stats(); st.TCP != 1 || st.Queries != 2 {
			t.Errorf("%+v", st)
		}
	}
}

// A server that fails is not the end, as long as there is another.
func TestNextServer(t *testing.T) {
	t.Parallel()
	well := serve(t, zone(t, testZone...))
	for name, h := range map[string]func(string, *dns.Msg, *dns.Msg) bool{
		"SERVFAIL": func(_ string, _, m *dns.Msg) bool { m.Rcode = dns.RcodeServerFailure; return true },
		"REFUSED":  func(_ string, _, m *dns.Msg) bool { m.Rcode = dns.RcodeRefused; return true },
		"YXDOMAIN": func(_ string, _, m *dns.Msg) bool { m.Rcode = dns.RcodeYXDomain; return true },
		"FORMERR":  func(_ string, _, m *dns.Msg) bool { m.Rcode = dns.RcodeFormatError; return true },
		"referral": func(_ string, _, m *dns.Msg) bool {
			m.RecursionAvailable = false
			m.Ns = []dns.RR{rr(t, "test. 60 IN NS ns.test.")}
			return true
		},
		"truncated twice": func(_ string, _, m *dns.Msg) bool { m.Truncated = true; return true },
		"a loop of aliases": func(_ string, q, m *dns.Msg) bool {
			m.Answer = []dns.RR{rr(t, q.Question[0].Name+" 60 IN CNAME b.test."), rr(t, "b.test. 60 IN CNAME "+q.Question[0].Name)}
			return true
		},
	} {
		s := serve(t, h)
		r := &Resolver{Servers: []string{s.addr, well.addr}, Timeout: patience}
		if got, err := r.LookupNetIP(t.Context(), "ip4", "four.test"); err != nil || got[0] != ip("192.0.2.4") {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if st := r.Stats(); st.Failures != 1 || len(s.asked()) == 0 {
			t.Errorf("%s: %+v", name, st)
		}
		alone := &Resolver{Servers: []string{s.addr}, Timeout: patience}
		if _, err := alone.LookupNetIP(t.Context(), "ip4", "four.test"); !errors.Is(err, ErrServer) || !strings.Contains(err.Error(), s.addr) {
			t.Errorf("%s: %v", name, err)
		}
	}
	closed, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	r := &Resolver{Servers: []string{closed.LocalAddr().String(), well.addr}, Timeout: patience}
	if _, err := r.LookupNetIP(t.Context(), "ip4", "four.test"); err != nil {
		t.Errorf("nobody there: %v", err)
	}
}

// A server that does not know EDNS is asked without it.
func TestWithoutEDNS(t *testing.T) {
	t.Parallel()
	z := zone(t, testZone...)
	s := serve(t, func(network string, q, m *dns.Msg) bool {
		if q.IsEdns0() != nil {
			m.Rcode = dns.RcodeFormatError
			return true
		}
		return z(network, q, m)
	})
	r := &Resolver{Servers: []string{s.addr}, Timeout: patience}
	if _, err := r.LookupNetIP(t.Context(), "ip4", "four.test"); err != nil || len(s.asked()) != 2 {
		t.Errorf("%v, %q", err, s.asked())
	}
}

// A server that answers with an alias alone is asked for what it leads to.
func TestAliasOnly(t *testing.T) {
	t.Parallel()
	z := zone(t, "end.test. 60 IN A 192.0.2.4")
	s := serve(t, func(network string, q, m *dns.Msg) bool {
		if n := q.Question[0].Name; n != "end.test." {
			var i int
			fmt.Sscanf(n, "n%d.test.", &i)
			next := fmt.Sprintf("n%d.test.", i+1)
			if i == 3 {
				next = "end.test."
			}
			m.Answer = []dns.RR{rr(t, n+" 20 IN CNAME "+next)}
			return true
		}
		return z(network, q, m)
	})
	r := &Resolver{Servers: []string{s.addr}, Timeout: patience}
	a, err := r.Lookup(t.Context(), "ip4", "n0.test")
	if err != nil || a.Name != "end.test" || a.TTL > 20*time.Second || len(s.asked()) != 5 {
		t.Errorf("%+v, %v, %q", a, err, s.asked())
	}
	if _, err := r.Lookup(t.Context(), "ip4", "n10.test"); !errors.Is(err, ErrServer) || !strings.Contains(err.Error(), "aliases") {
		t.Errorf("without end: %v", err)
	}
}

// Packets that are not the answer are left out: another ID, another question, no answer, noise. The last one is.
func TestForged(t *testing.T) {
	t.Parallel()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		buf := make([]byte, 4096)
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			t.Error(err)
			return
		}
		q := new(dns.Msg)
		if err := q.Unpack(buf[:n]); err != nil {
			t.Error(err)
			return
		}
		send := func(change func(m *dns.Msg), address string) {
			m := new(dns.Msg)
			m.SetReply(q)
			m.RecursionAvailable = true
			m.Answer = []dns.RR{rr(t, q.Question[0].Name+" 60 IN A "+address)}
			change(m)
			text, err := m.Pack()
			if err != nil {
				t.Error(err)
			}
			conn.WriteTo(text, from)
		}
		conn.WriteTo([]byte("noise"), from)
		send(func(m *dns.Msg) { m.Id++ }, "192.0.2.66")
		send(func(m *dns.Msg) { m.Response = false }, "192.0.2.66")
		send(func(m *dns.Msg) { m.Question = nil }, "192.0.2.66")
		send(func(m *dns.Msg) { m.Question[0].Name = "other.test." }, "192.0.2.66")
		send(func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAAAA }, "192.0.2.66")
		send(func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }, "192.0.2.66")
		send(func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }, "192.0.2.66")
		send(func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }, "192.0.2.66")
		q.Question[0].Name = "A.tEST."
		send(func(*dns.Msg) {}, "192.0.2.1")
	}()
	t.Cleanup(func() {
		conn.Close()
		<-served
	})
	r := &Resolver{Servers: []string{conn.LocalAddr().String()}, Timeout: patience}
	got, err := r.LookupNetIP(t.Context(), "ip4", "a.test")
	if err != nil || len(got) != 1 || got[0] != ip("192.0.2.1") {
		t.Errorf("%v, %v", got, err)
	}
	if st := r.Stats(); st.Ignored != 9 || st.Queries != 1 {
		t.Errorf("%+v", st)
	}
}

// A server that says nothing is left when its time is up.
func TestSilent(t *testing.T) {
	t.Parallel()
	quiet, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer quiet.Close()
	well := serve(t, zone(t, testZone...))
	r := &Resolver{Servers: []string{quiet.LocalAddr().String(), well.addr}, Timeout: 300 * time.Millisecond, Attempts: 100}
	if _, err := r.LookupNetIP(t.Context(), "ip4", "four.test"); err != nil {
		t.Error(err)
	}
	if st := r.Stats(); st.Timeouts == 0 {
		t.Errorf("%+v", st)
	}
	r = &Resolver{Servers: []string{quiet.LocalAddr().String()}, Timeout: time.Millisecond, Attempts: 1}
	if _, err := r.LookupNetIP(t.Context(), "ip4", "four.test"); !errors.Is(err, os.ErrDeadlineExceeded) || !errors.Is(err, ErrServer) {
		t.Errorf("%v", err)
	}
}

// What a server does wrong over TCP: it ends early, or its message does.
func TestTCPFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		send string
		want error
	}{
		{"nothing", "", io.EOF},
		{"half a length", "\x00", io.ErrUnexpectedEOF},
		{"half a message", "\xff\xffabc", io.ErrUnexpectedEOF},
		{"noise", "\x00\x05noise", nil},
		{"another's", "", errMismatch},
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			text, err := readFrame(conn)
			if err != nil {
				t.Error(err)
			}
			q := new(dns.Msg)
			if err := q.Unpack(text); err != nil {
				t.Error(err)
			}
			if c.want == errMismatch {
				m := new(dns.Msg)
				m.SetReply(q)
				m.Id++
				text, _ := m.Pack()
				conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(text))), text...))
				return
			}
			io.WriteString(conn, c.send)
		}()
		m := new(dns.Msg)
		m.SetQuestion("a.test.", dns.TypeA)
		server, err := parseServer(ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, err = new(Resolver).exchangeTCP(t.Context(), server, m, question{"a.test", false})
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		ln.Close()
		<-done
	}
}

func TestServerNames(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1:53", "192.0.2.1:5353": "192.0.2.1:5353", "2001:db8::1": "[2001:db8::1]:53",
		"[2001:db8::1]:5353": "[2001:db8::1]:5353", "fe80::1%eth0": "[fe80::1%eth0]:53",
		"dns.test": "", "": "", "192.0.2.1:": "", "192.0.2.1:x": "", "[2001:db8::1]": "",
	} {
		ap, err := parseServer(in)
		if (err == nil) != (want != "") || err == nil && ap.String() != want {
			t.Errorf("%q: %v, %v", in, ap, err)
		}
	}
	r := &Resolver{Servers: []string{"dns.test"}}
	if _, err := r.LookupNetIP(t.Context(), "ip", "a.test"); err == nil || !strings.Contains(err.Error(), "dns.test") {
		t.Errorf("%v", err)
	}
	path := filepath.Join(t.TempDir(), "resolv.conf")
	text := "# made by hand\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\nnameserver not.an.address\nsearch test\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := SystemServers(path); err != nil || !slices.Equal(got, []string{"192.0.2.1", "fe80::1%eth0"}) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := SystemServers(path + ".none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
