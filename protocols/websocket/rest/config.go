package rest

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net"
	"net/http"
	"time"
)

const (
	// Protocol is our sub-protocol's name in the handshake.
	Protocol = "calandria.rest.v1"
	// Synopse is that of mORMot 2.
	Synopse = "synopsejson"
)

// Config says what a peer does. The zero value is safe: it answers every request with 404, and may make its own.
type Config struct {
	// Handler answers the other end's requests; nil: 404. The address of a Request is the connection's; its context ends with the
	// deadline that came, with a cancellation, and with the connection.
	Handler http.Handler
	// MaxRequests bounds the other end's requests in progress; 0: 100; negative: unlimited. One more is answered 503; with synopsejson,
	// where they wait for one another, the connection is closed with 1008.
	MaxRequests int
	// MaxCalls bounds ours in progress; 0: 1,000; negative: unlimited. One more fails with ErrBusy.
	MaxCalls int
	// MaxFields bounds the fields of a head, received or sent; 0: 100; negative: unlimited.
	MaxFields int
	// MaxHeadBytes bounds the method, the URI and the fields of a head, received or sent, each field with 32 bytes more; 0: 16 KiB; negative:
	// unlimited.
	MaxHeadBytes int
	// MaxBody bounds bodies that have to be held whole: those that synopsejson sends; 0: 8 MiB; negative: unlimited. What is
	// received is bounded by websocket.Config.Limits.
	MaxBody int
	// Timeout is the deadline of requests that come without one; 0: 60 s; negative: none.
	Timeout time.Duration
	// OnOpen is called on the loop when requests can be made: from a goroutine of their own; nil: nothing is.
	OnOpen func(p *Peer)
	// OnClose is called on the loop, last, with websocket.Handler's reason; nil: nothing is.
	OnClose func(p *Peer, err error)
	// Logger is told of panics in Handler; nil: nobody is.
	Logger *slog.Logger
}

const (
	defaultRequests  = 100
	defaultCalls     = 1000
	defaultFields    = 100
	defaultHeadBytes = 16 << 10
	defaultBody      = 8 << 20
	defaultTimeout   = 60 * time.Second
)

func (c Config) withDefaults() Config {
	if c.Handler == nil {
		c.Handler = http.NotFoundHandler()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	c.MaxRequests = or(c.MaxRequests, defaultRequests)
	c.MaxCalls = or(c.MaxCalls, defaultCalls)
	c.MaxFields = or(c.MaxFields, defaultFields)
	c.MaxHeadBytes = or(c.MaxHeadBytes, defaultHeadBytes)
	c.MaxBody = or(c.MaxBody, defaultBody)
	return c
}

// or is v, def for zero, and as good as unlimited for a negative number.
func or(v, def int) int {
	switch {
	case v == 0:
		return def
	case v < 0:
		return math.MaxInt
	}
	return v
}

// Errors of a peer. One that has closed also fails with the reason that the connection ended for.
var (
	// ErrClosed: the connection has ended, or has not opened. It is net.ErrClosed too.
	ErrClosed error = &causedError{"rest: connection is closed", net.ErrClosed}
	// ErrCanceled: the other end cancelled the request. It is context.Canceled too.
	ErrCanceled error = &causedError{"rest: canceled by the other end", context.Canceled}
	// ErrBusy: Config.MaxCalls requests are in progress.
	ErrBusy = errors.New("rest: too many requests in progress")
	// ErrDraining: the other end, or this one, takes no new requests.
	ErrDraining = errors.New("rest: connection is draining")
	// ErrHead: a head is larger than the limits, or has a field that cannot be sent.
	ErrHead = errors.New("rest: bad or too large head")
	// ErrBody: a body cannot be sent by synopsejson: it is larger than Config.MaxBody, or not the JSON or UTF-8 that its type says.
	ErrBody = errors.New("rest: body cannot be sent")
	// ErrSubprotocol: the handshake agreed on neither of the sub-protocols; the connection was closed.
	ErrSubprotocol = errors.New("rest: no sub-protocol")
)

// causedError is a sentinel that is a standard error too.
type causedError struct {
	msg string
	is  error
}

func (e *causedError) Error() string { return e.msg }
func (e *causedError) Unwrap() error { return e.is }

// violation is what the other end did against the sub-protocol; the connection is closed with 1002.
type violation string

func (v violation) Error() string       { return "rest: " + string(v) }
func (v violation) CloseReason() string { return "rest_violation" }
