package cache

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// Pieces of a stored body grow from the first size to the last, so that a small body costs little, and a large one is never copied.
const (
	firstPiece = 2 << 10
	lastPiece  = 64 << 10
)

// fill passes a body on, and keeps a copy on the way. The copy is stored when the body was complete: read to its end without an error,
// and as long as its length says (RFC 9111 section 3.3). It counts in the store's bytes from the beginning.
type fill struct {
	io.ReadCloser
	fetch *fetch
	store *store
	limit int64
	want  int64 // the length that was announced, or negative
	done  func(body [][]byte, length, reserved int64)

	mu       sync.Mutex // Close may come while Read runs
	pieces   [][]byte
	length   int64
	reserved int64
	over     bool
}

// follow has the body of a response kept, and done called with it at its end; or ends the fetch, if it is not to be stored.
func (s *store) follow(ft *fetch, res *http.Response, limit int64, done func(body [][]byte, length, reserved int64)) {
	switch {
	case res.ContentLength == 0 || res.Body == nil || res.Body == http.NoBody:
		done(nil, 0, 0)
	case limit >= 0 && res.ContentLength > limit:
		s.drop(ft, 0)
	default:
		res.Body = &fill{ReadCloser: res.Body, fetch: ft, store: s, limit: limit, want: res.ContentLength, done: done}
	}
}

// Read passes on, and keeps.
func (f *fill) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over {
		return n, err
	}
	f.keep(p[:n])
	switch {
	case f.over:
	case errors.Is(err, io.EOF) && (f.want < 0 || f.length == f.want), err == nil && f.length == f.want:
		f.end(true)
	case err != nil:
		f.end(false)
	}
	return n, err
}

// Close ends the copy with the body.
func (f *fill) Close() error {
	err := f.ReadCloser.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.over {
		f.end(false)
	}
	return err
}

// keep copies b, unless there is no room for it.
func (f *fill) keep(b []byte) {
	f.length += int64(len(b))
	if f.limit >= 0 && f.length > f.limit {
		f.end(false)
		return
	}
	for len(b) > 0 {
		last := len(f.pieces) - 1
		if last < 0 || len(f.pieces[last]) == cap(f.pieces[last]) {
			size := firstPiece
			if last >= 0 {
				size = min(2*cap(f.pieces[last]), lastPiece)
			}
			if !f.store.reserve(int64(size)) {
				f.end(false)
				return
			}
			f.reserved += int64(size)
			f.pieces = append(f.pieces, make([]byte, 0, size))
			last++
		}
		piece := f.pieces[last]
		n := copy(piece[len(piece):cap(piece)], b)
		f.pieces[last] = piece[:len(piece)+n]
		b = b[n:]
	}
}

// end stores the copy, or drops it.
func (f *fill) end(complete bool) {
	f.over = true
	if !complete {
		f.store.drop(f.fetch, f.reserved)
		f.pieces = nil
		return
	}
	if last := len(f.pieces) - 1; last >= 0 {
		f.pieces[last] = append(make([]byte, 0, len(f.pieces[last])), f.pieces[last]...) // without its spare room
	}
	f.done(f.pieces, f.length, f.reserved)
	f.pieces = nil
}

// reader gives a stored body.
type reader struct {
	pieces [][]byte
	at     int
}

func (r *reader) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	for n < len(p) && len(r.pieces) > 0 {
		k := copy(p[n:], r.pieces[0][r.at:])
		n += k
		if r.at += k; r.at == len(r.pieces[0]) {
			r.pieces, r.at = r.pieces[1:], 0
		}
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (r *reader) WriteTo(w io.Writer) (total int64, err error) {
	for len(r.pieces) > 0 {
		n, err := w.Write(r.pieces[0][r.at:])
		total += int64(n)
		if r.at += n; err != nil {
			return total, err
		}
		r.pieces, r.at = r.pieces[1:], 0
	}
	return total, nil
}
