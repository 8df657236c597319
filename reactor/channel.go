package reactor

import (
	"io"
	"net"
	"os"
	"sync/atomic"

	"github.com/calandria-go/calandria/reactor/internal/poll"
)

// Channel is a byte stream below a Conn that is not a socket: one of those that a protocol carries over a connection of its
// own. Its methods run on the loop of the Conn that stands on it, must not block, and must not call back into that Conn.
type Channel interface {
	// Read gives bytes, io.EOF behind the last one, ErrWouldBlock when there are none yet, or why there will be none.
	Read(p []byte) (int, error)
	// Write takes what there is room for; ErrWouldBlock for none.
	Write(p []byte) (int, error)
	// Err is why the stream has failed, or nil: asked for when nobody reads.
	Err() error
	// CloseWrite ends the stream in this direction, behind what was written.
	CloseWrite() error
	// Close ends it. With reset it was not in order: the peer must not take it for an end.
	Close(reset bool)
	// LocalAddr is the near end, as far as it is known.
	LocalAddr() net.Addr
	// RemoteAddr is the far end. A *net.TCPAddr is what the Conn's RemoteAddrPort gives.
	RemoteAddr() net.Addr
}

// Port is where a Channel tells its Conn that something has changed.
type Port struct {
	c        *Conn
	ch       Channel
	dispatch func()
	posted   atomic.Bool

	// Loop only.
	wantRead, wantWrite bool
	mayRead, mayWrite   bool // the last Read or Write did not say ErrWouldBlock, or something has changed since
	closed              bool
}

// OpenChannel puts a Conn on ch, on the loop of near, a Conn or an Endpoint, or on the one with the fewest connections if near is
// nil. It returns at
// once; h.OnOpen follows on the loop, unless the reactor has come to its end meanwhile: then ch is closed. It does not
// count for Config.MaxConns, as it takes no descriptor: whoever carries the channels bounds their number. Any goroutine. It costs some 700 bytes for as long as the channel is open, and no goroutine.
func (r *Reactor) OpenChannel(ch Channel, near interface{ LoopIndex() int }, h Handler) (*Port, error) {
	switch {
	case r.err != nil:
		return nil, r.err
	case r.draining():
		return nil, ErrShutdown
	}
	r.carried.Add(1)
	if r.draining() { // it began meanwhile and may not have seen us: its loops need not run any more
		r.uncarry()
		return nil, ErrShutdown
	}
	c := r.newConn(r.placeNear(near))
	c.carried = true
	c.loop.conns.Add(1)
	c.remote = poll.AddrPort(ch.RemoteAddr())
	p := &Port{c: c, ch: ch, mayRead: true, mayWrite: true}
	p.dispatch = p.run
	c.loop.post(nil, func() {
		c.src = (*portSource)(p)
		c.reactor.track(c)
		c.open(func() Handler { return h })
	})
	return p, nil
}

// Conn is the connection that stands on the channel.
func (p *Port) Conn() *Conn { return p.c }

// Ready says that Read, Write or Err of the Channel may give something else than last time. It has the Conn look, soon and on
// its loop. Any goroutine, with whatever locks held that the Channel's methods take.
func (p *Port) Ready() {
	if !p.posted.Swap(true) {
		p.c.loop.post(nil, p.dispatch)
	}
}

// run tells the Conn what there may be. Level-triggered: what is left posts it again.
func (p *Port) run() {
	if p.posted.Swap(false) {
		p.mayRead, p.mayWrite = true, true
	}
	if p.closed || p.c.src == nil {
		return
	}
	s := (*sink)(p.c)
	if p.wantRead && p.mayRead {
		s.Readable()
	}
	if !p.closed && p.wantWrite && p.mayWrite {
		s.Writable()
	}
	if !p.closed && !p.wantRead {
		if err := p.ch.Err(); err != nil {
			s.Broken(err)
			return
		}
	}
	p.again()
}

// again posts the port if there may be something to do.
func (p *Port) again() {
	if !p.closed && (p.wantRead && p.mayRead || p.wantWrite && p.mayWrite) && !p.posted.Load() {
		p.Ready()
	}
}

// portSource is a Port as its Conn sees it.
type portSource Port

func (s *portSource) Read(b []byte) (int, error) {
	n, err := s.ch.Read(b)
	if err == ErrWouldBlock {
		s.mayRead = false
		return n, poll.ErrAgain
	}
	if err == io.EOF {
		s.mayRead = false
	}
	return n, err
}

func (s *portSource) Write(b []byte) (int, error) {
	n, err := s.ch.Write(b)
	if err == ErrWouldBlock {
		s.mayWrite = false
		return n, poll.ErrAgain
	}
	if err == nil && n < len(b) {
		s.mayWrite = false
	}
	return n, err
}

func (s *portSource) Writev(bufs [][]byte) (n int, err error) {
	for _, b := range bufs {
		k, err := s.Write(b)
		n += k
		if err != nil && n > 0 {
			return n, nil // it comes again
		}
		if err != nil || k < len(b) {
			return n, err
		}
	}
	return n, nil
}

func (s *portSource) SendFile(*os.File, int64, int) (int, error) { return 0, poll.ErrUnsupported }

func (s *portSource) Interest(read, write bool) { s.wantRead, s.wantWrite = read, write }

func (s *portSource) Update() error {
	if !s.wantRead { // a failure that nobody read is to be told
		s.mayRead = true
		if s.ch.Err() != nil {
			(*Port)(s).Ready()
			return nil
		}
	}
	(*Port)(s).again()
	return nil
}

func (s *portSource) CloseWrite() error { return s.ch.CloseWrite() }

func (s *portSource) Close(reset bool) {
	if !s.closed {
		s.closed = true
		s.ch.Close(reset)
	}
}

func (s *portSource) LocalAddr() net.Addr  { return s.ch.LocalAddr() }
func (s *portSource) RemoteAddr() net.Addr { return s.ch.RemoteAddr() }
func (s *portSource) Unacked() int         { return -1 }

// placeNear chooses the loop of near, or the one with the fewest connections.
func (r *Reactor) placeNear(near interface{ LoopIndex() int }) int {
	if near == nil {
		return r.place()
	}
	return max(0, near.LoopIndex()) % len(r.loops)
}
