package reactortest

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// PacketFaults are what a network does to datagrams. Each is a probability from 0 to 1, decided for each datagram.
type PacketFaults struct {
	Loss      float64 // it does not arrive
	Duplicate float64 // it is sent twice
	Reorder   float64 // it is delayed so that others overtake it
	Truncate  float64 // one of more than TruncateAbove bytes is cut, anywhere
	// TruncateAbove is the size up to which none is cut, in bytes.
	TruncateAbove int
	// Delay is what all take, Jitter the most that is added at random.
	Delay, Jitter time.Duration
}

// PacketNet is a network of datagrams in memory, with faults from a seed: in a testing/synctest bubble, time-outs on it
// take no time. Its connections are for Reactor.OpenPacket on a reactor of New.
type PacketNet struct {
	faults PacketFaults

	mu    sync.Mutex
	rand  *rand.Rand
	conns map[netip.AddrPort]*PacketConn
	next  uint16
}

// NewPacketNet makes a network. The same seed and the same order of datagrams give the same faults.
func NewPacketNet(seed uint64, f PacketFaults) *PacketNet {
	return &PacketNet{faults: f, rand: rand.New(rand.NewPCG(seed, seed)), conns: map[netip.AddrPort]*PacketConn{}, next: 1024}
}

// fate is what becomes of a datagram: how long each of its copies is on the way, and how much of it arrives.
func (f *PacketFaults) fate(r *rand.Rand, size int) (delays []time.Duration, keep int) {
	keep = size
	if r.Float64() < f.Truncate && size > f.TruncateAbove {
		keep = r.IntN(size)
	}
	copies := 1
	if r.Float64() < f.Duplicate {
		copies = 2
	}
	for range copies {
		if r.Float64() < f.Loss {
			continue
		}
		d := f.Delay
		if f.Jitter > 0 {
			d += time.Duration(r.Int64N(int64(f.Jitter)))
		}
		if r.Float64() < f.Reorder {
			d += f.Delay + f.Jitter + time.Millisecond
		}
		delays = append(delays, d)
	}
	return delays, keep
}

// Listen opens a connection with an address of its own in 192.0.2.0/24.
func (n *PacketNet) Listen() *PacketConn {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next++
	c := &PacketConn{
		net: n, addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), n.next), in: make(chan packet, 1024), closed: make(chan struct{}),
	}
	n.conns[c.addr] = c
	return c
}

type packet struct {
	b    []byte
	from netip.AddrPort
}

// send gives a datagram to the network.
func (n *PacketNet) send(from, to netip.AddrPort, b []byte) {
	n.mu.Lock()
	delays, keep := n.faults.fate(n.rand, len(b))
	for i, d := range delays {
		delays[i] = n.inOrder(from, d)
	}
	n.mu.Unlock()
	for _, d := range delays {
		p := packet{append([]byte(nil), b[:keep]...), from}
		if d == 0 {
			n.deliver(to, p)
			continue
		}
		time.AfterFunc(d, func() { n.deliver(to, p) })
	}
}

// inOrder has a datagram arrive behind those that its sender has sent before, but for the ones that are reordered: these are
// the ones that take longer than Delay and Jitter. Timers of one moment would else go off in any order.
func (n *PacketNet) inOrder(from netip.AddrPort, d time.Duration) time.Duration {
	c := n.conns[from]
	if c == nil || d == 0 || d > n.faults.Delay+n.faults.Jitter {
		return d
	}
	now := time.Now()
	at := now.Add(d)
	if !at.After(c.last) {
		at = c.last.Add(time.Microsecond)
	}
	c.last = at
	return at.Sub(now)
}

func (n *PacketNet) deliver(to netip.AddrPort, p packet) {
	n.mu.Lock()
	c := n.conns[to]
	n.mu.Unlock()
	if c == nil {
		return
	}
	select {
	case c.in <- p:
	default: // its buffer is full
	}
}

// PacketConn is a net.PacketConn on a PacketNet. Deadlines are not supported.
type PacketConn struct {
	net    *PacketNet
	addr   netip.AddrPort
	in     chan packet
	closed chan struct{}
	once   sync.Once
	last   time.Time // when the last datagram that it sent arrives; guarded by the network's lock
}

// ReadFrom waits for a datagram.
func (c *PacketConn) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case p := <-c.in:
		return copy(b, p.b), net.UDPAddrFromAddrPort(p.from), nil
	case <-c.closed:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo sends one. It never fails: what nobody takes is lost.
func (c *PacketConn) WriteTo(b []byte, to net.Addr) (int, error) {
	if a, ok := to.(*net.UDPAddr); ok {
		ap := a.AddrPort()
		c.net.send(c.addr, netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), b)
	}
	return len(b), nil
}

// Close ends it.
func (c *PacketConn) Close() error {
	c.once.Do(func() {
		close(c.closed)
		c.net.mu.Lock()
		delete(c.net.conns, c.addr)
		c.net.mu.Unlock()
	})
	return nil
}

// LocalAddr is its address, a *net.UDPAddr.
func (c *PacketConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.addr) }

// SetDeadline is not supported.
func (c *PacketConn) SetDeadline(time.Time) error { return os.ErrNoDeadline }

// SetReadDeadline is not supported.
func (c *PacketConn) SetReadDeadline(time.Time) error { return os.ErrNoDeadline }

// SetWriteDeadline is not supported.
func (c *PacketConn) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }
