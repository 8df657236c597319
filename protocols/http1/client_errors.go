package http1

import (
	"io"
	"net"
	"os"
)

// Why a call on a client's connection fails. Each is told apart by errors.Is.
var (
	// ErrServerClosed: the server closed the connection before the first byte of the response. It is io.EOF.
	ErrServerClosed error = &closeError{"server closed the connection before it answered", "server_closed", io.EOF}
	// ErrResponseTruncated: the connection ended in the middle of a response. It is io.ErrUnexpectedEOF.
	ErrResponseTruncated error = &closeError{"response ends early", "response_truncated", io.ErrUnexpectedEOF}
	// ErrConnOver: the connection takes no more requests, and nothing was sent.
	ErrConnOver error = &closeError{"connection takes no more requests", "conn_over", net.ErrClosed}
	// ErrConnBusy: the connection has as many requests on their way as it takes, and nothing was sent.
	ErrConnBusy error = &closeError{"connection is busy", "conn_busy", nil}
	// ErrResponseTimeout: no response's head came within Client.HeadTimeout. It is os.ErrDeadlineExceeded.
	ErrResponseTimeout error = &closeError{"response head took too long", "response_timeout", os.ErrDeadlineExceeded}
	// ErrResponseStalled: no byte of a response's body came for Client.BodyTimeout. It is os.ErrDeadlineExceeded.
	ErrResponseStalled error = &closeError{"response body stalled", "response_stalled", os.ErrDeadlineExceeded}
	// ErrPoolTimeout: no connection became free within Client.PoolTimeout. It is os.ErrDeadlineExceeded.
	ErrPoolTimeout error = &closeError{"no connection became free", "pool_timeout", os.ErrDeadlineExceeded}
	// ErrResponseTooLarge: a response's body is over Client.MaxBodyBytes, or decodes to more than Client.MaxDecodedBytes.
	ErrResponseTooLarge error = &closeError{"response body too large", "response_too_large", nil}
	// ErrResponseCoding: a response's body is not what its Content-Encoding says.
	ErrResponseCoding error = &closeError{"response body does not decode", "response_coding", nil}
	// ErrScheme: a URL that the client does not take: not http, https or unix, or without a host.
	ErrScheme error = &closeError{"URL's scheme or host is not supported", "scheme", nil}
	// ErrRedirects: more redirects than Client.MaxRedirects.
	ErrRedirects error = &closeError{"too many redirects", "redirects", nil}
	// ErrProxyRefused: a proxy answered CONNECT with another status than 2xx; see ProxyError.
	ErrProxyRefused error = &closeError{"proxy refused the tunnel", "proxy_refused", nil}
	// ErrClientClosed: the client was closed. It is net.ErrClosed.
	ErrClientClosed error = &closeError{"client is closed", "client_closed", net.ErrClosed}

	errClientClosed = ErrClientClosed
	errUnsolicited  = &ResponseError{&closeError{"server sent bytes that nobody asked for", "unsolicited", nil}}
	errUnasked      = &ResponseError{&closeError{"101 to a request that asked for no upgrade", "unasked_upgrade", nil}}
	errInforms      = &ResponseError{&closeError{"too many interim responses", "interim_responses", nil}}
)

// ErrBadResponse is every ResponseError, by errors.Is.
var ErrBadResponse error = &closeError{"response is malformed", "bad_response", nil}

// ResponseError: a response breaks the protocol, and its connection was closed. Err is a *wire.Error that names the rule, or
// what else is wrong.
type ResponseError struct {
	Err error // the rule that was broken
}

// Error is part of error.
func (e *ResponseError) Error() string { return "http1: bad response: " + e.Err.Error() }

// Unwrap gives the cause.
func (e *ResponseError) Unwrap() error { return e.Err }

// Is makes all of them ErrBadResponse.
func (e *ResponseError) Is(target error) bool { return target == ErrBadResponse }

// CloseReason is the label of the reactor's metrics.
func (e *ResponseError) CloseReason() string { return "bad_response" }
