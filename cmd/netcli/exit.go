package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/download"
	"github.com/calandria-go/calandria/protocols/rtsphttp"
	"github.com/calandria-go/calandria/protocols/smtp"
	"github.com/calandria-go/calandria/protocols/websocket"
)

// The exit statuses.
const (
	exitOK          = 0
	exitOther       = 1
	exitUsage       = 2
	exitNetwork     = 3
	exitTLS         = 4
	exitTimeout     = 5
	exitStatus      = 6
	exitChecksum    = 7
	exitProtocol    = 8
	exitFile        = 9
	exitInterrupted = 130
)

// exits are what they mean, for help and for the documents.
var exits = []struct {
	code int
	what string
}{
	{exitOK, "success"},
	{exitOther, "anything else"},
	{exitUsage, "wrong usage"},
	{exitNetwork, "no connection: no such name, refused, no route, lost before an answer"},
	{exitTLS, "TLS: a certificate that is not trusted, no common version"},
	{exitTimeout, "something took too long"},
	{exitStatus, "the server refuses: an HTTP status of 400 and above, a mail server's 4xx or 5xx, no way to log in"},
	{exitChecksum, "a checksum does not match, or is not in the list"},
	{exitProtocol, "the answer breaks the protocol, is too large, or ends early; a WebSocket was closed with an error"},
	{exitFile, "a file could not be read or written"},
	{exitInterrupted, "interrupted"},
}

// usageError is a wrong flag or argument.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// statusError is an answer of 400 and above.
type statusError struct{ status string }

func (e statusError) Error() string { return "the answer is " + e.status }

// exitCode finds the exit status of an error.
func exitCode(ctx context.Context, err error) int {
	var (
		usage  usageError
		status statusError
		got    *download.StatusError
		letter *smtp.Error
		tunnel *rtsphttp.RefusedError
		dns    *net.DNSError
		op     *net.OpError
		path   *fs.PathError
		link   *os.LinkError
		shake  *websocket.HandshakeError
		closed *websocket.CloseError
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage), isAny(err, smtp.ErrConfig, smtp.ErrInjection, smtp.ErrMessage, rtsphttp.ErrURL):
		return exitUsage
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return exitInterrupted
	case errors.As(err, &status), errors.As(err, &got), isAny(err, http1.ErrProxyRefused, smtp.ErrNoAuth), errors.As(err, &letter) && letter.Code > 0,
		errors.As(err, &shake) && shake.Status >= 400, errors.As(err, &tunnel):
		return exitStatus
	case isAny(err, download.ErrChecksum, download.ErrSum, download.ErrNoSum, download.ErrAmbiguous):
		return exitChecksum
	case isTLS(err), errors.Is(err, smtp.ErrNoTLS):
		return exitTLS
	case isAny(err, os.ErrDeadlineExceeded, context.DeadlineExceeded):
		return exitTimeout
	case isAny(err, io.ErrUnexpectedEOF, http1.ErrBadResponse, http1.ErrResponseTooLarge, http1.ErrResponseCoding, http1.ErrRedirects,
		download.ErrEncoded, download.ErrRange, download.ErrNoLength, download.ErrTooLarge, download.ErrChanged, smtp.ErrResponse),
		errors.As(err, &shake), errors.As(err, &closed):
		return exitProtocol
	case errors.As(err, &path), errors.As(err, &link), errors.Is(err, download.ErrBusy):
		return exitFile
	case errors.As(err, &dns), errors.As(err, &op), isAny(err, io.EOF, http1.ErrServerClosed, syscall.ECONNRESET, syscall.EPIPE):
		return exitNetwork
	case strings.Contains(err.Error(), "malformed HTTP"): // net/http's, which has no value for it
		return exitProtocol
	}
	return exitOther
}

func isAny(err error, targets ...error) bool {
	for _, t := range targets {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}

func isTLS(err error) bool {
	var (
		cert    *tls.CertificateVerificationError
		alert   tls.AlertError
		record  tls.RecordHeaderError
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
	)
	return errors.As(err, &cert) || errors.As(err, &alert) || errors.As(err, &record) || errors.As(err, &unknown) ||
		errors.As(err, &host) || errors.As(err, &invalid)
}
