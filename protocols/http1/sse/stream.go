package sse

import (
	"errors"
	"math"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

// Policy says what happens to a client whose queue is full because it does not read.
type Policy uint8

const (
	// DropClient ends its connection with ErrSlowClient: it comes back with its Last-Event-ID, and a Hub replays what it missed.
	DropClient Policy = iota
	// DropOldest drops the oldest events that wait, and counts them.
	DropOldest
)

// Config has the limits of a Stream. A negative value means unlimited, or never.
type Config struct {
	// Heartbeat is the silence after which a comment is sent, so that proxies keep the connection and a client that is gone
	// shows; 0: 15 s.
	Heartbeat time.Duration
	// Retry is sent first: when the client comes back; 0: nothing is.
	Retry time.Duration
	// MaxQueue bounds the events that wait for a client that does not read, behind those in its connection's queue, which go up to
	// reactor.Config.HighWater; 0: 256.
	MaxQueue int
	// MaxQueueBytes bounds their bytes; 0: 256 KiB.
	MaxQueueBytes int
	// Full says what happens then.
	Full Policy
}

const (
	defaultHeartbeat  = 15 * time.Second
	defaultQueue      = 256
	defaultQueueBytes = 256 << 10
)

func (c Config) withDefaults() Config {
	c.Heartbeat = or(c.Heartbeat, defaultHeartbeat)
	c.MaxQueue = or(c.MaxQueue, defaultQueue)
	c.MaxQueueBytes = or(c.MaxQueueBytes, defaultQueueBytes)
	return c
}

func or[T int | time.Duration](v, def T) T {
	switch {
	case v == 0:
		return def
	case v < 0:
		return T(math.MaxInt)
	}
	return v
}

// closeError is why a stream ended: the label of the reactor's metrics, too.
type closeError struct {
	msg, reason string
	is          error
}

func (e *closeError) Error() string       { return "sse: " + e.msg }
func (e *closeError) CloseReason() string { return e.reason }
func (e *closeError) Unwrap() error       { return e.is }

var (
	// ErrSlowClient: the client does not read, and its queue was full.
	ErrSlowClient error = &closeError{"client does not read its events", "sse_slow_client", nil}
	// ErrClosed: the stream has ended.
	ErrClosed error = &closeError{"stream is closed", "sse_closed", net.ErrClosed}
	// ErrFull: a Hub has as many streams as it takes: answer 503.
	ErrFull = errors.New("sse: too many streams")
	// ErrNoBody: the request was HEAD, and is answered.
	ErrNoBody = errors.New("sse: HEAD gets no events")
)

// Stream is an answer that sends events until it or the client ends it. Its methods are safe from any goroutine.
type Stream struct {
	cfg    Config
	c      *reactor.Conn
	x      *http1.Exchange // on the loop, and while over is false, only
	beat   reactor.Timer
	over   bool // loop only
	missed bool
	lastID string

	mu      sync.Mutex
	queue   [][]byte // frames, which may be other streams', too
	bytes   int
	posted  bool // a flush is on its way
	closing bool
	closed  bool
	dropped uint64
	onClose []func(err error)
	err     error
}

// Start answers x with a stream of events. Loop only. A request for HEAD is answered, and is ErrNoBody. The answer is not to
// be stored (Cache-Control: no-store); proxies like nginx are told not to buffer it.
func Start(x *http1.Exchange, cfg Config) (*Stream, error) {
	s := &Stream{cfg: cfg.withDefaults(), c: x.Conn(), x: x}
	if id, ok := x.Request().Get("Last-Event-ID"); ok {
		s.lastID = string(id)
	}
	head := string(x.Method()) == http.MethodHead
	x.SetHeader("Cache-Control", "no-store")
	x.SetHeader("X-Accel-Buffering", "no")
	if err := x.Start(http.StatusOK, "text/event-stream", -1); err != nil {
		return nil, err
	}
	if head {
		x.Finish()
		return nil, ErrNoBody
	}
	x.OnDone(func(_ *http1.Exchange, r *http1.Result) { s.end(r.Err) })
	x.OnWritable(func(*http1.Exchange) { s.flush() })
	first := AppendComment(nil, "")
	if cfg.Retry > 0 {
		e := Event{Retry: cfg.Retry}
		first, _ = e.Append(nil)
	}
	s.c.InitTimer(&s.beat, s.heartbeat)
	s.rearm()
	if _, err := x.Write(first); err != nil {
		return nil, err
	}
	return s, x.Flush()
}

// LastEventID is the ID of the last event that the client got before it came back, or empty. A client may send anything.
func (s *Stream) LastEventID() string { return s.lastID }

// Missed says that a Hub did not have all that the client has missed any more, or does not know its Last-Event-ID.
func (s *Stream) Missed() bool { return s.missed }

// Dropped counts the events that DropOldest has dropped.
func (s *Stream) Dropped() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

// Send queues an event; it is written by the loop, together with what else is queued by then. ErrClosed after the end,
// ErrSlowClient if the queue was full and the Policy is DropClient, or what is wrong with the event.
func (s *Stream) Send(e Event) error {
	frame, err := e.Append(nil)
	if err != nil {
		return err
	}
	return s.push(frame)
}

// push queues a frame, which must not change any more.
func (s *Stream) push(frames ...[]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.closing {
		return ErrClosed
	}
	for _, f := range frames {
		if len(s.queue) >= s.cfg.MaxQueue || len(f) > s.cfg.MaxQueueBytes-s.bytes {
			if !s.makeRoomLocked(len(f)) {
				s.closing = true
				s.c.Post(s.dropClient)
				return ErrSlowClient
			}
		}
		s.queue = append(s.queue, f)
		s.bytes += len(f)
	}
	s.postLocked()
	return nil
}

// replay queues frames beyond the limits: they are the Hub's, and bounded there.
func (s *Stream) replay(frames [][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range frames {
		s.queue = append(s.queue, f)
		s.bytes += len(f)
	}
	s.postLocked()
}

// makeRoomLocked drops the oldest frames, if that is the policy.
func (s *Stream) makeRoomLocked(n int) bool {
	if s.cfg.Full != DropOldest {
		return false
	}
	for len(s.queue) > 0 && (len(s.queue) >= s.cfg.MaxQueue || n > s.cfg.MaxQueueBytes-s.bytes) {
		s.popLocked()
		s.dropped++
	}
	return true // one larger than all the room is sent alone
}

func (s *Stream) popLocked() []byte {
	f := s.queue[0]
	s.queue[0] = nil
	s.bytes -= len(f)
	if s.queue = s.queue[1:]; len(s.queue) == 0 {
		s.queue = nil
	}
	return f
}

func (s *Stream) postLocked() {
	if !s.posted {
		s.posted = s.c.Post(func() {
			s.mu.Lock()
			s.posted = false
			s.mu.Unlock()
			s.flush()
		})
	}
}

// Close ends the stream after what is queued. A client then comes back, unless it is told not to by an answer of 204.
func (s *Stream) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed && !s.closing {
		s.closing = true
		s.postLocked()
	}
}

// OnClose has f called once, when the stream has ended: with nil after Close, else why. It runs on the loop, or at once if
// the stream has ended already.
func (s *Stream) OnClose(f func(err error)) {
	s.mu.Lock()
	if !s.closed {
		s.onClose = append(s.onClose, f)
		s.mu.Unlock()
		return
	}
	err := s.err
	s.mu.Unlock()
	f(err)
}

// flush writes what is queued, as far as the connection takes it. Loop only, as what follows.
func (s *Stream) flush() {
	if s.over {
		return
	}
	wrote := false
	for !s.c.OverHigh() {
		s.mu.Lock()
		if len(s.queue) == 0 {
			closing := s.closing
			s.mu.Unlock()
			s.flushed(wrote, closing)
			return
		}
		f := s.popLocked()
		s.mu.Unlock()
		if _, err := s.x.Write(f); err != nil {
			return // end follows
		}
		wrote = true
	}
	s.flushed(wrote, false)
}

func (s *Stream) flushed(wrote, closing bool) {
	switch {
	case closing:
		s.x.Finish()
	case wrote:
		s.x.Flush()
		s.rearm()
	}
}

func (s *Stream) rearm() {
	if s.cfg.Heartbeat < math.MaxInt {
		s.beat.Reset(s.cfg.Heartbeat)
	}
}

// heartbeat breaks a silence. A client that does not read is the reactor's to end.
func (s *Stream) heartbeat() {
	if s.over {
		return
	}
	if !s.c.OverHigh() {
		if _, err := s.x.Write([]byte(":\n\n")); err != nil {
			return
		}
		s.x.Flush()
	}
	if !s.over {
		s.rearm()
	}
}

func (s *Stream) dropClient() {
	if !s.over {
		s.x.Abort(ErrSlowClient)
	}
}

// end is the exchange's end.
func (s *Stream) end(err error) {
	s.over = true
	s.x = nil
	s.beat.Stop()
	s.mu.Lock()
	s.closed, s.queue, s.bytes, s.err = true, nil, 0, err
	fs := s.onClose
	s.onClose = nil
	s.mu.Unlock()
	for _, f := range fs {
		f(err)
	}
}
