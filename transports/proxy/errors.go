package proxy

import (
	"errors"
	"os"
)

// Error is why a header was not accepted, or why a proxy gave no connection. Its label, as of reactor.ReasonOf, is "proxy_header" unless said otherwise below.
type Error struct {
	msg, reason string
	is          error
}

// Error says what was wrong.
func (e *Error) Error() string { return "proxy: " + e.msg }

// CloseReason is the label of metrics.
func (e *Error) CloseReason() string {
	if e.reason == "" {
		return "proxy_header"
	}
	return e.reason
}

// Unwrap is the standard error that it also is, if any.
func (e *Error) Unwrap() error { return e.is }

// Timeout says whether the time was up, as of net.Error.
func (e *Error) Timeout() bool { return errors.Is(e.is, os.ErrDeadlineExceeded) }

// Why a connection is closed before it has a header that is accepted.
var (
	// ErrNoHeader: the connection does not begin with a header of either version.
	ErrNoHeader = &Error{msg: "no PROXY header"}
	// ErrTooLong: version 2 announces more than the limit.
	ErrTooLong = &Error{msg: "header too long"}
	// ErrChecksum: the CRC-32C is not that of the header.
	ErrChecksum = &Error{msg: "wrong checksum"}
	// ErrTruncated: the peer half-closed in the middle of the header.
	ErrTruncated = &Error{msg: "header ends early"}
	// ErrTimeout: the header took longer than Protocol.Timeout. Label "proxy_timeout"; it is os.ErrDeadlineExceeded too.
	ErrTimeout = &Error{msg: "header took too long", reason: "proxy_timeout", is: os.ErrDeadlineExceeded}
	// ErrUntrusted: the peer is not one of Protocol.Trusted. Label "proxy_untrusted".
	ErrUntrusted = &Error{msg: "peer is not trusted to send a header", reason: "proxy_untrusted"}
	// ErrRefused: Protocol.Admit refused the client. Label "refused".
	ErrRefused = &Error{msg: "client refused", reason: "refused"}
)

// The ways in which a header is malformed.
var (
	errOtherVersion = &Error{msg: "header of a version that is not accepted"}

	errV1Long    = &Error{msg: "version 1: no line end within 107 bytes"}
	errV1End     = &Error{msg: "version 1: CR without LF, or LF without CR"}
	errV1Family  = &Error{msg: "version 1: unknown protocol family"}
	errV1Fields  = &Error{msg: "version 1: wrong number of fields"}
	errV1Address = &Error{msg: "version 1: bad address"}
	errV1Port    = &Error{msg: "version 1: bad port"}
	errVersion   = &Error{msg: "version 2: wrong version number"}
	errCommand   = &Error{msg: "version 2: unknown command"}
	errFamily    = &Error{msg: "version 2: unknown address family or transport"}
	errShort     = &Error{msg: "version 2: too short for its addresses"}
	errTLVHead   = &Error{msg: "version 2: a TLV is cut short"}
	errTLVLength = &Error{msg: "version 2: a TLV is longer than the header"}
	errUniqueID  = &Error{msg: "version 2: unique ID longer than 128 bytes"}
	errSSLShort  = &Error{msg: "version 2: SSL item too short"}
	errCRCSize   = &Error{msg: "version 2: checksum of a wrong size"}
	errCRCTwice  = &Error{msg: "version 2: two checksums"}
)
