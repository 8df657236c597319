package poll

import (
	"errors"
	"net"
	"net/netip"
	"sync"
)

const (
	// packetsAhead bounds the datagrams that a reading goroutine holds for its loop; what comes then the system drops.
	packetsAhead = 64
	// packetsBehind bounds those that wait for the writing goroutine.
	packetsBehind = 64
	// packetErrors is how many errors in a row end a socket.
	packetErrors = 100
)

// connPackets is a net.PacketConn on a loop, with a goroutine that reads, and one that writes while there is something to
// write.
type connPackets struct {
	loop      poster
	sink      PacketSink
	pc        net.PacketConn
	udp       *net.UDPConn // pc, if it is one
	pinned    bool         // it tells and takes local addresses
	six       bool
	wantWrite bool // loop only, like what follows
	done      bool
	got       []Datagram

	mu      sync.Mutex
	room    *sync.Cond // the reader waits here while the queue is full
	in, out []Datagram
	failed  []failedSend
	err     error
	started bool
	writing bool
	closed  bool
	posted  bool
}

type failedSend struct {
	to  netip.AddrPort
	err error
}

func newConnPackets(l poster, pc net.PacketConn, s PacketSink) *connPackets {
	p := &connPackets{loop: l, sink: s, pc: pc}
	p.room = sync.NewCond(&p.mu)
	if u, ok := pc.(*net.UDPConn); ok {
		p.udp = u
		if a, ok := u.LocalAddr().(*net.UDPAddr); ok {
			p.six = a.IP.To4() == nil
			p.pinned = a.IP.IsUnspecified() && wantLocal(u, p.six)
		}
	}
	return p
}

func (p *connPackets) run() {
	buf := make([]byte, MaxDatagram)
	oob := make([]byte, oobSize)
	for bad := 0; ; {
		d, err := p.read(buf, oob)
		p.mu.Lock()
		for !p.closed && len(p.in) >= packetsAhead {
			p.room.Wait()
		}
		if p.closed {
			p.mu.Unlock()
			return
		}
		if err == nil {
			bad = 0
			p.in = append(p.in, d)
		} else if bad++; bad == packetErrors || errors.Is(err, net.ErrClosed) {
			p.err = err
		}
		ended := p.err != nil
		p.mu.Unlock()
		p.note()
		if ended {
			return
		}
	}
}

// read gives one datagram with bytes of its own.
func (p *connPackets) read(buf, oob []byte) (d Datagram, err error) {
	var n int
	if p.udp != nil {
		var oobn, flags int
		n, oobn, flags, d.Peer, err = p.udp.ReadMsgUDPAddrPort(buf, oob)
		d.Truncated = truncated(flags)
		if p.pinned && err == nil {
			localOf(oob[:oobn], &d)
		}
	} else {
		var from net.Addr
		n, from, err = p.pc.ReadFrom(buf)
		d.Peer = packetAddr(from)
	}
	if err != nil {
		return d, err
	}
	d.Peer = unmapped(d.Peer)
	d.Data = append([]byte(nil), buf[:n]...)
	return d, nil
}

func packetAddr(a net.Addr) netip.AddrPort {
	if u, ok := a.(*net.UDPAddr); ok && u != nil {
		return u.AddrPort()
	}
	return netip.AddrPort{}
}

func (p *connPackets) note() {
	p.mu.Lock()
	first := !p.posted
	p.posted = true
	p.mu.Unlock()
	if first {
		p.loop.post(p)
	}
}

func (p *connPackets) dispatch() {
	p.mu.Lock()
	p.posted = false
	failed := p.failed
	p.failed = nil
	room := len(p.out) < packetsBehind
	due, err := len(p.in) > 0, p.err
	p.mu.Unlock()
	for _, f := range failed {
		if !p.done {
			p.sink.SendFailed(f.to, f.err)
		}
	}
	if !p.done && p.wantWrite && room {
		p.sink.Writable()
	}
	if !p.done && due {
		p.sink.Readable()
		p.mu.Lock()
		due = len(p.in) > 0
		p.mu.Unlock()
		if due {
			p.note()
			return
		}
	}
	if !p.done && err != nil {
		p.sink.Broken(err)
	}
}

func (p *connPackets) Recv(limit int) ([]Datagram, error) {
	if err := packetFault(OpRead); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(limit, len(p.in))
	if n == 0 {
		return nil, ErrAgain
	}
	p.got = append(p.got[:0], p.in[:n]...)
	k := copy(p.in, p.in[n:])
	clear(p.in[k:])
	p.in = p.in[:k]
	p.room.Signal()
	return p.got, nil
}

func (p *connPackets) Send(ds []Datagram) (int, error) {
	if err := packetFault(OpWrite); err != nil {
		return 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for n < len(ds) && len(p.out) < packetsBehind {
		d := ds[n]
		d.Data = append([]byte(nil), d.Data...)
		p.out = append(p.out, d)
		n++
	}
	if n > 0 && !p.writing {
		p.writing = true
		go p.write()
	}
	if n < len(ds) {
		return n, ErrAgain
	}
	return n, nil
}

// write sends what there is, and ends.
func (p *connPackets) write() {
	for {
		p.mu.Lock()
		if len(p.out) == 0 {
			p.writing = false
			closed := p.closed
			p.mu.Unlock()
			if closed {
				p.pc.Close()
			} else {
				p.note()
			}
			return
		}
		all := p.out
		p.out = nil
		p.mu.Unlock()
		for i := range all {
			if err := p.send(&all[i]); err != nil {
				p.mu.Lock()
				p.failed = append(p.failed, failedSend{all[i].Peer, err})
				p.mu.Unlock()
			}
		}
	}
}

func (p *connPackets) send(d *Datagram) error {
	if p.udp == nil {
		_, err := p.pc.WriteTo(d.Data, net.UDPAddrFromAddrPort(d.Peer))
		return err
	}
	var oob []byte
	if p.pinned && d.Local.IsValid() {
		oob = appendLocal(nil, d.Local, p.six)
	}
	_, _, err := p.udp.WriteMsgUDPAddrPort(d.Data, oob, d.Peer)
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

func (p *connPackets) Segments() int { return 1 }

func (p *connPackets) Interest(write bool) { p.wantWrite = write }

// Update starts the reading goroutine, the first time.
func (p *connPackets) Update() error {
	if err := fault(OpRegister); err != nil {
		return err
	}
	if !p.started && !p.done {
		p.started = true
		go p.run()
	}
	if p.wantWrite {
		p.note()
	}
	return nil
}

// Close lets what was taken leave first.
func (p *connPackets) Close() {
	if p.done {
		return
	}
	fault(OpClose)
	p.done = true
	p.mu.Lock()
	defer p.mu.Unlock()
	p.in = nil
	if !p.writing { // else the writer does it
		p.pc.Close()
	}
	p.closed = true
	p.room.Broadcast()
}

func (p *connPackets) LocalAddr() net.Addr { return p.pc.LocalAddr() }
