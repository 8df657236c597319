//go:build linux && (amd64 || arm64 || loong64)

package poll

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloudwego/netpoll"
	"golang.org/x/sys/unix"
)

// NetpollEngine is the engine on cloudwego/netpoll's pollers.
type NetpollEngine struct{}

// Name is "netpoll".
func (NetpollEngine) Name() string { return "netpoll" }

var singletons struct {
	mu    sync.Mutex
	loops []*netpollLoop
}

// Loops returns the first n of the process's loops, made on first need. They never stop.
func (NetpollEngine) Loops(n int) ([]Loop, error) {
	s := &singletons
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.loops) < n {
		if err := growLoops(n); err != nil {
			return nil, err
		}
	}
	out := make([]Loop, n)
	for i := range out {
		out[i] = s.loops[i]
	}
	return out, nil
}

// growLoops adds the pollers that are not ours yet. The round robin may give ours again, so it asks for all n.
func growLoops(n int) error {
	polls, err := pickPolls(n)
	if err != nil {
		return err
	}
	for _, p := range polls {
		if len(singletons.loops) == n || ownsPoll(p) {
			continue
		}
		l, err := newNetpollLoop(p)
		if err != nil {
			return err
		}
		singletons.loops = append(singletons.loops, l)
	}
	if len(singletons.loops) < n {
		return fmt.Errorf("poll: netpoll gave %d loops of %d", len(singletons.loops), n)
	}
	return nil
}

func ownsPoll(p netpoll.Poll) bool {
	for _, l := range singletons.loops {
		if l.poll == p {
			return true
		}
	}
	return false
}

// netpollLoop is one poller with what we add to it: the end of the batch, a timerfd, and the auxiliary epoll set.
type netpollLoop struct {
	poll  netpoll.Poll
	owner atomic.Pointer[Owner]
	goid  uint64
	tfd   int
	aux   auxSet

	// again are sources whose peer has hung up: netpoll has detached them, so the loop itself goes on reading them, one
	// turn a batch.
	again, running []*fdSource
	freed          bool // operators were freed that netpoll has not taken back
	quiet          bool // the last batch has made no goroutine runnable

	mu     sync.Mutex
	hups   []hup        // from netpoll's hang-up goroutine
	notify []dispatcher // from the goroutines of net.Conns on this loop
	iov    [maxIovecs]unix.Iovec

	packets *packetBuffers // made with the first datagram socket
}

// hup is a hang-up on its way from netpoll's goroutine to the loop.
type hup struct {
	s   *fdSource
	gen uint32
}

func newNetpollLoop(p netpoll.Poll) (*netpollLoop, error) {
	l := &netpollLoop{poll: p}
	var err error
	if l.tfd, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("poll: timerfd: %w", err)
	}
	if err := l.aux.open(); err != nil {
		return nil, err
	}
	// The timerfd fires once now: its hook, on the loop, installs the end of the batch.
	ready := make(chan error, 1)
	started := false
	op := p.Alloc()
	op.FD = l.tfd
	op.OnHup = func(netpoll.Poll) error { return nil }
	op.OnRead = func(netpoll.Poll) error {
		var b [8]byte
		rawRead(l.tfd, b[:])
		if !started {
			started = true
			l.goid = GoroutineID()
			ready <- wrapPoll(p, l.batch, l.stay, func() bool { return l.quiet })
		}
		return nil
	}
	l.Arm(0)
	if err := p.Control(op, netpoll.PollReadable); err != nil {
		return nil, fmt.Errorf("poll: register timerfd: %w", err)
	}
	if err := <-ready; err != nil {
		return nil, err
	}
	registerLoop(l.goid)
	aux := p.Alloc()
	aux.FD = l.aux.fd
	aux.OnHup = func(netpoll.Poll) error { return nil }
	aux.OnRead = func(netpoll.Poll) error { l.aux.dispatch(); return nil }
	if err := p.Control(aux, netpoll.PollReadable); err != nil {
		return nil, fmt.Errorf("poll: register auxiliary epoll: %w", err)
	}
	return l, nil
}

// batch runs netpoll's handler and then our end of the batch, the one place where ADD, Free and close are legal.
func (l *netpollLoop) batch(orig func() bool) bool {
	o := l.owner.Load()
	if o == nil {
		return orig()
	}
	(*o).BatchStart()
	if orig() {
		panic("poll: netpoll closed a loop that calandria runs on: something in this process called netpoll.SetNumLoops " +
			"or Configure with fewer loops; call it before the first reactor, with at least as many")
	}
	l.takeNotes()
	l.runAgain()
	(*o).BatchEnd()
	q, ok := (*o).(QuietOwner)
	l.quiet = ok && q.Quiet()
	if len(l.again) > 0 {
		l.Wake()
	}
	return false
}

// stay says whether the loop may wait by itself for the next batch.
func (l *netpollLoop) stay() bool {
	freed := l.freed
	l.freed = false
	return !freed && l.owner.Load() != nil
}

// free gives an operator back.
func (l *netpollLoop) free(op *netpoll.FDOperator) {
	l.poll.Free(op)
	l.freed = true
}

func (l *netpollLoop) takeNotes() {
	l.mu.Lock()
	hups, notes := l.hups, l.notify
	l.hups, l.notify = nil, nil
	l.mu.Unlock()
	for _, h := range hups {
		h.s.hungUp(h.gen)
	}
	for _, s := range notes {
		s.dispatch()
	}
}

// runAgain gives each hung-up source one turn of reading.
func (l *netpollLoop) runAgain() {
	if len(l.again) == 0 {
		return
	}
	l.running, l.again = l.again, l.running[:0]
	for i, s := range l.running {
		l.running[i] = nil
		s.queued = false
		if s.reads() {
			s.sink.Readable()
			s.readAgain()
		}
	}
}

func (l *netpollLoop) postHup(s *fdSource, gen uint32) {
	l.mu.Lock()
	l.hups = append(l.hups, hup{s, gen})
	l.mu.Unlock()
	l.Wake()
}

// post is how a net.Conn's goroutine reaches the loop.
func (l *netpollLoop) post(s dispatcher) {
	l.mu.Lock()
	l.notify = append(l.notify, s)
	l.mu.Unlock()
	l.Wake()
}

// Start installs the owner.
func (l *netpollLoop) Start(o Owner) {
	l.owner.CompareAndSwap(nil, &o)
	l.Wake()
}

// Wake triggers an empty batch through netpoll's own eventfd; concurrent calls share one write.
func (l *netpollLoop) Wake() { l.poll.Trigger() }

// Arm sets the timerfd.
func (l *netpollLoop) Arm(d time.Duration) {
	var t unix.ItimerSpec
	if d >= 0 {
		t.Value = unix.NsecToTimespec(max(int64(d), 1)) // zero would disarm
	}
	unix.TimerfdSettime(l.tfd, 0, &t, nil)
}

// Goroutine is the poller's goroutine id.
func (l *netpollLoop) Goroutine() uint64 { return l.goid }

// Shared is true.
func (l *netpollLoop) Shared() bool { return true }

// Close does nothing: these loops belong to the process.
func (l *netpollLoop) Close() {}

// Attach registers a descriptor, or a net.Conn with a goroutine of its own.
func (l *netpollLoop) Attach(h Handle, s Sink) (Source, error) {
	if h.Conn != nil {
		return newConnSource(l, h.Conn, s), nil
	}
	return &fdSource{loop: l, sink: s, fd: h.FD}, nil
}

// Listen registers a listener by a duplicate of its descriptor, or with an accepting goroutine where it has none.
func (l *netpollLoop) Listen(ln net.Listener, _ int, s AcceptSink) (Acceptor, error) {
	fd, err := dupListener(ln)
	if err == ErrUnsupported {
		return newConnAcceptor(l, ln, s), nil
	}
	if err != nil {
		return nil, err
	}
	return newFDAcceptor(l, fd, s), nil
}
