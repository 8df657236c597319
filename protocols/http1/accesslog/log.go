package accesslog

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/internal/perloop"
)

// Config is what a Log is made from. Output or File must be set; the zero value of the rest is a safe default.
type Config struct {
	// Output takes whole lines, many at once, from one goroutine. If it has a method Reopen() error, Log.Reopen calls it.
	Output io.Writer
	// File is a file that lumberjack rotates, in the place of Output. Log.Reopen closes it, so that the next line makes it anew.
	File *lumberjack.Logger
	// Format is what a line looks like; the zero value is Combined.
	Format Format
	// BufferBytes is how much a loop gathers before it hands it over; 0: 32 KiB. There are two such buffers for each loop at rest.
	BufferBytes int
	// QueueBytes bounds what waits to be written; beyond it lines are dropped and counted; 0: 4 MiB.
	QueueBytes int
	// FlushEvery is how long a line may wait in a loop's buffer; 0: 200 ms.
	FlushEvery time.Duration
	// RequestID gives $request_id; nil: the request's field X-Request-Id. It runs on the loop.
	RequestID func(x *http1.Exchange) string
	// User gives $remote_user; nil: the user that Basic credentials name, checked or not, as in nginx. It runs on the loop.
	User func(x *http1.Exchange) string
	// Logger gets failures to write, one line a minute at most; nil: slog.Default.
	Logger *slog.Logger
}

const (
	defaultBuffer = 32 << 10
	defaultQueue  = 4 << 20
	defaultFlush  = 200 * time.Millisecond
	reportEvery   = time.Minute
)

// Stats are a Log's counters.
type Stats struct {
	// Lines counts those that were rendered, Dropped those of them that were thrown away because the queue was full or because
	// writing failed.
	Lines, Dropped uint64
	// Bytes counts what was written. Errors counts writes that failed.
	Bytes, Errors uint64
}

// Log writes an access log. Its methods are safe from any goroutine; OnDone is for the loops.
type Log struct {
	cfg    Config
	format Format
	out    io.Writer
	size   int
	loops  perloop.Table[buffer]

	queue chan batch
	empty chan []byte // written buffers, for reuse
	wake  chan struct{}
	order chan order
	ended chan struct{}
	once  sync.Once

	closed  atomic.Bool
	dropped atomic.Uint64
	bytes   atomic.Uint64
	errors  atomic.Uint64
}

// batch is a full buffer on its way.
type batch struct {
	b     []byte
	lines int
}

// order has the writer do something between two writes: after all that was logged before it.
type order struct {
	do   func() error
	done chan error
}

// buffer is what one loop gathers. The lock is free but for the moments in which the writer takes the buffer away.
type buffer struct {
	mu    sync.Mutex
	b     []byte
	lines int
	total uint64
	entry entry
}

// New makes a Log that writes to w.
func New(w io.Writer, f Format) (*Log, error) { return Config{Output: w, Format: f}.New() }

// New makes a Log, and starts its goroutine, which Close ends.
func (c Config) New() (*Log, error) {
	l := &Log{cfg: c, format: c.Format, out: c.Output}
	switch {
	case c.File != nil && c.Output != nil:
		return nil, errors.New("accesslog: both Output and File are set")
	case c.File != nil:
		l.out = c.File
	case c.Output == nil:
		return nil, errors.New("accesslog: neither Output nor File is set")
	}
	if l.cfg.Logger == nil {
		l.cfg.Logger = slog.Default()
	}
	if l.format.append == nil {
		l.format = Combined
	}
	if l.cfg.FlushEvery <= 0 {
		l.cfg.FlushEvery = defaultFlush
	}
	l.size = c.BufferBytes
	if l.size <= 0 {
		l.size = defaultBuffer
	}
	queue := c.QueueBytes
	if queue <= 0 {
		queue = defaultQueue
	}
	l.queue = make(chan batch, max(queue/l.size, 1))
	l.empty = make(chan []byte, 8)
	l.wake = make(chan struct{}, 1)
	l.order = make(chan order)
	l.ended = make(chan struct{})
	go l.write()
	return l, nil
}

// OnDone logs one exchange. It never waits. After Close it drops.
func (l *Log) OnDone(x *http1.Exchange, r *http1.Result) {
	b := l.loops.Of(x.Conn())
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total++
	if l.closed.Load() {
		l.dropped.Add(1)
		return
	}
	first := len(b.b) == 0
	if b.b == nil {
		b.b = l.buffer()
	}
	e := &b.entry
	e.log, e.x, e.r = l, x, r
	e.clock.set(x.Now())
	b.b = append(l.format.append(b.b, e), '\n')
	e.x, e.r = nil, nil
	b.lines++
	if len(b.b) > l.size-l.size/8 { // most lines fit into what is left, so the buffer hardly ever grows
		l.handOver(b)
	} else if first {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// buffer gives an empty one.
func (l *Log) buffer() []byte {
	select {
	case b := <-l.empty:
		return b
	default:
		return make([]byte, 0, l.size)
	}
}

// handOver queues what a loop has gathered, or drops it. b.mu is held.
func (l *Log) handOver(b *buffer) {
	select {
	case l.queue <- batch{b.b, b.lines}:
		b.b = nil
	default:
		l.dropped.Add(uint64(b.lines))
		b.b = b.b[:0]
	}
	b.lines = 0
}

// Flush writes what was logged before the call, and waits for that.
func (l *Log) Flush(ctx context.Context) error {
	return l.command(ctx, func() error { return nil })
}

// Reopen writes what was logged before to the old file, and closes it, so that the next line makes it anew: for SIGHUP, after
// logrotate or another program has moved it away. It waits for that. An Output without Reopen stays as it is.
func (l *Log) Reopen() error {
	return l.command(context.Background(), func() error {
		if l.cfg.File != nil {
			return l.cfg.File.Close()
		}
		if r, ok := l.out.(interface{ Reopen() error }); ok {
			return r.Reopen()
		}
		return nil
	})
}

// Close writes what was logged, ends the goroutine, and closes File; Output stays open. Close the server first: lines that come
// later are dropped. A second call returns net.ErrClosed.
func (l *Log) Close() error {
	err := net.ErrClosed
	l.once.Do(func() {
		err = l.command(context.Background(), func() error {
			l.closed.Store(true)
			l.flush() // what came since
			if l.cfg.File != nil {
				return l.cfg.File.Close()
			}
			return nil
		})
		<-l.ended
	})
	return err
}

func (l *Log) command(ctx context.Context, do func() error) error {
	o := order{do, make(chan error, 1)}
	select {
	case l.order <- o:
	case <-l.ended:
		return net.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stats gives the counters.
func (l *Log) Stats() Stats {
	s := Stats{Dropped: l.dropped.Load(), Bytes: l.bytes.Load(), Errors: l.errors.Load()}
	for _, set := range l.loops.Sets() {
		for _, b := range set.Loops {
			b.mu.Lock()
			s.Lines += b.total
			b.mu.Unlock()
		}
	}
	return s
}
