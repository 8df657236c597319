package smtp

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// The defaults of a Queue.
const (
	defaultMaxMessages    = 1000
	defaultMaxBytes       = 64 << 20
	defaultWorkers        = 2
	defaultFirstDelay     = time.Minute
	defaultMaxDelay       = time.Hour
	defaultMaxAge         = 24 * time.Hour
	defaultAttemptTimeout = 15 * time.Minute
)

// Sender sends one message. *Client is one.
type Sender interface {
	// Send returns nil when the message was taken; an error for which IsTemporary holds is worth another try.
	Send(ctx context.Context, m *Message) error
}

// Queue sends messages one after another, and those that fail for now again: after FirstDelay, and then after twice as long each
// time. It is in memory: what waits when the process ends is lost, so Close gives it back. The zero value with a Client
// is good. Its fields must not change once it is used; its methods are safe from any goroutine, a loop's too.
//
// A message that waits costs its own size, and no goroutine; each that is being sent costs one, and a connection.
type Queue struct {
	// Client sends; it must be set.
	Client Sender
	// Done is called for each message when it is over with it, once, on a goroutine of the Queue's: with nil when it was taken, or with
	// the last error when it was given up: because that was for good, or MaxAge was over. nil: nobody is told.
	Done func(m *Message, attempts int, err error)
	// Logger tells of each attempt that failed; nil: nobody.
	Logger *slog.Logger

	// MaxMessages bounds those that wait or are being sent; Add fails with ErrQueueFull beyond. 0: 1,000; negative: unlimited.
	MaxMessages int
	// MaxBytes bounds their sizes together, files of attachments not counted; 0: 64 MiB; negative: unlimited.
	MaxBytes int64
	// Workers is how many are sent at a time; 0 or negative: 2.
	Workers int
	// FirstDelay is the time to the second attempt, MaxDelay the longest between two; 0: 1 min and 1 h; negative: as 0. Each is
	// shortened by up to a half at random, so that what failed together does not come back together.
	FirstDelay, MaxDelay time.Duration
	// MaxAge is for how long a message is tried; 0: 24 h; negative: for ever.
	MaxAge time.Duration
	// AttemptTimeout bounds one attempt; 0: 15 min; negative: unlimited.
	AttemptTimeout time.Duration

	mu      sync.Mutex
	idle    sync.Cond // running has become 0
	waiting items
	timer   *time.Timer
	running int
	bytes   int64
	closed  bool
	halt    context.CancelFunc
	ctx     context.Context
	stats   QueueStats
}

// QueueStats are a Queue's counters, and what it holds now.
type QueueStats struct {
	// Added were taken by Add; Refused were not: the queue was full, or the message could not be sent at all.
	Added, Refused uint64
	// Sent were taken by the server; Failed were given up. Attempts that failed for now are Retries.
	Sent, Failed, Retries uint64
	// Waiting is how many wait for an attempt, Sending how many are being sent.
	Waiting, Sending int
	// Bytes is their size together.
	Bytes int64
}

// item is a message in a Queue.
type item struct {
	m        *Message
	size     int64
	added    time.Time
	due      time.Time
	attempts int
}

// items is a heap by due.
type items []*item

func (h items) Len() int           { return len(h) }
func (h items) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h items) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *items) Push(x any)        { *h = append(*h, x.(*item)) }
func (h *items) Pop() any {
	old := *h
	x := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return x
}

// Add takes a message, and has it sent soon. It is checked now, as by Message.Check, and must not be changed any more. The error is
// ErrQueueFull, ErrQueueClosed, or what is wrong with the message. It does not wait for the network.
func (q *Queue) Add(m *Message) error {
	err := m.Check()
	now := time.Now()
	it := &item{m: m, size: m.size(), added: now, due: now}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.init()
	limit, bytes := orDefault(q.MaxMessages, defaultMaxMessages), orDefault(q.MaxBytes, defaultMaxBytes)
	switch {
	case err != nil:
	case q.Client == nil:
		err = fmt.Errorf("%w: a Queue needs a Client", ErrConfig)
	case q.closed:
		err = ErrQueueClosed
	case limit > 0 && len(q.waiting)+q.running >= limit, bytes > 0 && q.bytes+it.size > bytes:
		err = ErrQueueFull
	}
	if err != nil {
		q.stats.Refused++
		return err
	}
	q.stats.Added++
	q.bytes += it.size
	heap.Push(&q.waiting, it)
	q.pump()
	return nil
}

// init makes what the zero value does not have. With the lock.
func (q *Queue) init() {
	if q.ctx == nil {
		q.ctx, q.halt = context.WithCancel(context.Background())
		q.idle.L = &q.mu
	}
}

// pump begins what is due, as far as there are workers, and sets the timer for what is not. With the lock.
func (q *Queue) pump() {
	for !q.closed && len(q.waiting) > 0 && q.running < q.workers() {
		if wait := time.Until(q.waiting[0].due); wait > 0 {
			if q.timer == nil {
				q.timer = time.AfterFunc(wait, q.wake)
			} else {
				q.timer.Reset(wait)
			}
			return
		}
		it := heap.Pop(&q.waiting).(*item)
		q.running++
		go q.work(it)
	}
}

func (q *Queue) workers() int {
	if q.Workers <= 0 {
		return defaultWorkers
	}
	return q.Workers
}

func (q *Queue) wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pump()
}

// work makes one attempt, on a goroutine of its own.
func (q *Queue) work(it *item) {
	ctx := q.ctx
	if t := orDefault(q.AttemptTimeout, defaultAttemptTimeout); t > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t)
		defer cancel()
	}
	it.attempts++
	err := q.send(ctx, it.m)
	halted := q.ctx.Err() != nil
	again := err != nil && (IsTemporary(err) || errors.Is(err, context.DeadlineExceeded) || halted)
	if age := orDefault(q.MaxAge, defaultMaxAge); again && !halted && age > 0 && time.Since(it.added) >= age {
		again = false
	}
	if !again && q.Done != nil {
		q.tell(it, err)
	}
	if err != nil && q.Logger != nil {
		q.Logger.Warn("smtp: a message was not sent", "attempts", it.attempts, "again", again, "error", err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running--
	switch {
	case again:
		q.stats.Retries++
		it.due = time.Now().Add(q.delay(it.attempts))
		heap.Push(&q.waiting, it)
	case err != nil:
		q.stats.Failed++
		q.bytes -= it.size
	default:
		q.stats.Sent++
		q.bytes -= it.size
	}
	if q.running == 0 {
		q.idle.Broadcast()
	}
	q.pump()
}

// send is the Client's, whose panic is one message's failure.
func (q *Queue) send(ctx context.Context, m *Message) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("smtp: the sender panicked: %v", v)
		}
	}()
	return q.Client.Send(ctx, m)
}

// tell calls Done, whose panic is its own.
func (q *Queue) tell(it *item, err error) {
	defer func() {
		if v := recover(); v != nil && q.Logger != nil {
			q.Logger.Error("smtp: Queue.Done panicked", "value", fmt.Sprint(v))
		}
	}()
	q.Done(it.m, it.attempts, err)
}

// delay is the time after an attempt: FirstDelay, doubled for each one before, at most MaxDelay, and at random between half of
// that and all of it.
func (q *Queue) delay(attempts int) time.Duration {
	first, most := q.FirstDelay, q.MaxDelay
	if first <= 0 {
		first = defaultFirstDelay
	}
	if most <= 0 {
		most = defaultMaxDelay
	}
	d := min(first, most)
	for ; attempts > 1 && d < most; attempts-- {
		d = min(2*d, most)
	}
	return d/2 + rand.N(d/2+1)
}

// Close takes no more messages and begins no more attempts. It waits for those that are on their way until ctx ends, then ends
// them. What was not sent comes back, the oldest attempt first; Done is not called for it. Later calls give nothing.
func (q *Queue) Close(ctx context.Context) []*Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.init()
	q.closed = true
	if q.timer != nil {
		q.timer.Stop()
	}
	defer context.AfterFunc(ctx, q.halt)()
	for q.running > 0 {
		q.idle.Wait()
	}
	q.halt()
	var left []*Message
	for len(q.waiting) > 0 {
		it := heap.Pop(&q.waiting).(*item)
		q.bytes -= it.size
		left = append(left, it.m)
	}
	return left
}

// Stats says what has been done so far. Any goroutine.
func (q *Queue) Stats() QueueStats {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.stats
	s.Waiting, s.Sending, s.Bytes = len(q.waiting), q.running, q.bytes
	return s
}
