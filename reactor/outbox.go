package reactor

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"github.com/calandria-go/calandria/reactor/internal/poll"
)

const (
	// outboxBytes and outboxPackets bound what a turn gathers before it is sent.
	outboxBytes   = 128 << 10
	outboxPackets = 64
	// segmentBytes and segmentCount bound what goes as one datagram in segments (UDP_SEGMENT).
	segmentBytes = 65000
	segmentCount = 64
	// maxPacket is the largest datagram that there is.
	maxPacket = 65535
)

// outbox gathers the datagrams that a turn sends by one endpoint. Those of one size to one address that follow each other go
// through the kernel as one, where it can do that. One per loop.
type outbox struct {
	end *Endpoint
	buf []byte
	ds  []poll.Datagram
}

// unsent are datagrams that wait for the socket.
type unsent struct {
	ds    []poll.Datagram
	bytes int
}

// Send queues a copy of p as one datagram to that address; what a turn sends leaves at its end, in as few system calls as
// can be. The system chooses the address that it comes from. ErrUnsent: the socket is full, and so is the queue; wait for
// OnWritable, or drop it. net.ErrClosed: the endpoint is. Other errors mean that it could never be sent. Loop only. It
// allocates nothing unless the socket is full.
func (e *Endpoint) Send(p []byte, to netip.AddrPort) error { return e.SendFrom(p, to, netip.Addr{}) }

// SendFrom is Send with the address that it comes from, which must be the host's own: the Local of a Packet, to answer from
// the address that was asked. An invalid one is the system's choice. Loop only.
func (e *Endpoint) SendFrom(p []byte, to netip.AddrPort, from netip.Addr) error {
	switch {
	case e.state == endClosed || e.closing.Load() && e.state != endOpen:
		return net.ErrClosed
	case !to.IsValid() || to.Port() == 0:
		return errPacketAddress
	case len(p) > maxPacket:
		return syscall.EMSGSIZE
	}
	if e.unsent != nil || e.state == endOpening {
		return e.wait(p, to, from)
	}
	o := &e.loop.out
	if o.end != e || len(o.buf)+len(p) > outboxBytes || len(o.ds) >= outboxPackets {
		o.flush()
		if e.unsent != nil {
			return e.wait(p, to, from)
		}
		o.end = e
	}
	if o.buf == nil {
		o.buf = make([]byte, 0, outboxBytes)
	}
	at := len(o.buf)
	o.buf = append(o.buf, p...)
	if len(p) > int(e.segment) || !o.extend(len(p), to, from) {
		o.ds = append(o.ds, poll.Datagram{Data: o.buf[at:len(o.buf):len(o.buf)], Peer: to, Local: from})
	}
	return nil
}

// Unsent is how many bytes wait because the socket is full. Loop only.
func (e *Endpoint) Unsent() int {
	if e.unsent == nil {
		return 0
	}
	return e.unsent.bytes
}

// wait queues a datagram for a socket that is full, or not registered yet.
func (e *Endpoint) wait(p []byte, to netip.AddrPort, from netip.Addr) error {
	if !e.keep(poll.Datagram{Data: slices.Clone(p), Peer: to, Local: from}) {
		e.drop(1)
		return ErrUnsent
	}
	return nil
}

// keep queues d, whose bytes are its own; false if there is no room.
func (e *Endpoint) keep(d poll.Datagram) bool {
	if e.unsent == nil {
		e.unsent = &unsent{}
	}
	if e.unsent.bytes+len(d.Data) > e.maxUnsent {
		return false
	}
	e.unsent.ds = append(e.unsent.ds, d)
	e.unsent.bytes += len(d.Data)
	return true
}

// extend makes the n bytes that were appended last another segment of the last datagram, if it can.
func (o *outbox) extend(n int, to netip.AddrPort, from netip.Addr) bool {
	if len(o.ds) == 0 || n == 0 {
		return false
	}
	d := &o.ds[len(o.ds)-1]
	size, have := d.Segment, len(d.Data)
	if size == 0 {
		size = have
	}
	if n > size || size == 0 || have%size != 0 || have+n > segmentBytes || have/size >= segmentCount || d.Peer != to || d.Local != from {
		return false
	}
	end := len(o.buf)
	d.Data, d.Segment = o.buf[end-n-have:end:end], size
	return true
}

// flush sends what was gathered.
func (o *outbox) flush() {
	e := o.end
	if e == nil {
		return
	}
	o.end = nil
	if rest := e.send(o.ds); len(rest) > 0 {
		for _, d := range rest {
			d.Data = slices.Clone(d.Data)
			if !e.keep(d) {
				e.drop(packets(&d))
			}
		}
		e.loop.post(nil, e.update)
	}
	clear(o.ds)
	o.buf, o.ds = o.buf[:0], o.ds[:0]
}

// packets is how many datagrams d is.
func packets(d *poll.Datagram) uint64 {
	if d.Segment == 0 {
		return 1
	}
	return uint64((len(d.Data) + d.Segment - 1) / d.Segment)
}

// send gives datagrams to the socket and returns what it has no room for.
func (e *Endpoint) send(ds []poll.Datagram) []poll.Datagram {
	for len(ds) > 0 {
		n, err := e.src.Send(ds)
		for i := range ds[:n] {
			k, bytes := packets(&ds[i]), uint64(len(ds[i].Data))
			e.stats.Out += k
			e.stats.BytesOut += bytes
			e.loop.stats.PacketsOut += k
			e.loop.stats.BytesWritten += bytes
		}
		e.loop.stats.Writes++
		ds = ds[n:]
		switch {
		case err == nil:
		case err == poll.ErrAgain:
			return ds
		case ds[0].Segment > 0:
			e.noSegments(ds[0].Segment, err)
			ds = slices.Concat(split(&ds[0]), ds[1:])
		default:
			e.sendError(ds[0].Peer, err)
			ds = ds[1:]
		}
	}
	return nil
}

// usualSegment fits the usual MTU.
const usualSegment = 1472

// noSegments learns from a failure: EINVAL is what larger ones than the MTU get, anything else means that the interface
// does not do it. Smaller ones than most MTUs are tried again, as the next address may be behind another interface.
func (e *Endpoint) noSegments(size int, err error) {
	switch {
	case !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.EMSGSIZE):
		e.segment = 0
	case size > usualSegment:
		e.segment = min(e.segment, int32(max(size-1, usualSegment)))
	}
}

// split makes d's segments datagrams of their own.
func split(d *poll.Datagram) []poll.Datagram {
	var out []poll.Datagram
	for part := range slices.Chunk(d.Data, d.Segment) {
		out = append(out, poll.Datagram{Data: part, Peer: d.Peer, Local: d.Local})
	}
	return out
}

// sendError counts a datagram that was refused, and tells the handler, if it wants to know, in a turn of its own.
func (e *Endpoint) sendError(to netip.AddrPort, err error) {
	e.stats.Errors++
	e.loop.stats.PacketErrors++
	if e.caps&packetSendError == 0 || e.due {
		return
	}
	if errors.Is(err, syscall.ENOBUFS) { // the interface's queue is full: as good as lost on the way
		return
	}
	e.due = true
	e.loop.queue(task{e: e, f: func() {
		e.due = false
		e.handler.(SendErrorHandler).OnSendError(e, to, err)
	}})
}

func (e *Endpoint) drop(n uint64) {
	e.stats.Dropped += n
	e.loop.stats.PacketsDropped += n
}

// writable sends what waits.
func (e *Endpoint) writable() {
	if e.state != endOpen || e.unsent == nil {
		return
	}
	u := e.unsent
	rest := e.send(u.ds)
	if len(rest) > 0 {
		u.ds, u.bytes = rest, 0
		for i := range rest {
			u.bytes += len(rest[i].Data)
		}
		return
	}
	e.unsent = nil
	e.loop.post(nil, e.update)
	if e.caps&packetWritable != 0 {
		e.handler.(PacketWritableHandler).OnWritable(e)
	}
}
