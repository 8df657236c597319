package tls

import (
	ctls "crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
)

// closeError is why a connection ended: the label of the reactor's metrics, and the standard error it also is.
type closeError struct {
	msg, reason string
	is          error
}

func (e *closeError) Error() string       { return "tls: " + e.msg }
func (e *closeError) CloseReason() string { return e.reason }
func (e *closeError) Unwrap() error       { return e.is }
func (e *closeError) Timeout() bool       { return e.is == os.ErrDeadlineExceeded }
func (e *closeError) Temporary() bool     { return false }

// Why connections are closed; reactor.ReasonOf gives the label that stands behind each.
var (
	// ErrPlainHTTP: an HTTP request came without TLS; it was answered with 400. "http_on_tls".
	ErrPlainHTTP error = &closeError{"plain HTTP request on a TLS port", "http_on_tls", nil}
	// ErrNotTLS: the first bytes are no TLS record with a ClientHello. "not_tls".
	ErrNotTLS error = &closeError{"no ClientHello", "not_tls", nil}
	// ErrHelloTooLarge: a ClientHello is larger than Server.MaxHelloBytes. "hello_too_large".
	ErrHelloTooLarge error = &closeError{"ClientHello too large", "hello_too_large", nil}
	// ErrHandshakeTimeout: a handshake took longer than HandshakeTimeout. "handshake_timeout"; it is os.ErrDeadlineExceeded.
	ErrHandshakeTimeout error = &closeError{"handshake took too long", "handshake_timeout", os.ErrDeadlineExceeded}
	// ErrHandshakeLimit: Server.MaxHandshakes are in progress. "handshake_limit".
	ErrHandshakeLimit error = &closeError{"too many handshakes in progress", "handshake_limit", nil}
	// ErrHandshakeLimitPerIP: Server.MaxHandshakesPerIP are in progress for this address. "handshake_limit_ip".
	ErrHandshakeLimitPerIP error = &closeError{"too many handshakes in progress for this address", "handshake_limit_ip", nil}
	// ErrTruncated: the peer ended the connection without close_notify, so what came may be cut short (RFC 8446 section
	// 6.1). "tls_truncated"; it is io.ErrUnexpectedEOF.
	ErrTruncated error = &closeError{"connection ended without close_notify", "tls_truncated", io.ErrUnexpectedEOF}
	// ErrNoProtocol: nothing serves the protocol that ALPN chose, or connections without ALPN. "no_protocol".
	ErrNoProtocol error = &closeError{"no handler for the negotiated protocol", "no_protocol", nil}
	// ErrRenegotiation: a client's Config allows renegotiation (TLS 1.2), which would be a handshake on the loop.
	ErrRenegotiation error = &closeError{"renegotiation is not supported", "renegotiation", errors.ErrUnsupported}
)

// HandshakeError is a handshake that failed; the alert that says so was sent before the close, if crypto/tls has one.
type HandshakeError struct {
	// Reason is the label: "bad_certificate", "no_certificate", "unknown_name", "tls_alert" (the peer refused),
	// "handshake_eof" (the peer left), "reset", "handshake" for everything else.
	Reason string
	// Err is what crypto/tls returned.
	Err error
}

// Error is part of error.
func (e *HandshakeError) Error() string { return "tls: handshake: " + e.Err.Error() }

// Unwrap gives what crypto/tls returned.
func (e *HandshakeError) Unwrap() error { return e.Err }

// CloseReason is the label that reactor.ReasonOf gives.
func (e *HandshakeError) CloseReason() string { return e.Reason }

// RecordError is a connection that failed after its handshake.
type RecordError struct {
	// Reason is "tls_alert" if the peer sent a fatal alert, "tls_record" if we did, since what came was not in order.
	Reason string
	// Err is what crypto/tls returned.
	Err error
}

// Error is part of error.
func (e *RecordError) Error() string { return "tls: " + e.Err.Error() }

// Unwrap gives what crypto/tls returned.
func (e *RecordError) Unwrap() error { return e.Err }

// CloseReason is the label that reactor.ReasonOf gives.
func (e *RecordError) CloseReason() string { return e.Reason }

// Two errors of crypto/tls that have no type; tests see them change.
const (
	noClientCert = "tls: client didn't provide a certificate"
	noServerCert = "tls: no certificates configured"
)

// handshakeError labels what a handshake returned. Errors with a label of their own, such as a time-out that closed the
// connection below, stay as they are.
func handshakeError(err error) error {
	var named interface{ CloseReason() string }
	if errors.As(err, &named) {
		return err
	}
	return &HandshakeError{handshakeReason(err), err}
}

func handshakeReason(err error) string {
	var verify *ctls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var host x509.HostnameError
	switch {
	case remoteAlert(err):
		return "tls_alert"
	case errors.As(err, &verify), errors.As(err, &authority), errors.As(err, &invalid), errors.As(err, &host):
		return "bad_certificate"
	case err.Error() == noClientCert:
		return "no_certificate"
	case err.Error() == noServerCert:
		return "unknown_name"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "handshake_eof"
	case isReset(err):
		return "reset"
	}
	return "handshake"
}

// recordError labels what Read returned after the handshake.
func recordError(err error) error {
	if remoteAlert(err) {
		return &RecordError{"tls_alert", err}
	}
	return &RecordError{"tls_record", err}
}

// remoteAlert says whether err is an alert that the peer sent.
func remoteAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}
