package websocket

import (
	"errors"
	"io"
	"net"
	"os"
	"strconv"

	"github.com/calandria-go/calandria/protocols/websocket/wire"
)

// Errors that calls return and that OnClose gets; those with a cause of the standard library's are that, too, under errors.Is.
var (
	// ErrClosed: the connection is closed, or a close frame has been sent. It is net.ErrClosed too.
	ErrClosed error = &reasonError{"websocket: connection closed", "closed", wire.NormalClosure, net.ErrClosed}
	// ErrNoCloseFrame: the peer ended the connection without a close frame (RFC 6455 7.1.5). It is io.ErrUnexpectedEOF too.
	ErrNoCloseFrame error = &reasonError{"websocket: connection ended without a close frame", "no_close_frame", wire.Abnormal, io.ErrUnexpectedEOF}
	// ErrCloseTimeout: the peer did not answer our close frame in Config.CloseTimeout. It is os.ErrDeadlineExceeded too.
	ErrCloseTimeout error = &reasonError{"websocket: no answer to the close frame", "close_timeout", wire.Abnormal, os.ErrDeadlineExceeded}
	// ErrDeadPeer: nothing came in Config.PongTimeout after a ping. It is os.ErrDeadlineExceeded too.
	ErrDeadPeer error = &reasonError{"websocket: peer is dead: no answer to a ping", "dead_peer", wire.Abnormal, os.ErrDeadlineExceeded}
	// ErrQueueFull: more than Config.MaxQueue is unsent, so the message was dropped.
	ErrQueueFull error = &reasonError{"websocket: send queue is full", "queue_full", wire.TryAgainLater, nil}
	// ErrSlowConsumer: more than Config.MaxQueue was unsent, so the connection was closed.
	ErrSlowConsumer error = &reasonError{"websocket: peer reads too slowly", "slow_consumer", wire.TryAgainLater, nil}
	// ErrControlFlood: more pings and pongs came than Config.MaxControlRate allows; the connection was closed with 1008.
	ErrControlFlood error = &reasonError{"websocket: too many control frames", "control_flood", wire.PolicyViolation, nil}
	// ErrOpcode: only Text and Binary can be sent as messages.
	ErrOpcode error = &reasonError{"websocket: not the opcode of a message", "bad_opcode", wire.InternalError, nil}
	// ErrHandler: Read was called on a connection that has a Handler.
	ErrHandler error = &reasonError{"websocket: connection has a handler", "has_handler", wire.InternalError, nil}
	// ErrOrigin: the Origin of the request is not allowed (RFC 6455 10.2); it was answered 403.
	ErrOrigin error = &reasonError{"websocket: origin not allowed", "bad_origin", wire.PolicyViolation, nil}
	// ErrHijack: the net/http server cannot give its connection away; the request was answered 501.
	ErrHijack error = &reasonError{"websocket: connection cannot be hijacked", "no_hijack", wire.InternalError, errors.ErrUnsupported}
)

// reasonError is a sentinel with its label for metrics, its close code, and the standard error that it also is.
type reasonError struct {
	msg, reason string
	code        wire.CloseCode
	is          error
}

func (e *reasonError) Error() string       { return e.msg }
func (e *reasonError) CloseReason() string { return e.reason }
func (e *reasonError) Unwrap() error       { return e.is }

// Timeout makes those that are deadlines a net.Error.
func (e *reasonError) Timeout() bool { return e.is == os.ErrDeadlineExceeded }

// Temporary is part of net.Error.
func (e *reasonError) Temporary() bool { return false }

// CloseError is a close frame of the peer's that began the close handshake.
type CloseError struct {
	Code   CloseCode // NoStatus if the frame had none
	Reason string    // what it said, at most 123 bytes of UTF-8
}

// Error says what the peer's close frame said.
func (e *CloseError) Error() string {
	s := "websocket: closed by peer: " + strconv.Itoa(int(e.Code))
	if e.Reason != "" {
		s += " " + strconv.Quote(e.Reason)
	}
	return s
}

// CloseReason is the label that package reactor gives to such a close.
func (e *CloseError) CloseReason() string {
	switch e.Code {
	case wire.NormalClosure, wire.GoingAway, wire.NoStatus:
		return "closed_by_peer"
	}
	return "closed_by_peer_with_error"
}

// CloseStatus gives the close code for what OnClose or Read got: NormalClosure for nil, the peer's for a *CloseError, what was
// sent for a violation or a policy, and Abnormal for what ended without a close frame.
func CloseStatus(err error) CloseCode {
	var ce *CloseError
	var we *wire.Error
	var re *reasonError
	switch {
	case err == nil:
		return wire.NormalClosure
	case errors.As(err, &ce):
		return ce.Code
	case errors.As(err, &we):
		return we.Code
	case errors.As(err, &re):
		return re.code
	}
	return wire.Abnormal
}
