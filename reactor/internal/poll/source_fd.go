//go:build linux && (amd64 || arm64 || loong64)

package poll

import (
	"io"
	"net"
	"os"
	"sync/atomic"

	"github.com/cloudwego/netpoll"
	"golang.org/x/sys/unix"
)

// Where a descriptor is registered.
type registration uint8

const (
	regNone      registration = iota
	regMain                   // netpoll: readable, hang-up
	regMainWrite              // netpoll: readable, writable, hang-up
	regAux                    // auxiliary set: only errors
	regAuxWrite               // auxiliary set: writable
	regConnect                // netpoll: writable, edge-triggered, until connected
)

// fdSource is a descriptor on a netpoll loop. It is in netpoll's set while it is read, and in the auxiliary set while it is
// paused or the peer has half-closed: netpoll reports EPOLLRDHUP as the end, once, and forgets the operator.
type fdSource struct {
	loop *netpollLoop
	sink Sink
	op   *netpoll.FDOperator // of the registration in netpoll; fresh for every ADD
	fd   int
	gen  uint32 // of the registration: hang-ups of older ones are stale
	reg  registration

	wantRead, wantWrite bool
	hup                 bool // netpoll reported the peer's half-close; what it sent before may be unread
	eof                 bool // read to the end
	over                bool // the auxiliary set reported a hang-up or an error: nothing more to learn there
	queued              bool // in loop.again
	closed              bool
	ended               atomic.Bool // eof or closed: a hang-up is no news
}

func (s *fdSource) Read(p []byte) (int, error) {
	if err := fault(OpRead); err != nil {
		return 0, err
	}
	n, err := rawRead(s.fd, p)
	if n == 0 && err == nil {
		s.eof = true
		s.ended.Store(true)
		return 0, io.EOF
	}
	return n, err
}

func (s *fdSource) Write(p []byte) (int, error) {
	if err := fault(OpWrite); err != nil {
		return 0, err
	}
	return rawWrite(s.fd, p)
}

// WriteDirect is part of DirectWriter: the descriptor is closed by Close alone.
func (s *fdSource) WriteDirect(p []byte) (int, error) { return s.Write(p) }

func (s *fdSource) Writev(bufs [][]byte) (int, error) {
	if err := fault(OpWrite); err != nil {
		return 0, err
	}
	return rawWritev(s.fd, bufs, s.loop.iov[:])
}

func (s *fdSource) SendFile(f *os.File, off int64, n int) (int, error) {
	if err := fault(OpWrite); err != nil {
		return 0, err
	}
	return sendFile(s.fd, f, off, n)
}

func (s *fdSource) Interest(read, write bool) { s.wantRead, s.wantWrite = read, write }

// target is the registration that the interest asks for.
func (s *fdSource) target() registration {
	reading := s.wantRead && !s.eof && !s.hup
	switch {
	case s.reg == regConnect:
		return regConnect
	case reading && s.wantWrite:
		return regMainWrite
	case reading:
		return regMain
	case s.over:
		return regNone
	case s.wantWrite:
		return regAuxWrite
	default:
		return regAux
	}
}

func (s *fdSource) Update() error {
	if s.closed {
		return nil
	}
	s.readAgain()
	want := s.target()
	if want == s.reg {
		return nil
	}
	if want != regNone {
		if err := fault(OpRegister); err != nil {
			return err
		}
	}
	switch {
	case s.reg == regMain && want == regMainWrite:
		s.op.OnWrite = s.onWrite
		s.reg = want
		return s.modify(netpoll.PollR2RW)
	case s.reg == regMainWrite && want == regMain:
		s.reg = want
		return s.modify(netpoll.PollRW2R)
	case s.inAux() && (want == regAux || want == regAuxWrite):
		s.reg = want
		return s.loop.aux.modify(s, want == regAuxWrite)
	}
	s.detach()
	return s.register(want)
}

// modify changes netpoll's registration. ENOENT: netpoll has just detached it for a hang-up, whose note is on its way.
func (s *fdSource) modify(e netpoll.PollEvent) error {
	if err := s.op.Control(e); err != nil && err != unix.ENOENT {
		return err
	}
	return nil
}

func (s *fdSource) register(want registration) error {
	var err error
	switch want {
	case regMain, regMainWrite:
		s.newOperator()
		if err = s.op.Control(netpoll.PollReadable); err == nil && want == regMainWrite {
			s.op.OnWrite = s.onWrite
			err = s.op.Control(netpoll.PollR2RW)
		}
	case regConnect:
		s.newOperator()
		s.op.OnWrite = s.onConnect
		err = s.op.Control(netpoll.PollWritable)
	case regAux, regAuxWrite:
		err = s.loop.aux.add(s, want == regAuxWrite)
	}
	if err == nil {
		s.reg = want
	}
	return err
}

// newOperator takes a fresh operator: netpoll's count of detaches is one-shot, so one that was used spins on its second
// hang-up.
func (s *fdSource) newOperator() {
	s.freeOperator()
	s.gen++
	gen := s.gen
	op := s.loop.poll.Alloc()
	op.FD = s.fd
	op.OnRead = s.onRead
	op.OnHup = func(netpoll.Poll) error {
		if !s.ended.Load() {
			s.loop.postHup(s, gen)
		}
		return nil
	}
	s.op = op
}

// detach takes the descriptor out of its set. The operator's own Control counts the detach, so that netpoll's for a
// hang-up in the same batch is a no-op.
func (s *fdSource) detach() {
	switch s.reg {
	case regMain, regMainWrite, regConnect:
		s.op.Control(netpoll.PollDetach)
	case regAux, regAuxWrite:
		s.loop.aux.remove(s)
	}
	s.reg = regNone
	s.freeOperator()
}

func (s *fdSource) freeOperator() {
	if s.op != nil {
		s.loop.free(s.op)
		s.op = nil
	}
}

func (s *fdSource) inAux() bool { return s.reg == regAux || s.reg == regAuxWrite }

// onRead and onWrite are netpoll's hooks. They check the state first: both can follow a close or a pause in one event.
func (s *fdSource) onRead(netpoll.Poll) error {
	if !s.closed && s.wantRead && !s.eof && s.reg != regConnect {
		s.sink.Readable()
	}
	return nil
}

func (s *fdSource) onWrite(netpoll.Poll) error {
	if !s.closed && s.wantWrite {
		s.sink.Writable()
	}
	return nil
}

// onConnect is the edge that ends a dial. From R2RW's opposite on, the descriptor is level-triggered and readable.
func (s *fdSource) onConnect(netpoll.Poll) error {
	if s.closed || s.reg != regConnect {
		return nil
	}
	err := socketError(s.fd)
	if err == nil {
		err = s.op.Control(netpoll.PollRW2R)
		s.reg = regMain
		s.op.OnWrite = s.onWrite
	}
	s.sink.Connected(err)
	return nil
}

// hungUp runs on the loop for what netpoll's hang-up goroutine posted. netpoll has detached the operator; the loop reads
// what the peer left and watches the rest in the auxiliary set.
func (s *fdSource) hungUp(gen uint32) {
	if s.closed || gen != s.gen || s.op == nil {
		return
	}
	connecting := s.reg == regConnect
	s.hup = true
	s.reg = regNone
	s.freeOperator()
	if connecting {
		if err := socketError(s.fd); err != nil {
			s.sink.Connected(err)
			return
		}
		s.sink.Connected(nil)
		if s.closed {
			return
		}
	}
	s.readAgain()
	if err := s.register(s.target()); err != nil {
		s.sink.Broken(err)
	}
}

// reads says whether the loop has to read a hung-up source by itself.
func (s *fdSource) reads() bool { return s.hup && s.wantRead && !s.eof && !s.closed }

func (s *fdSource) readAgain() {
	if s.reads() && !s.queued {
		s.queued = true
		s.loop.again = append(s.loop.again, s)
	}
}

func (s *fdSource) CloseWrite() error {
	if err := fault(OpShutdown); err != nil {
		return err
	}
	return unix.Shutdown(s.fd, unix.SHUT_WR)
}

// Close is detach, Free, close, in this order: another order lets a new connection with the same number lose its
// registration.
func (s *fdSource) Close(reset bool) {
	if s.closed {
		return
	}
	fault(OpClose)
	s.detach()
	s.closed = true
	s.ended.Store(true)
	if reset {
		unix.SetsockoptLinger(s.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	unix.Close(s.fd)
}

func (s *fdSource) LocalAddr() net.Addr {
	sa, err := unix.Getsockname(s.fd)
	if err != nil {
		return nil
	}
	return netAddr(sa)
}

func (s *fdSource) RemoteAddr() net.Addr {
	sa, err := unix.Getpeername(s.fd)
	if err != nil {
		return nil
	}
	return netAddr(sa)
}

func (s *fdSource) Unacked() int {
	n, err := unix.IoctlGetInt(s.fd, unix.SIOCOUTQ)
	if err != nil {
		return -1
	}
	return n
}
