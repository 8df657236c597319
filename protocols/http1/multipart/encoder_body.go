package multipart

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// formBody is the reader of a form: for each part its head, then its data, and the last delimiter behind all.
type formBody struct {
	parts []outPart // those that are left; the first is in progress if file is not nil
	end   string
	text  string // of a head, or the end, that is being read
	file  io.ReadCloser
	left  int64  // of file, if its size is known
	guard Parser // finds the boundary in the data
	err   error
}

// Read gives the next bytes.
func (b *formBody) Read(p []byte) (n int, err error) {
	for n < len(p) && b.err == nil {
		switch {
		case b.text != "":
			k := copy(p[n:], b.text)
			b.text = b.text[k:]
			n += k
		case b.file != nil:
			var k int
			k, b.err = b.data(p[n:])
			n += k
			if k > 0 && b.file != nil {
				return n, b.err // the file may be a pipe: give what there is
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
	b.parts, b.text, b.file, b.left = b.parts[1:], p.head, file, p.size
	b.guard.lineBegins()
	return nil
}

// data reads from the part's file.
func (b *formBody) data(p []byte) (n int, err error) {
	n, err = b.file.Read(p)
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
	err = b.file.Close()
	b.file = nil
	return n, err
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
func (b *formBody) Close() error {
	b.parts, b.end, b.text = nil, "", ""
	if b.err == nil {
		b.err = fs.ErrClosed
	}
	if b.file == nil {
		return nil
	}
	file := b.file
	b.file = nil
	return file.Close()
}
