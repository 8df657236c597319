package http1

import (
	"sync"
	"sync/atomic"
	"time"
)

type entryKind uint8

const (
	entryMissing  entryKind = iota // status says what to answer
	entryFile                      // a file, or the index of a directory
	entryRedirect                  // a directory that was asked for without a slash
	entryList                      // a directory without an index, to be listed
)

// fileEntry is what a name stands for. But for what the cache's lock guards it does not change.
type fileEntry struct {
	key      string
	kind     entryKind
	uncached bool
	status   int
	file     *content
	coded    []*content // precompressed, the best first
	bytes    int64      // in memory

	refs atomic.Int32 // the cache's, and those of answers in progress; files are closed with the last

	// Guarded by fileCache.mu.
	prev, next *fileEntry
	checked    time.Time
	used       time.Time
}

// acquire takes a reference; false if the last was given back.
func (e *fileEntry) acquire() bool {
	for {
		n := e.refs.Load()
		if n == 0 && !e.uncached {
			return false
		}
		if e.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (e *fileEntry) release() {
	if e.refs.Add(-1) > 0 || e.uncached {
		return
	}
	if e.file != nil {
		e.file.close()
	}
	for _, c := range e.coded {
		c.close()
	}
}

// flight is a look-up in progress.
type flight struct {
	old     *fileEntry // what was known, held
	waiting []ticket
}

// fileCache keeps what names stand for: files open or in memory, and names that do not exist, each bounded and the one unused
// for the longest time thrown out first. Any goroutine.
type fileCache struct {
	valid, inactive time.Duration
	maxEntries      int
	maxBytes        int64

	mu      sync.Mutex
	closed  bool
	entries map[string]*fileEntry
	flights map[string]*flight
	present entryRing
	missing entryRing
	bytes   int64
}

func (c *fileCache) init(cfg *FilesConfig) {
	c.valid, c.inactive = cfg.CacheValid, cfg.CacheInactive
	c.maxEntries, c.maxBytes = cfg.CacheEntries, cfg.MemoryTotal
	c.entries, c.flights = map[string]*fileEntry{}, map[string]*flight{}
}

// get gives what key stands for, held, if that is known and young enough. stale says that it is time to look again.
func (c *fileCache) get(key []byte, now time.Time) (e *fileEntry, stale bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e = c.entries[string(key)]
	if e == nil {
		return nil, false
	}
	age := now.Sub(e.checked)
	if age >= c.valid {
		return nil, false
	}
	e.used = now
	c.listOf(e).front(e)
	e.refs.Add(1)
	if age > c.valid/2 {
		_, flying := c.flights[string(key)]
		stale = !flying
	}
	return e, stale
}

// join waits for a look-up of key; first says that the caller has to begin it. f is nil after close.
func (c *fileCache) join(key string, t ticket) (f *flight, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, false
	}
	f = c.flights[key]
	if f == nil {
		first = true
		f = &flight{old: c.entries[key]}
		if f.old != nil {
			f.old.refs.Add(1)
		}
		c.flights[key] = f
	}
	if t.c != nil {
		f.waiting = append(f.waiting, t)
	}
	return f, first
}

// settle keeps what a look-up has found, which may be what was known, and gives those who wait.
func (c *fileCache) settle(key string, f *flight, e *fileEntry) []ticket {
	now := time.Now()
	var out []*fileEntry
	c.mu.Lock()
	delete(c.flights, key)
	known := c.entries[key]
	switch {
	case e.uncached:
	case c.closed:
		if e != f.old {
			out = append(out, e)
		}
	case e == known:
		e.checked = now
	default:
		if known != nil {
			out = append(out, c.remove(known))
		}
		if e == f.old { // thrown out meanwhile: the look-up's reference becomes the cache's
			f.old = nil
		}
		e.checked, e.used = now, now
		c.insert(e)
		out = c.trim(out, e, now)
	}
	if f.old != nil {
		out = append(out, f.old)
	}
	waiting := f.waiting
	c.mu.Unlock()
	for _, e := range out {
		e.release()
	}
	return waiting
}

func (c *fileCache) insert(e *fileEntry) {
	c.entries[e.key] = e
	c.listOf(e).push(e)
	c.bytes += e.bytes
}

// remove takes e out; the caller releases it, without the lock.
func (c *fileCache) remove(e *fileEntry) *fileEntry {
	delete(c.entries, e.key)
	c.listOf(e).remove(e)
	c.bytes -= e.bytes
	return e
}

// trim throws out what is too much, but not keep, and what nobody has asked for.
func (c *fileCache) trim(out []*fileEntry, keep *fileEntry, now time.Time) []*fileEntry {
	for _, l := range []*entryRing{&c.present, &c.missing} {
		for e := l.last; e != nil && e != keep; e = l.last {
			if l.n <= c.maxEntries && (l == &c.missing || c.bytes <= c.maxBytes) && now.Sub(e.used) < c.inactive {
				break
			}
			out = append(out, c.remove(e))
		}
	}
	return out
}

func (c *fileCache) close() {
	c.mu.Lock()
	c.closed = true
	var out []*fileEntry
	for _, e := range c.entries {
		out = append(out, c.remove(e))
	}
	c.mu.Unlock()
	for _, e := range out {
		e.release()
	}
}

func (c *fileCache) listOf(e *fileEntry) *entryRing {
	if e.kind == entryMissing {
		return &c.missing
	}
	return &c.present
}

// entryRing is a list of entries, the one used last in front.
type entryRing struct {
	first, last *fileEntry
	n           int
}

func (l *entryRing) push(e *fileEntry) {
	e.prev, e.next = nil, l.first
	if l.first != nil {
		l.first.prev = e
	} else {
		l.last = e
	}
	l.first = e
	l.n++
}

func (l *entryRing) remove(e *fileEntry) {
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		l.first = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		l.last = e.prev
	}
	e.prev, e.next = nil, nil
	l.n--
}

func (l *entryRing) front(e *fileEntry) {
	if l.first != e {
		l.remove(e)
		l.push(e)
	}
}
