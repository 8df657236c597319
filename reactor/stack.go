package reactor

import (
	"errors"
	"io"
)

// stack is two layers: what the lower one makes of the socket's bytes goes through the upper one, as with TLS through a proxy
// that is spoken to over TLS.
type stack struct {
	lower, upper Layer
	buf          []byte // between them; made on first need, and kept only while input comes
	lowerErr     error
}

// Feed is part of Layer.
func (s *stack) Feed(in []byte) error { return s.lower.Feed(in) }

// Keep is part of KeepingLayer.
func (s *stack) Keep() {
	keepLayer(s.lower)
	keepLayer(s.upper)
	s.buf = nil
}

// feedUpper gives the upper layer bytes that have been through the lower one.
func (s *stack) feedUpper(in []byte) error {
	err := s.upper.Feed(in)
	keepLayer(s.upper) // the next Read of the lower layer needs the buffer
	return err
}

func keepLayer(l Layer) {
	if k, ok := l.(KeepingLayer); ok {
		k.Keep()
	}
}

// Read is part of Layer.
func (s *stack) Read(p []byte) (int, error) {
	for {
		n, err := s.upper.Read(p)
		if n > 0 || err == nil || !errors.Is(err, ErrWouldBlock) {
			return n, err
		}
		if s.lowerErr != nil {
			return 0, s.lowerErr
		}
		if s.buf == nil {
			s.buf = make([]byte, stackBuffer)
		}
		n, err = s.lower.Read(s.buf)
		if n > 0 {
			if err := s.feedUpper(s.buf[:n]); err != nil {
				return 0, err
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, ErrWouldBlock):
			if n == 0 {
				return 0, err
			}
		case err == io.EOF:
			s.lowerErr = io.ErrUnexpectedEOF
			s.upper.EOF()
		default:
			return 0, err
		}
	}
}

// stackBuffer is what passes between two layers at a time.
const stackBuffer = 16 << 10

// EOF is part of Layer.
func (s *stack) EOF() { s.lower.EOF() }

// Write is part of Layer: the upper one was told of the lower one, and writes to it.
func (s *stack) Write(p []byte) (int, error) { return s.upper.Write(p) }

// CloseWrite is part of Layer.
func (s *stack) CloseWrite() error { return errors.Join(s.upper.CloseWrite(), s.lower.CloseWrite()) }

// Close is part of Layer.
func (s *stack) Close() {
	s.upper.Close()
	s.lower.Close()
}
