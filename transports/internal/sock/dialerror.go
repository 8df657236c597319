package sock

import (
	"context"
	"errors"
	"net"
	"os"
	"time"
)

// DialError is what package net's dialers return: a *net.OpError with the addresses, whatever of them is known. Timeouts,
// of the dialer or of the context, are both os.ErrDeadlineExceeded and context.DeadlineExceeded.
func DialError(network string, local, remote net.Addr, err error) error {
	if err == nil {
		return nil
	}
	out := &net.OpError{Op: "dial", Net: network, Source: local, Addr: remote, Err: err}
	var op *net.OpError
	if errors.As(err, &op) {
		out.Err = op.Err
		if out.Addr == nil {
			out.Addr = op.Addr
		}
	}
	if errors.Is(out.Err, os.ErrDeadlineExceeded) || errors.Is(out.Err, context.DeadlineExceeded) {
		out.Err = errTimeout
	}
	return out
}

var errTimeout error = &timeoutError{}

type timeoutError struct{}

func (*timeoutError) Error() string   { return "i/o timeout" }
func (*timeoutError) Timeout() bool   { return true }
func (*timeoutError) Temporary() bool { return true }
func (*timeoutError) Is(err error) bool {
	return err == os.ErrDeadlineExceeded || err == context.DeadlineExceeded
}

// Deadline is the earlier of ctx's deadline and now plus timeout, where 0 stands for def and a negative one for none; the
// zero time is no deadline.
func Deadline(ctx context.Context, timeout, def time.Duration) time.Time {
	var at time.Time
	if timeout == 0 {
		timeout = def
	}
	if timeout > 0 {
		at = time.Now().Add(timeout)
	}
	if d, ok := ctx.Deadline(); ok && (at.IsZero() || d.Before(at)) {
		at = d
	}
	return at
}
