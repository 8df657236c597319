package tftp

import (
	"context"
	"errors"
	"io"
	"net/netip"

	"github.com/calandria-go/calandria/protocols/tftp/wire"
)

// Request is what a client asks for.
type Request struct {
	// Name is the file name as Server.Rewrite or the client has it: any bytes but NUL. It is not safe to open: Files checks
	// it, and other back-ends have to.
	Name string
	// Asked is the name that the client sent.
	Asked string
	// Client is its address.
	Client netip.AddrPort
	// Local is our address that it was sent to; invalid if the system does not say.
	Local netip.Addr
	// Write is true for a request to write.
	Write bool
	// Mode is octet or netascii. The translation is done for you.
	Mode wire.Mode
	// Size is what the client announces of a file to write; -1: nothing.
	Size int64
}

// Source is where files are read from.
type Source interface {
	// Open finds a file and calls ready once, with it or with an error, before it returns or after; ready may be called on
	// any goroutine. Open runs on a worker goroutine and may block as long as ctx lives, which ends with the transfer.
	//
	// The client gets the code that wire.CodeOf has for the error, such as 1 for fs.ErrNotExist, and none of its text.
	Open(ctx context.Context, req *Request, ready func(Content, error))
}

// Content is a file that is read, from its beginning to its end. Peek is called on a loop, one call at a time, and must not
// block; Load and Close on worker goroutines.
type Content interface {
	// Size is the number of bytes; -1: not known before the end. It is asked for once, first.
	Size() int64
	// Peek gives bytes at off, as many as there are at hand, valid until the next Peek or Close. io.EOF at the end, ErrWait
	// for none at hand. Offsets do not go back.
	Peek(off int64) ([]byte, error)
	// Load brings bytes at off into memory, after ErrWait.
	Load(off int64) error
	// Close ends it, once.
	Close()
}

// ErrWait is what Content.Peek returns when it has nothing at hand.
var ErrWait = errors.New("tftp: not in memory")

// Sink is where files are written to.
type Sink interface {
	// Create begins a file and calls ready once, as Source.Open does.
	Create(ctx context.Context, req *Request, ready func(Writer, error))
}

// Writer is a file that is written. Its methods are called on worker goroutines, one at a time, and may block. After Commit
// or Abort none follows.
type Writer interface {
	// Write takes the next bytes, all of them or an error.
	io.Writer
	// Commit ends the file: the client is told that it arrived when Commit returns nil.
	Commit() error
	// Abort throws away what was written: the transfer failed.
	Abort()
}

// Bytes is a Content of bytes in memory, which must not change.
func Bytes(b []byte) Content { return memory(b) }

type memory []byte

func (m memory) Size() int64      { return int64(len(m)) }
func (m memory) Load(int64) error { return nil }
func (m memory) Close()           {}

func (m memory) Peek(off int64) ([]byte, error) {
	if off >= int64(len(m)) {
		return nil, io.EOF
	}
	return m[off:], nil
}

// SourceFunc is a function that gives a file's bytes as a Source. It runs on a worker goroutine.
type SourceFunc func(ctx context.Context, req *Request) (Content, error)

// Open calls f.
func (f SourceFunc) Open(ctx context.Context, req *Request, ready func(Content, error)) {
	ready(f(ctx, req))
}

// contentFeed is a Content that tells by itself when there is more: wake is called once, on any goroutine.
type contentFeed interface {
	Content
	notify(off int64, wake func())
}

// endTaker is a Content that wants to know how the transfer ended.
type endTaker interface{ ended(err error) }

// writerFeed is a Writer that takes bytes without blocking: done is called once, on any goroutine, when they were taken.
type writerFeed interface {
	Writer
	feed(p []byte, done func(error))
}
