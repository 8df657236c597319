package multipart

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
)

// formBody is the reader of a form: for each part its head, then its data, and the last delimiter behind all. net/http closes a body
// while a goroutine of its own may still read it, so what Close touches is under a lock, and the rest is the reader's alone.
type formBody struct {
	parts []outPart // those that are left
	end   string
	text  string    // of a head, or the end, that is being read
	data  io.Reader // of the part in progress
	left  int64     // of data, if its size is known
	guard Parser    // finds the boundary in the data
	err   error

	mu     sync.Mutex
	file   io.Closer // what data is
	closed bool
}

// Read gives the next bytes.
func (b *formBody) Read(p []byte) (n int, err error) {
	b.mu.Lock()
	closed := b.closed
	b.mu.Unlock()
	if closed {
		return 0, fs.ErrClosed
	}
	for n < len(p) && b.err == nil {
		switch {
		case b.text != "":
			k := copy(p[n:], b.text)
			b.text = b.text[k:]
			n += k
		case b.data != nil:
			var k int
			k, b.err = b.readData(p[n:])
			n += k
			if k > 0 && b.data != nil {
				return n, nil // the file may be a pipe: give what there is
			}
		default:
			b.err = b.next()
		}
	}
	if n > 0 {
		return n, nil
	}
	return 0, b.err
}

// next turns to the head of the next part, and opens it; then to the end.
func (b *formBody) next() error {
	if len(b.parts) == 0 {
		b.text, b.end = b.end, ""
		if b.text == "" {
			return io.EOF
		}
		return nil
	}
	p := b.parts[0]
	file, err := p.open()
	if err != nil {
		return fmt.Errorf("multipart: %w", err)
	}
	b.parts, b.text, b.data, b.left = b.parts[1:], p.head, file, p.size
	b.guard.lineBegins()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		file.Close()
		return fs.ErrClosed
	}
	b.file = file
	return nil
}

// readData reads from the part's file.
func (b *formBody) readData(p []byte) (n int, err error) {
	n, err = b.data.Read(p)
	if b.left >= 0 {
		if int64(n) > b.left {
			return 0, ErrSize
		}
		b.left -= int64(n)
	}
	if b.holdsBoundary(p[:n]) {
		return 0, ErrBoundaryInData
	}
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		return n, fmt.Errorf("multipart: %w", err)
	case b.left > 0:
		return n, fmt.Errorf("multipart: a file is shorter than it was: %w", io.ErrUnexpectedEOF)
	}
	b.data = nil
	return n, b.release(false)
}

// holdsBoundary looks for the delimiter as the reader of the form will.
func (b *formBody) holdsBoundary(data []byte) bool {
	for len(data) > 0 {
		n, _, found := b.guard.scan(data)
		if found {
			return true
		}
		data = data[n:]
	}
	return false
}

// Close closes the file that is open, if any. The body gives nothing more.
func (b *formBody) Close() error { return b.release(true) }

func (b *formBody) release(closed bool) error {
	b.mu.Lock()
	file := b.file
	b.file, b.closed = nil, b.closed || closed
	b.mu.Unlock()
	if file == nil {
		return nil
	}
	return file.Close()
}
