package accesslog

import (
	"io"
	"time"
)

// write is the goroutine that writes. While nothing is logged it sleeps.
func (l *Log) write() {
	defer close(l.ended)
	w := &writer{l: l}
	timer := time.NewTimer(l.cfg.FlushEvery)
	timer.Stop()
	armed := false
	for {
		select {
		case b := <-l.queue:
			w.put(b)
		case <-l.wake:
			if !armed {
				armed = true
				timer.Reset(l.cfg.FlushEvery)
			}
		case <-timer.C:
			armed = false
			w.collect()
		case o := <-l.order:
			w.collect()
			o.done <- o.do()
			if l.closed.Load() {
				return
			}
		}
	}
}

// flush writes what is queued and gathered. For the writer's goroutine.
func (l *Log) flush() {
	(&writer{l: l}).collect()
}

// writer is the state of the writing goroutine.
type writer struct {
	l        *Log
	reported time.Time
}

// collect writes what the loops have gathered, after what is queued. A loop waits for it no longer than it takes to exchange two slices.
func (w *writer) collect() {
	for _, set := range w.l.loops.Sets() {
		for _, b := range set.Loops {
			b.mu.Lock()
			one := batch{b.b, b.lines}
			b.b, b.lines = nil, 0
			older := len(w.l.queue)
			b.mu.Unlock()
			for range older { // what this loop has handed over before
				w.put(<-w.l.queue)
			}
			w.put(one)
		}
	}
}

func (w *writer) put(b batch) {
	if len(b.b) == 0 {
		return
	}
	n, err := w.l.out.Write(b.b)
	if err == nil && n < len(b.b) {
		err = io.ErrShortWrite
	}
	w.l.bytes.Add(uint64(max(n, 0)))
	if err != nil {
		w.l.errors.Add(1)
		w.l.dropped.Add(uint64(b.lines))
		if now := time.Now(); now.Sub(w.reported) >= reportEvery {
			w.reported = now
			w.l.cfg.Logger.Error("accesslog: cannot write", "err", err, "lines", b.lines)
		}
	}
	if cap(b.b) <= 2*w.l.size {
		select {
		case w.l.empty <- b.b[:0]:
		default:
		}
	}
}
