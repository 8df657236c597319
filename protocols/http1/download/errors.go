package download

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// What ends a download, beside errors of the network, of the disk, and of its context.
var (
	// ErrChecksum: the bytes are not those of a Sum. A *ChecksumError is one.
	ErrChecksum = errors.New("download: checksum does not match")
	// ErrTooLarge: more than Downloader.MaxBytes.
	ErrTooLarge = errors.New("download: too large")
	// ErrNoLength: the answer says neither its length nor its end (HTTP/1.0 without Content-Length), so a part of it looks like all.
	// With a Sum it is taken.
	ErrNoLength = errors.New("download: the answer says neither its length nor its end")
	// ErrEncoded: the answer has a content coding, though none was asked for: its ranges would be those of the coded bytes.
	ErrEncoded = errors.New("download: the answer has a Content-Encoding")
	// ErrRange: an answer with a part that was not asked for.
	ErrRange = errors.New("download: the answer is a range that was not asked for")
	// ErrChanged: the resource became another one again and again while it was loaded.
	ErrChanged = errors.New("download: the resource keeps changing")
	// ErrBusy: another download writes the same partial file.
	ErrBusy = errors.New("download: another one writes this file")
	// ErrStalled: nothing came for Downloader.Stall. It is os.ErrDeadlineExceeded, too.
	ErrStalled = fmt.Errorf("download: stalled: %w", os.ErrDeadlineExceeded)
)

// StatusError is an answer that is no success.
type StatusError struct {
	// StatusCode is the answer's.
	StatusCode int
	// Status is it with its reason, "404 Not Found".
	Status string
	// RetryAfter is when the server wants to be asked again; 0: it does not say.
	RetryAfter time.Duration
}

// Error has the status in it.
func (e *StatusError) Error() string { return "download: the answer is " + e.Status }

// again reports whether the same request may be answered otherwise in a while.
func (e *StatusError) again() bool {
	switch e.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// ChecksumError says what was expected and what came.
type ChecksumError struct {
	// Want is the expected sum.
	Want Sum
	// Got is that of the bytes.
	Got []byte
}

// Error has both sums in it.
func (e *ChecksumError) Error() string {
	return fmt.Sprintf("download: checksum does not match: %s is %x, not %x", e.Want.Algorithm, e.Got, e.Want.Sum)
}

// Is makes it ErrChecksum.
func (e *ChecksumError) Is(target error) bool { return target == ErrChecksum }

// errAnew has the run begin again from the first byte: what was loaded is not of what is there now, or cannot be continued.
var errAnew = errors.New("download: begin anew")

// Why a connection beside others ends: the rest is for one alone.
var (
	errNoRanges = errors.New("download: the server ignores ranges")
	errAlone    = errors.New("download: the server refuses a second connection")
)

// fatal is an error that no other attempt would mend, of the disk above all.
type fatal struct{ error }

func (e fatal) Unwrap() error { return e.error }

// lasting reports whether trying again is of no use.
func lasting(err error) bool {
	for _, e := range []error{ErrTooLarge, ErrNoLength, ErrEncoded, ErrRange, context.Canceled} {
		if errors.Is(err, e) {
			return true
		}
	}
	var (
		f       fatal
		status  *StatusError
		cert    *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		dns     *net.DNSError
	)
	switch {
	case errors.As(err, &f), errors.As(err, &cert), errors.As(err, &unknown), errors.As(err, &host):
		return true
	case errors.As(err, &status):
		return !status.again()
	case errors.As(err, &dns):
		return dns.IsNotFound
	}
	return false
}
