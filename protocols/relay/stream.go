package relay

import (
	"errors"
	"io"
	"net"
	"net/netip"

	"github.com/calandria-go/calandria/protocols/relay/link"
	"github.com/calandria-go/calandria/protocols/relay/wire"
	"github.com/calandria-go/calandria/reactor"
)

// Addr is the address of a relayed connection's end: the service's.
type Addr struct {
	Kind    wire.Kind // what it carries
	Service string    // its name
}

// Network is part of net.Addr.
func (a Addr) Network() string { return "relay+" + a.Kind.String() }

// String is the service's name.
func (a Addr) String() string { return a.Service }

// stream is a link's stream below a reactor.Conn. What it does takes the link's lock.
type stream struct {
	m      *mux
	st     *link.Stream
	port   *reactor.Port
	local  net.Addr
	remote net.Addr
}

// anchor is a Conn or an Endpoint, on whose loop something is to be.
type anchor interface{ LoopIndex() int }

// connect puts a Conn on st. With the lock; h.OnOpen follows on the loop.
func (m *mux) connect(st *link.Stream, near anchor, local, remote net.Addr, h reactor.Handler) (*reactor.Conn, error) {
	s := &stream{m: m, st: st, local: local, remote: remote}
	st.SetEvents(s)
	p, err := m.r.OpenChannel(s, near, h)
	if err != nil {
		st.Reset(wire.CodeLimit, "no room for another connection")
		return nil, err
	}
	s.port = p
	return p.Conn(), nil
}

// Ready is part of link.Events.
func (s *stream) Ready() { s.port.Ready() }

// Read is part of reactor.Channel.
func (s *stream) Read(p []byte) (int, error) {
	s.m.lock()
	n, err := s.st.Read(p)
	s.m.unlock()
	return n, again(err)
}

// Write is part of reactor.Channel.
func (s *stream) Write(p []byte) (int, error) {
	s.m.lock()
	n, err := s.st.Write(p)
	s.m.unlock()
	return n, again(err)
}

func again(err error) error {
	if err == link.ErrAgain {
		return reactor.ErrWouldBlock
	}
	return err
}

// Err is part of reactor.Channel.
func (s *stream) Err() error {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	return s.st.Err()
}

// CloseWrite is part of reactor.Channel.
func (s *stream) CloseWrite() error {
	s.m.lock()
	s.st.CloseWrite()
	s.m.unlock()
	return nil
}

// Close is part of reactor.Channel.
func (s *stream) Close(reset bool) {
	s.m.lock()
	if reset {
		s.st.Reset(wire.CodeReset, "")
	} else {
		s.st.Close()
	}
	s.m.unlock()
}

// LocalAddr is part of reactor.Channel.
func (s *stream) LocalAddr() net.Addr { return s.local }

// RemoteAddr is part of reactor.Channel.
func (s *stream) RemoteAddr() net.Addr { return s.remote }

// addrOf reads an address that a frame carries.
func addrOf(b []byte, fallback net.Addr) net.Addr {
	if ap, err := netip.ParseAddrPort(string(b)); err == nil {
		return net.TCPAddrFromAddrPort(ap)
	}
	return fallback
}

// orderly says whether a connection ended as it should.
func orderly(err error) bool {
	return err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF)
}
