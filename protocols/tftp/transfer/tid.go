package transfer

import "github.com/calandria-go/calandria/protocols/tftp/wire"

// TID holds a transfer to one peer (RFC 1350 4). A is its address with the port, such
// as netip.AddrPort. A server locks it to the address that the request came from;
// a client leaves it open, and the first packet from the host it asked locks it.
type TID[A comparable] struct {
	peer   A
	locked bool
}

// Lock makes peer the only one. It does nothing if there is one already.
func (t *TID[A]) Lock(peer A) {
	if !t.locked {
		t.peer, t.locked = peer, true
	}
}

// Peer returns the peer's address, if there is one.
func (t *TID[A]) Peer() (A, bool) { return t.peer, t.locked }

// Check reports whether a packet from that address belongs to the transfer. If not, do
// not give it to the machine: send reply to that address, if it is not nil, and go on.
// It is ERROR 5, appended to dst[:0]; an ERROR gets no answer, as two hosts would
// else answer each other for ever. As long as no peer is locked all is strange.
func (t *TID[A]) Check(from A, packet, dst []byte) (own bool, reply []byte) {
	if t.locked && from == t.peer {
		return true, nil
	}
	return false, Stranger(packet, dst)
}

// Stranger is the answer to a packet of a transfer that does not exist: ERROR 5,
// appended to dst[:0], or nil for an ERROR and for what is no packet at all.
func Stranger(packet, dst []byte) []byte {
	if len(packet) < wire.HeaderSize || packet[0] != 0 || packet[1] == byte(wire.OpError) {
		return nil
	}
	return wire.AppendError(dst[:0], wire.CodeUnknownTID)
}
