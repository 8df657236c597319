package reactor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
)

// Errors that close a connection or that calls return. ReasonOf gives the label of each.
var (
	// ErrShutdown: the reactor is shutting down, or has. It is net.ErrClosed too.
	ErrShutdown error = &reasonError{"reactor: shut down", "shutdown", net.ErrClosed}
	// ErrSlowPeer: more than Config.MaxUnsent was written that the peer did not take.
	ErrSlowPeer error = &reasonError{"reactor: peer reads too slowly: unsent bytes over the limit", "slow_peer", nil}
	// ErrWriteStall: the peer took nothing for Config.WriteStall. It is os.ErrDeadlineExceeded too.
	ErrWriteStall error = &reasonError{"reactor: peer takes no bytes", "write_stall", os.ErrDeadlineExceeded}
	// ErrInputLimit: the handler left more than Config.InputLimit unconsumed.
	ErrInputLimit error = &reasonError{"reactor: unconsumed input over the limit", "input_limit", nil}
	// ErrOnLoop: a call that would have to wait was made on a loop's goroutine, where it would wait for itself.
	ErrOnLoop error = &reasonError{"reactor: blocking call on a loop goroutine", "on_loop", nil}
	// ErrOverload: Config.MaxWorkers are busy and Config.MaxQueued wait.
	ErrOverload error = &reasonError{"reactor: too many blocking tasks", "overload", nil}
	// ErrConnLimit: Config.MaxConns connections are open.
	ErrConnLimit error = &reasonError{"reactor: too many connections", "conn_limit", nil}
	// ErrPanic: a handler panicked; the value and the stack are in the log.
	ErrPanic error = &reasonError{"reactor: handler panicked", "panic", nil}
	// ErrWouldBlock is returned by Layer.Read when it needs more input. It is not a failure.
	ErrWouldBlock error = &reasonError{"reactor: would block", "would_block", nil}
	// ErrAborted is the reason of an Abort without one.
	ErrAborted error = &reasonError{"reactor: aborted", "aborted", nil}
)

// reasonError is a sentinel with its label and the standard error that it also is.
type reasonError struct {
	msg, reason string
	is          error
}

func (e *reasonError) Error() string       { return e.msg }
func (e *reasonError) CloseReason() string { return e.reason }
func (e *reasonError) Unwrap() error       { return e.is }

// Timeout makes those that are deadlines a net.Error.
func (e *reasonError) Timeout() bool { return e.is == os.ErrDeadlineExceeded }

// Temporary is part of net.Error.
func (e *reasonError) Temporary() bool { return e == ErrWouldBlock }

// ReasonOf gives the short stable label of what OnClose got, for a metric or a log: "closed" for nil, "eof" for io.EOF,
// "reset", "timeout", "shutdown" and so on. Errors with a method CloseReason() string name their own.
func ReasonOf(err error) string {
	if err == nil {
		return "closed"
	}
	var r interface{ CloseReason() string }
	if errors.As(err, &r) {
		return r.CloseReason()
	}
	var no syscall.Errno
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "eof"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ENOTCONN):
		// The last is what shutdown(2) says of a connection that the peer has reset.
		return "reset"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, net.ErrClosed):
		return "closed"
	case errors.As(err, &no):
		return "os_error"
	}
	return "error"
}

// panicError is ErrPanic with what was thrown.
type panicError struct{ value any }

func (e *panicError) Error() string       { return fmt.Sprintf("%v: %v", ErrPanic, e.value) }
func (e *panicError) Unwrap() error       { return ErrPanic }
func (e *panicError) CloseReason() string { return "panic" }
