package resolve

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/miekg/dns"
)

func TestMain(m *testing.M) { reactortest.Main(m) }

const patience = 30 * time.Second

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func ips(all ...string) []netip.Addr {
	var out []netip.Addr
	for _, s := range all {
		out = append(out, ip(s))
	}
	return out
}

// rr is a record in the form of zone files.
func rr(t testing.TB, text string) dns.RR {
	t.Helper()
	r, err := dns.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// server is a DNS server of this process, over UDP and TCP on one port.
type server struct {
	addr string

	mu   sync.Mutex
	seen []string // "udp a.test. A"
}

func (s *server) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.seen...)
}

// serve starts one that answers by h, which gets an empty answer to fill in.
func serve(t testing.TB, h func(network string, q *dns.Msg, m *dns.Msg) bool) *server {
	t.Helper()
	s := &server{}
	var udp net.PacketConn
	var tcp net.Listener
	var err error
	for range 20 { // the port has to be free for both
		if udp, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if tcp, err = net.Listen("tcp", udp.LocalAddr().String()); err == nil {
			break
		}
		udp.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	s.addr = udp.LocalAddr().String()
	for network, srv := range map[string]*dns.Server{"udp": {PacketConn: udp}, "tcp": {Listener: tcp}} {
		started := make(chan struct{})
		srv.NotifyStartedFunc = func() { close(started) }
		srv.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
			s.mu.Lock()
			s.seen = append(s.seen, network+" "+q.Question[0].Name+" "+dns.TypeToString[q.Question[0].Qtype])
			s.mu.Unlock()
			m := new(dns.Msg)
			m.SetReply(q)
			m.RecursionAvailable = true
			if h(network, q, m) {
				w.WriteMsg(m)
			}
		})
		done := make(chan struct{})
		go func() {
			defer close(done)
			srv.ActivateAndServe()
		}()
		<-started
		t.Cleanup(func() {
			srv.Shutdown()
			<-done
		})
	}
	return s
}

// zone answers from records in the form of zone files: what it does not have gets its SOA.
func zone(t testing.TB, records ...string) func(string, *dns.Msg, *dns.Msg) bool {
	t.Helper()
	have := map[string][]dns.RR{}
	names := map[string]bool{}
	for _, text := range records {
		r := rr(t, text)
		k := r.Header().Name + dns.TypeToString[r.Header().Rrtype]
		have[k] = append(have[k], r)
		names[r.Header().Name] = true
	}
	soa := rr(t, "test. 60 IN SOA ns.test. root.test. 1 1 1 1 30")
	return func(_ string, q *dns.Msg, m *dns.Msg) bool {
		name := q.Question[0].Name
		for range 20 {
			all := have[name+dns.TypeToString[q.Question[0].Qtype]]
			if m.Answer = append(m.Answer, all...); len(all) > 0 {
				return true
			}
			alias := have[name+"CNAME"]
			if len(alias) == 0 {
				break
			}
			m.Answer = append(m.Answer, alias...)
			name = alias[0].(*dns.CNAME).Target
		}
		if !names[name] {
			m.Rcode = dns.RcodeNameError
		}
		m.Ns = []dns.RR{soa}
		return true
	}
}
