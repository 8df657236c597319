package reactor

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/calandria-go/calandria/reactor/internal/poll"
)

const (
	// fileStep bounds one sendfile.
	fileStep = 256 << 10
	// aheadStep is how much of a file that is not in memory one worker reads before the loop sends it.
	aheadStep = 1 << 20
	// aheadRetry is the time until a worker is asked for again, when there are too many.
	aheadRetry = 10 * time.Millisecond
)

// resident says whether a part of a file can be sent without waiting for the disk; a variable for tests, since the page cache
// does what it likes.
var resident = poll.Resident

// fileRange is what is left to be sent of a file. It belongs to the loop, but for done.
type fileRange struct {
	f       *os.File
	off     int64
	left    int64
	warm    int64 // up to here no disk has to be waited for, as far as is known
	reading bool  // a worker makes it so; guarded by the connection's lock
	done    func()
}

// SendFile queues n bytes of f from off, sent by sendfile(2) where the system has it, at most 256 KiB a step. What is not in
// the page cache is read ahead by a worker, 1 MiB at a time, so that the loop does not wait for a disk: it costs one copy then, and
// nothing but some probes else. done is called once, on the loop, when f is no longer needed, sent or not; it may be nil. f
// must have these bytes: a file that ends early closes the connection with io.ErrUnexpectedEOF. With a Layer it is
// errors.ErrUnsupported: stream the file by Write and OnWritable, as http1.Exchange.SendFile does. The range does not count in
// Unsent. Any goroutine.
func (c *Conn) SendFile(f *os.File, off, n int64, done func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.layer != nil {
		return errors.ErrUnsupported
	}
	if err := c.admitLocked(0); err != nil {
		return err
	}
	if n <= 0 {
		if done != nil {
			c.loop.post(nil, func() { c.guard(done) })
		}
		return nil
	}
	c.pushLocked(&chunk{class: classNone, file: &fileRange{f: f, off: off, left: n, done: done}})
	c.queuedLocked(0)
	return nil
}

// diskLocked says whether the queue waits for a worker that reads a file.
func (c *Conn) diskLocked() bool { return c.head != nil && c.head.file != nil && c.head.file.reading }

// sendFileLocked sends a step of the file at the head, or has it read first: then it has sent 0 of 0 bytes.
func (c *Conn) sendFileLocked(k *chunk) (n, asked int, err error) {
	r := k.file
	asked = int(min(r.left, fileStep))
	if end := r.off + int64(asked); end > r.warm {
		if !resident(r.f, r.off, asked) {
			c.readAheadLocked(r)
			return 0, 0, nil
		}
		r.warm = end
	}
	n, err = c.src.SendFile(r.f, r.off, asked)
	if errors.Is(err, poll.ErrUnsupported) {
		n, err = c.copyFile(r, asked)
	}
	if err == nil && n == 0 {
		err = io.ErrUnexpectedEOF
	}
	r.off += int64(n)
	if r.left -= int64(n); r.left == 0 {
		c.popLocked()
	}
	return n, asked, err
}

// copyFile is for streams without sendfile.
func (c *Conn) copyFile(r *fileRange, n int) (int, error) {
	k := newChunk(min(n, chunkSizes[len(chunkSizes)-1]))
	defer k.free()
	m, err := r.f.ReadAt(k.b[:min(n, cap(k.b))], r.off)
	if m == 0 && err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return 0, err
	}
	return c.src.Write(k.b[:m])
}

// readAheadLocked has a worker bring what comes next into memory; the queue waits.
func (c *Conn) readAheadLocked(r *fileRange) {
	r.reading = true
	off, n := r.off, min(r.left, aheadStep)
	err := c.reactor.workers.run(c.loop, job{c: c, f: func() {
		readFile(r.f, off, n)
		c.Post(func() { c.readOn(r, off+n) })
	}})
	if err != nil { // ErrOverload
		c.AfterFunc(aheadRetry, func() { c.readOn(r, 0) })
	}
}

// readOn goes on with a file that was read ahead up to warm. The end of the turn sends.
func (c *Conn) readOn(r *fileRange, warm int64) {
	c.mu.Lock()
	r.reading = false
	r.warm = max(r.warm, warm)
	c.progress = c.loop.mark // the peer is not to blame for the disk
	c.mu.Unlock()
}

// readFile reads a part of a file into the page cache. What goes wrong shows again when it is sent.
func readFile(f *os.File, off, n int64) {
	k := newChunk(chunkSizes[len(chunkSizes)-1])
	defer k.free()
	for n > 0 {
		m, err := f.ReadAt(k.b[:min(n, int64(cap(k.b)))], off)
		if err != nil || m == 0 {
			return
		}
		off += int64(m)
		n -= int64(m)
	}
}
