package reactortest

import (
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/internal/hook"
	"github.com/calandria-go/calandria/reactor/internal/poll"
)

// Fed is what came of Feed.
type Fed struct {
	// Out is what the handler has written, as far as it was sent.
	Out []byte
	// Closed says that OnClose was called, before the input was used up or after; Err is what it got.
	Closed bool
	// Err is OnClose's error.
	Err error
	// FIN says that the end of Out was sent, by CloseWrite or Close; Reset that the connection was reset.
	FIN, Reset bool
	// Left is how many bytes of the input were not read: the handler closed first, or has paused for good.
	Left int
}

// Feed runs the handler that p makes on a real reactor.Conn whose socket gives one of pieces per event, and then the peer's
// half-close: so one OnData gets one piece, with what was carried over before it. It runs on the caller's goroutine and
// returns when nothing more happens. A connection that is open then is aborted.
//
// The scratch buffer is overwritten after each OnData. The loop runs nowhere but in Feed, so a handler that goes off the
// loop (Offload, Stream) or waits for a timer gets no further: use New and Pipe for it.
func Feed(t testing.TB, cfg reactor.Config, p reactor.Protocol, pieces [][]byte) Fed {
	t.Helper()
	f := newFeeder(cfg)
	defer f.close()
	return f.feed(p, pieces)
}

// feeder is a reactor whose one loop runs batch by batch in the caller's goroutine. It is a poll.Engine and its poll.Loop.
type feeder struct {
	reactor *reactor.Reactor
	owner   poll.Owner
	src     *feedSource // of the connection that is being fed
	ended   error       // what its OnClose got

	mu    sync.Mutex
	woken bool
}

func newFeeder(cfg reactor.Config) *feeder {
	cfg.Loops = 1
	cfg.StallAfter = -1 // no watchdog goroutine: there is nothing to stop it
	f := &feeder{}
	var trace reactor.Trace
	if cfg.Trace != nil {
		trace = *cfg.Trace
	}
	closed := trace.Closed
	trace.Closed = func(c *reactor.Conn, err error, reason string) {
		f.ended = err
		if closed != nil {
			closed(c, err, reason)
		}
	}
	cfg.Trace = &trace
	f.reactor = hook.New(f, cfg, true).(*reactor.Reactor)
	return f
}

func (f *feeder) close() { hook.Forget(f) }

// batch runs one turn of the loop.
func (f *feeder) batch(event func()) {
	f.mu.Lock()
	f.woken = false
	f.mu.Unlock()
	f.owner.BatchStart()
	event()
	f.owner.BatchEnd()
}

// settle runs batches until the loop would sleep.
func (f *feeder) settle() {
	for f.isWoken() {
		f.batch(func() {})
	}
}

func (f *feeder) isWoken() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.woken
}

func (f *feeder) feed(p reactor.Protocol, pieces [][]byte) Fed {
	var conn *reactor.Conn
	f.ended = nil
	f.reactor.DialFunc(clientAddr(), reactor.DialOptions{Timeout: -1}, opener{p}, func(c *reactor.Conn, _ error) { conn = c })
	f.settle() // makes f.src
	src := f.src
	src.pieces = pieces
	f.batch(func() { src.sink.Connected(nil) })
	for {
		f.settle()
		if src.closed || !src.wantRead {
			break
		}
		f.batch(src.sink.Readable)
	}
	got := Fed{Out: src.out, Closed: src.closed, Err: f.ended, Reset: src.reset, Left: src.left()}
	got.FIN = src.fin || src.closed && !src.reset
	if !src.closed {
		conn.Abort(nil)
		f.settle()
	}
	return got
}

// opener makes the handler when there is a Conn, and hands over to it.
type opener struct{ proto reactor.Protocol }

func (o opener) OnOpen(c *reactor.Conn) { c.Upgrade(o.proto.NewHandler(c)) }

func (opener) OnData(*reactor.Conn, []byte) int { return 0 }

func (opener) OnClose(*reactor.Conn, error) {}

// feedSource is a poll.Source that gives one piece per event and takes all that is written.
type feedSource struct {
	sink      poll.Sink
	pieces    [][]byte
	out       []byte
	wantRead  bool
	fin       bool
	closed    bool
	reset     bool
	localAddr net.Addr
}

func (s *feedSource) left() (n int) {
	for _, p := range s.pieces {
		n += len(p)
	}
	return n
}

func (s *feedSource) Read(p []byte) (int, error) {
	for len(s.pieces) > 0 && len(s.pieces[0]) == 0 {
		s.pieces = s.pieces[1:]
	}
	if len(s.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.pieces[0])
	s.pieces[0] = s.pieces[0][n:]
	return n, nil
}

func (s *feedSource) Write(p []byte) (int, error) {
	s.out = append(s.out, p...)
	return len(p), nil
}

func (s *feedSource) Writev(bufs [][]byte) (n int, err error) {
	for _, b := range bufs {
		s.out = append(s.out, b...)
		n += len(b)
	}
	return n, nil
}

func (s *feedSource) SendFile(*os.File, int64, int) (int, error) { return 0, poll.ErrUnsupported }
func (s *feedSource) Interest(read, _ bool)                      { s.wantRead = read }
func (s *feedSource) Update() error                              { return nil }
func (s *feedSource) LocalAddr() net.Addr                        { return s.localAddr }
func (s *feedSource) RemoteAddr() net.Addr                       { return nil }
func (s *feedSource) Unacked() int                               { return -1 }

func (s *feedSource) CloseWrite() error {
	s.fin = true
	return nil
}

func (s *feedSource) Close(reset bool) {
	s.closed, s.reset, s.wantRead = true, reset, false
}

// What follows makes the feeder an Engine and a Loop.

func (f *feeder) Loops(int) ([]poll.Loop, error) { return []poll.Loop{f}, nil }

func (f *feeder) Name() string { return "feed" }

func (f *feeder) Adopt(nc net.Conn) (poll.Handle, error) { return poll.Handle{FD: -1, Conn: nc}, nil }

func (f *feeder) AdoptPacket(poll.PacketSocket) (poll.PacketHandle, error) {
	return poll.PacketHandle{FD: -1}, poll.ErrUnsupported
}

func (f *feeder) Start(o poll.Owner) { f.owner = o }

func (f *feeder) Wake() {
	f.mu.Lock()
	f.woken = true
	f.mu.Unlock()
}

func (f *feeder) Arm(time.Duration) {}

func (f *feeder) Attach(poll.Handle, poll.Sink) (poll.Source, error) {
	return nil, poll.ErrUnsupported
}

func (f *feeder) AttachPacket(poll.PacketHandle, poll.PacketSink) (poll.PacketSource, error) {
	return nil, poll.ErrUnsupported
}

func (f *feeder) Dial(_ poll.Target, s poll.Sink) (poll.Source, error) {
	f.src = &feedSource{sink: s, localAddr: listenAddr()}
	return f.src, nil
}

func (f *feeder) Listen(net.Listener, int, poll.AcceptSink) (poll.Acceptor, error) {
	return nil, poll.ErrUnsupported
}

func (f *feeder) Goroutine() uint64 { return 0 }

func (f *feeder) Shared() bool { return false }

func (f *feeder) Close() {}
