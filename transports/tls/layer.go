package tls

import (
	ctls "crypto/tls"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

const (
	// alertLinger is how long, and alertBytes for how much input, a close after an alert waits for the peer to read it.
	alertLinger = time.Second
	alertBytes  = 256 << 10
)

// Layer is the TLS of one connection after its handshake: a reactor.Layer around a crypto/tls.Conn, which reads from it and
// writes to it as a net.Conn that never blocks. An idle one holds no buffer of its own; crypto/tls keeps one of the size of
// the largest record that came, at the least 576 bytes.
type Layer struct {
	conn   *reactor.Conn
	below  reactor.Layer // what it writes to: of a TLS connection through another one; nil: conn itself
	tls    *ctls.Conn
	stream *reactor.Stream // what the handshake reads from; nil after it

	in     []byte // ciphertext that crypto/tls has not taken: of the loop's buffer within a turn, else kept
	kept   *[]byte
	early  []byte // plain text that was read before the connection was adopted
	left   int    // bytes of the record that is being taken
	header [recordHeader]byte
	headed uint8  // bytes of the record's header that were taken
	piece  uint16 // of a client's first records, which are in the clear; 0 behind them
	eof    bool   // the socket has ended
	ended  atomic.Bool
}

var _ reactor.Layer = (*Layer)(nil)

// ConnectionState is crypto/tls's: version, cipher suite, ALPN, SNI, the peer's certificates. Any goroutine. It copies some 200 bytes.
func (l *Layer) ConnectionState() ctls.ConnectionState { return l.tls.ConnectionState() }

// State gives the TLS state of a connection; false if it has no TLS. Loop only.
func State(c *reactor.Conn) (ctls.ConnectionState, bool) {
	l, ok := c.Layer().(*Layer)
	if !ok {
		return ctls.ConnectionState{}, false
	}
	return l.ConnectionState(), true
}

// Feed is part of reactor.Layer.
func (l *Layer) Feed(in []byte) error {
	if len(l.in) == 0 {
		l.in = in
		return nil
	}
	l.Keep()
	l.in = append(l.in, in...)
	*l.kept = l.in
	return nil
}

// keepSize is what a paused connection may have left of one read; for less than keepSmall a buffer is not worth its pool.
const (
	keepSize  = 64 << 10
	keepSmall = 8 << 10
)

var keepPool = sync.Pool{New: func() any { b := make([]byte, 0, keepSize); return &b }}

// Keep is part of reactor.KeepingLayer: it copies what is left of the loop's buffer.
func (l *Layer) Keep() {
	if len(l.in) == 0 {
		l.in = nil
		l.drop()
		return
	}
	if l.kept != nil {
		return
	}
	if len(l.in) <= keepSmall {
		b := make([]byte, 0, len(l.in))
		l.kept = &b
	} else {
		l.kept = keepPool.Get().(*[]byte)
	}
	l.in = append((*l.kept)[:0], l.in...)
	*l.kept = l.in
}

// drop gives the buffer back.
func (l *Layer) drop() {
	if l.kept != nil {
		if cap(*l.kept) == keepSize {
			keepPool.Put(l.kept)
		}
		l.kept = nil
	}
}

// Read is part of reactor.Layer: it fills p from as many records as have come.
func (l *Layer) Read(p []byte) (n int, err error) {
	if len(l.early) > 0 {
		n = copy(p, l.early)
		if l.early = l.early[n:]; len(l.early) == 0 {
			l.early = nil
		}
	}
	for n < len(p) {
		k, err := l.tls.Read(p[n:])
		if n += k; err == nil {
			continue
		}
		if n > 0 {
			return n, nil // the error stays
		}
		return 0, l.readError(err)
	}
	return n, nil
}

// readError is what the connection gets for crypto/tls's error.
func (l *Layer) readError(err error) error {
	if len(l.in) == 0 {
		l.drop()
	}
	switch {
	case err == reactor.ErrWouldBlock, err == io.EOF:
		return err
	case errors.Is(err, ErrTruncated):
		err = ErrTruncated
	default:
		err = recordError(err)
	}
	if l.ended.Swap(true) {
		return err
	}
	l.in = nil
	l.drop()
	if l.eof || remoteAlert(err) {
		l.conn.CloseWith(err)
	} else {
		l.conn.CloseLinger(alertLinger, alertBytes, err) // so that the peer reads our alert
	}
	return err
}

// EOF is part of reactor.Layer.
func (l *Layer) EOF() { l.eof = true }

// Write is part of reactor.Layer: it makes records of p, of one packet each to begin with, and queues them. Any goroutine.
func (l *Layer) Write(p []byte) (int, error) { return l.tls.Write(p) }

// CloseWrite is part of reactor.Layer: it sends close_notify, unless an alert has ended the connection. Any goroutine.
func (l *Layer) CloseWrite() error {
	if l.ended.Load() {
		return nil
	}
	return l.tls.CloseWrite()
}

// Close is part of reactor.Layer.
func (l *Layer) Close() {
	l.ended.Store(true)
	l.in = nil
	l.drop()
}
