package resolve

import (
	"context"
	"errors"
	"net"
	"os"
)

// Why a name has no addresses. Lookups return a *net.DNSError that wraps one of these, so errors.Is and net's own ways of
// asking both work; IsNotFound is set for the first three.
var (
	// ErrNotFound: the name does not exist (NXDOMAIN).
	ErrNotFound = errors.New("resolve: no such name")
	// ErrNoAddress: the name exists and has no address of the family asked for (NODATA).
	ErrNoAddress = errors.New("resolve: the name has no address of this family")
	// ErrName: it cannot be a host name, so that nobody was asked: too long, an empty label, or a character that is none of
	// letters, digits, "-", "_" and ".". Names in other scripts are the caller's to convert (IDNA).
	ErrName = errors.New("resolve: not a host name")
	// ErrServer: no server gave an answer that could be used; the text says what the last one did.
	ErrServer = errors.New("resolve: no usable answer")
	// ErrOverload: MaxPending names are being looked up.
	ErrOverload = errors.New("resolve: too many lookups at once")
)

// Why one server's answer was not used.
var (
	errServerFailed = errors.New("resolve: the server failed (SERVFAIL)")
	errRefused      = errors.New("resolve: the server refused (REFUSED)")
	errFormat       = errors.New("resolve: the server did not understand the question (FORMERR)")
	errRcode        = errors.New("resolve: the server answered with an unexpected code")
	errReferral     = errors.New("resolve: the server does not resolve for others")
	errChain        = errors.New("resolve: the aliases are a loop, or too many")
	errMismatch     = errors.New("resolve: the answer is not to this question")
	errTruncated    = errors.New("resolve: the answer is cut short over TCP too")
)

// failure is what a lookup that failed with cause returns.
func failure(name, server string, cause error) *net.DNSError {
	e := &net.DNSError{Err: cause.Error(), Name: name, Server: server, UnwrapErr: cause}
	switch {
	case errors.Is(cause, ErrNotFound), errors.Is(cause, ErrNoAddress), errors.Is(cause, ErrName):
		e.IsNotFound = true
	case errors.Is(cause, os.ErrDeadlineExceeded), errors.Is(cause, context.DeadlineExceeded):
		e.IsTimeout, e.IsTemporary = true, true
		e.UnwrapErr = &timeoutError{cause}
	case errors.Is(cause, ErrServer), errors.Is(cause, ErrOverload):
		e.IsTemporary = true
	}
	return e
}

// serverError is why the last server's answer was not used: ErrServer and its cause.
type serverError struct{ cause error }

func (e *serverError) Error() string   { return ErrServer.Error() + ": " + e.cause.Error() }
func (e *serverError) Unwrap() []error { return []error{ErrServer, e.cause} }

// timeoutError is both of the standard errors for a time that is up.
type timeoutError struct{ cause error }

func (e *timeoutError) Error() string { return e.cause.Error() }
func (e *timeoutError) Timeout() bool { return true }
func (e *timeoutError) Unwrap() []error {
	return []error{e.cause, os.ErrDeadlineExceeded, context.DeadlineExceeded}
}
