package http1

import (
	"net"
	"os"
)

// closeError is why the server closed a connection: the label of the reactor's metrics, and the standard error it also is.
type closeError struct {
	msg, reason string
	is          error
}

func (e *closeError) Error() string       { return "http1: " + e.msg }
func (e *closeError) CloseReason() string { return e.reason }
func (e *closeError) Unwrap() error       { return e.is }
func (e *closeError) Timeout() bool       { return e.is == os.ErrDeadlineExceeded }
func (e *closeError) Temporary() bool     { return false }

// Why connections are closed, and what a canceled exchange hears.
var (
	// ErrHeadTimeout: a head took longer than Server.HeadTimeout.
	ErrHeadTimeout error = &closeError{"request head took too long", "head_timeout", os.ErrDeadlineExceeded}
	// ErrBodyTimeout: no byte of a body came for Server.BodyTimeout.
	ErrBodyTimeout error = &closeError{"request body stalled", "body_timeout", os.ErrDeadlineExceeded}
	// ErrBodyRate: a body came more slowly than Server.BodyMinRate.
	ErrBodyRate error = &closeError{"request body too slow", "body_rate", os.ErrDeadlineExceeded}
	// ErrIdleTimeout: no request came for Server.IdleTimeout.
	ErrIdleTimeout error = &closeError{"idle for too long", "idle_timeout", os.ErrDeadlineExceeded}
	// ErrBodyTooLarge: a body is larger than Server.MaxBodyBytes, or than the handler takes.
	ErrBodyTooLarge error = &closeError{"request body too large", "body_too_large", nil}
	// ErrTruncated: the client ended in the middle of a request.
	ErrTruncated error = &closeError{"request ends early", "truncated", nil}
	// ErrExpectation: an expectation other than 100-continue.
	ErrExpectation error = &closeError{"unknown expectation", "expectation", nil}
	// ErrAnswered: the exchange is answered already, or its connection is gone.
	ErrAnswered error = &closeError{"exchange is over", "answered", net.ErrClosed}
	// ErrBodyUnread: the request's body has not been read to its end.
	ErrBodyUnread error = &closeError{"request body is unread", "body_unread", nil}
	// ErrFiltered: the answer has a filter already.
	ErrFiltered error = &closeError{"answer has a filter", "filtered", nil}
	// ErrBodyLength: a streamed answer got more or fewer bytes than Start announced.
	ErrBodyLength error = &closeError{"answer differs from its announced length", "body_length", nil}
	errKeepAlive  error = &closeError{"connection not kept", "not_kept", nil}
)
