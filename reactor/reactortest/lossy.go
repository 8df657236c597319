package reactortest

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// LossyProxy is a proxy for UDP on the loopback interface that does to datagrams what f says, both ways, for real clients and servers.
// It gives the address to send to. Each client has a socket of its own towards target; what comes back to that, from any
// port of the target's, goes to the client from the proxy's address, and from then on the client's go to that port: TFTP
// needs that. It ends with the test.
func LossyProxy(t testing.TB, target string, seed uint64, f PacketFaults) *net.UDPAddr {
	t.Helper()
	to, err := net.ResolveUDPAddr("udp", target)
	if err != nil {
		t.Fatal(err)
	}
	front, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	p := &lossyProxy{
		front: front, to: to.AddrPort(), faults: f, rand: rand.New(rand.NewPCG(seed, seed)), backs: map[netip.AddrPort]*lossyBack{},
	}
	p.done.Add(1)
	go p.run()
	t.Cleanup(p.close)
	return front.LocalAddr().(*net.UDPAddr)
}

type lossyProxy struct {
	front  *net.UDPConn
	to     netip.AddrPort
	faults PacketFaults
	done   sync.WaitGroup

	mu    sync.Mutex
	rand  *rand.Rand
	backs map[netip.AddrPort]*lossyBack
}

// lossyBack is the socket of one client towards the target.
type lossyBack struct {
	*net.UDPConn
	mu   sync.Mutex
	peer netip.AddrPort
}

func (p *lossyProxy) run() {
	defer p.done.Done()
	for b := make([]byte, 65536); ; {
		n, from, err := p.front.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		p.mu.Lock()
		back := p.backs[from]
		if back == nil {
			c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				p.mu.Unlock()
				return
			}
			back = &lossyBack{UDPConn: c, peer: p.to}
			p.backs[from] = back
			p.done.Add(1)
			go p.answer(back, from)
		}
		p.mu.Unlock()
		back.mu.Lock()
		to := back.peer
		if request := n > 1 && b[0] == 0 && (b[1] == 1 || b[1] == 2); request {
			to = p.to
		}
		back.mu.Unlock()
		p.pass(b[:n], func(b []byte) { back.WriteToUDPAddrPort(b, to) })
	}
}

// answer passes on what comes back for one client.
func (p *lossyProxy) answer(back *lossyBack, client netip.AddrPort) {
	defer p.done.Done()
	for b := make([]byte, 65536); ; {
		n, from, err := back.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		back.mu.Lock()
		back.peer = from
		back.mu.Unlock()
		p.pass(b[:n], func(b []byte) { p.front.WriteToUDPAddrPort(b, client) })
	}
}

func (p *lossyProxy) pass(b []byte, send func([]byte)) {
	p.mu.Lock()
	delays, keep := p.faults.fate(p.rand, len(b))
	p.mu.Unlock()
	b = append([]byte(nil), b[:keep]...)
	for _, d := range delays {
		if d == 0 {
			send(b)
			continue
		}
		time.AfterFunc(d, func() { send(b) }) // into a closed socket, if the test is over: that is nothing
	}
}

func (p *lossyProxy) close() {
	p.front.Close()
	p.mu.Lock()
	for _, b := range p.backs {
		b.Close()
	}
	p.mu.Unlock()
	p.done.Wait()
}
