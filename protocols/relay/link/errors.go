package link

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/calandria-go/calandria/protocols/relay/wire"
)

// Errors of sessions and streams.
var (
	// ErrAgain: there is nothing to read, or no room to write. Events.Ready tells when to try again.
	ErrAgain = errors.New("relay: try again")
	// ErrStopped: the peer wants no more bytes of this stream. It is syscall.EPIPE.
	ErrStopped error = &sentinel{"relay: the peer reads no more of this stream", "relay_stopped", syscall.EPIPE}
	// ErrClosed: the stream was closed for writing on this side. It is net.ErrClosed.
	ErrClosed error = &sentinel{"relay: stream closed", "closed", net.ErrClosed}
	// ErrDead: the peer has sent nothing since a PING. It is os.ErrDeadlineExceeded.
	ErrDead error = &sentinel{"relay: the peer does not answer", "relay_dead", os.ErrDeadlineExceeded}
	// ErrTooManyStreams: the peer takes no more, or the numbers are used up.
	ErrTooManyStreams error = &sentinel{"relay: too many streams on this link", "relay_limit", nil}
	// ErrDraining: one of the sides has sent GOAWAY.
	ErrDraining error = &sentinel{"relay: the link takes no new streams", "relay_draining", nil}
	// ErrFlooded: the peer makes us answer, and does not read the answers.
	ErrFlooded error = &sentinel{"relay: the peer does not read what it asks for", "relay_flooded", nil}
)

type sentinel struct {
	msg, reason string
	is          error
}

func (e *sentinel) Error() string       { return e.msg }
func (e *sentinel) CloseReason() string { return e.reason }
func (e *sentinel) Unwrap() error       { return e.is }

// StreamError is why a stream is over.
type StreamError struct {
	Code   wire.Code // what it was
	Text   string    // more of it, for people; may be empty
	Remote bool      // the peer said so
	Opened bool      // the stream had reached its target
}

// Error says it in words.
func (e *StreamError) Error() string {
	who := "relay: stream ended"
	if e.Remote {
		who = "relay: stream ended by the peer"
	}
	if e.Text == "" {
		return who + ": " + e.Code.String()
	}
	return who + ": " + e.Code.String() + ": " + e.Text
}

// CloseReason is the label for reactor.ReasonOf.
func (e *StreamError) CloseReason() string { return "relay_" + e.Code.String() }

// Unwrap gives the standard error that this one also is: a stream that did not end in order was cut off.
func (e *StreamError) Unwrap() error {
	switch {
	case e.Code == wire.CodeTimeout:
		return os.ErrDeadlineExceeded
	case e.Code == wire.CodeUnreachable && !e.Opened:
		return syscall.ECONNREFUSED
	case e.Code == wire.CodeReset:
		return syscall.ECONNRESET
	case e.Opened:
		return io.ErrUnexpectedEOF
	}
	return nil
}

// LinkError is a violation that ends the link. Tell the peer by GoAway.
type LinkError struct {
	Code wire.Code // what it was
	Text string    // more of it, for people
}

// Error says it in words.
func (e *LinkError) Error() string { return "relay: link: " + e.Code.String() + ": " + e.Text }

// CloseReason is the label for reactor.ReasonOf.
func (e *LinkError) CloseReason() string { return "relay_" + e.Code.String() }

func protocolError(text string) error { return &LinkError{wire.CodeProtocol, text} }

// CodeOf is the code to tell a peer of err.
func CodeOf(err error) wire.Code {
	var le *LinkError
	var se *StreamError
	var we *wire.Error
	switch {
	case err == nil:
		return wire.CodeNone
	case errors.As(err, &le):
		return le.Code
	case errors.As(err, &se):
		return se.Code
	case errors.As(err, &we):
		return wire.CodeProtocol
	case errors.Is(err, os.ErrDeadlineExceeded):
		return wire.CodeTimeout
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.EHOSTUNREACH),
		errors.Is(err, syscall.ENETUNREACH):
		return wire.CodeUnreachable
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return wire.CodeReset
	}
	return wire.CodeInternal
}
