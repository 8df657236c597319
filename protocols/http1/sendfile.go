package http1

import (
	"io"
	"os"
	"sync"
	"time"
)

const (
	// filePiece is what one worker reads of a file that cannot go out by sendfile(2).
	filePiece = 64 << 10
	// fileRetry is the time until a worker is asked for again, when there are too many.
	fileRetry = 10 * time.Millisecond
)

// SendFile adds n bytes of f from off to a streamed answer, at most as many as Start announced are left: beyond them it is
// ErrBodyLength and closes the connection. Until done is called nothing else may be written to the answer, and OnWritable must
// not be set; other handlers of the loop go on meanwhile, however slowly the client reads.
//
// done is called once, on the loop, perhaps before SendFile returns, when f is no longer needed: with nil after the last byte
// went to the kernel, so that the answer may go on or Finish; else the exchange is over, and x must not be touched. It is
// not called if SendFile fails.
//
// f must have these bytes: one that ends early breaks the connection off, so that the client cannot take the answer for a
// whole one. An answer with an announced length goes out by sendfile(2), and costs no memory; see reactor.Conn.SendFile. Through a
// filter, chunked, or under TLS, workers read pieces of 64 KiB, and at most Config.HighWater waits to be sent.
func (x *Exchange) SendFile(f *os.File, off, n int64, done func(err error)) error {
	if x.state != stateStreaming {
		return ErrAnswered
	}
	if x.noBody || n <= 0 {
		done(nil)
		return nil
	}
	if x.toSend >= 0 {
		if n > x.toSend {
			x.Abort(ErrBodyLength)
			return ErrBodyLength
		}
		x.toSend -= n
	}
	s := x.s
	if s.batching {
		s.flush()
	}
	if x.chunkedTo || s.c.Layer() != nil || x.ext != nil && x.ext.filter != nil {
		x.pump().start(f, off, n, done)
		return nil
	}
	err := s.c.SendFile(f, off, n, func() {
		if _, err := s.c.WriteRaw(nil); err != nil { // the connection has ended; OnClose follows
			done(ErrAnswered)
			return
		}
		done(nil)
	})
	if err == nil {
		x.sent += n
	}
	return err
}

// filePump reads a file by workers, and writes it to an exchange as that takes it. One serves an exchange, for one file after
// the other.
type filePump struct {
	x    *Exchange
	t    ticket
	f    *os.File
	off  int64
	left int64
	done func(error) // nil between files
	next func(*Exchange)
	prev func(*Exchange) // the handler's OnWritable
}

type filePumpKey struct{}

// pump gives the exchange's filePump, made on first need.
func (x *Exchange) pump() *filePump {
	if p, ok := x.Value(filePumpKey{}).(*filePump); ok {
		return p
	}
	p := &filePump{x: x, t: x.ticket()}
	p.next = func(*Exchange) { p.read() }
	x.SetValue(filePumpKey{}, p)
	x.OnDone(func(*Exchange, *Result) { p.end(ErrAnswered) })
	return p
}

func (p *filePump) start(f *os.File, off, n int64, done func(error)) {
	p.f, p.off, p.left, p.done = f, off, n, done
	p.prev, p.x.onWritable = p.x.onWritable, p.next
	if !p.x.s.c.OverHigh() {
		p.read()
	}
}

// end is done with the file.
func (p *filePump) end(err error) {
	if done := p.done; done != nil {
		p.x.onWritable = p.prev
		p.f, p.done, p.prev = nil, nil, nil
		done(err)
	}
}

var filePieces = sync.Pool{New: func() any { return new([filePiece]byte) }}

// read has a worker read the next piece. The buffer is the worker's until it comes back, and lost if it does not.
func (p *filePump) read() {
	if p.done == nil {
		return
	}
	p.x.onWritable = nil // not again before the piece is there
	f, off, n, t := p.f, p.off, int(min(p.left, filePiece)), p.t
	err := p.x.Offload(func() {
		buf := filePieces.Get().(*[filePiece]byte)
		m, err := f.ReadAt(buf[:n], off)
		t.post(func(*Exchange) { p.take(buf, m, err) })
	})
	if err != nil { // too many workers
		t.c.AfterFunc(fileRetry, func() {
			if t.valid() {
				p.read()
			}
		})
	}
}

// take writes a piece that was read.
func (p *filePump) take(buf *[filePiece]byte, n int, err error) {
	defer filePieces.Put(buf)
	x := p.x
	if p.done == nil {
		return
	}
	if n == 0 {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		x.Abort(err)
		return
	}
	p.off += int64(n)
	p.left -= int64(n)
	if x.ext != nil && x.ext.filter != nil {
		err = x.writeFiltered(buf[:n], false, false)
	} else {
		err = x.writePiece(buf[:n])
	}
	switch {
	case err != nil: // OnDone ends it
	case p.left == 0:
		p.end(nil)
	case x.s.c.OverHigh():
		x.onWritable = p.next
	default:
		p.read()
	}
}
