package smtp

import (
	"errors"
	"fmt"
	"net/textproto"
	"strings"
)

var (
	// ErrInjection: a line break or another control character in a field of a message or a Client that cannot have one. Nothing
	// was sent.
	ErrInjection = errors.New("smtp: a control character where none may be")
	// ErrMessage: the message cannot be sent as it is: no sender, no recipients or too many, an address that is none, an
	// attachment that cannot be read. The text says which.
	ErrMessage = errors.New("smtp: the message cannot be sent")
	// ErrNoTLS: the server does not offer STARTTLS, and TLS is required. Nothing secret was sent.
	ErrNoTLS = errors.New("smtp: the server does not offer STARTTLS")
	// ErrNoAuth: the server offers none of the mechanisms that the Client may use, or a password would have to go without TLS.
	ErrNoAuth = errors.New("smtp: no mechanism to log in by")
	// ErrResponse: an answer of the server is longer than Client.MaxResponse.
	ErrResponse = errors.New("smtp: the server's answer is too long")
	// ErrConfig: a Client whose fields contradict each other, or a URL that is none. The text says what.
	ErrConfig = errors.New("smtp: wrong configuration")
	// ErrQueueFull: a Queue has as much as it may have.
	ErrQueueFull = errors.New("smtp: the queue is full")
	// ErrQueueClosed: Queue.Close was called.
	ErrQueueClosed = errors.New("smtp: the queue is closed")
)

// Steps of a delivery, for Error.Step.
const (
	StepMessage  = "message"  // checking and reading the message
	StepDial     = "dial"     // connecting, TLS from the beginning, and the server's greeting
	StepHello    = "hello"    // EHLO
	StepStartTLS = "starttls" // STARTTLS, its handshake, EHLO again
	StepAuth     = "auth"     // AUTH
	StepMail     = "mail"     // MAIL FROM
	StepRcpt     = "rcpt"     // RCPT TO
	StepData     = "data"     // DATA and the message
	StepEnd      = "end"      // the server's answer to all of it
)

// Error is why a message was not taken.
type Error struct {
	// Step is where it happened, one of the constants.
	Step string
	// Code is the server's reply (RFC 5321, section 4.2), 4xx for now and 5xx for good; 0 if it was not the server's answer.
	Code int
	// Enhanced is the enhanced code (RFC 3463), "4.2.2", if the server gave one.
	Enhanced string
	// Text is the server's text, without the codes, its lines joined by blanks.
	Text string
	// Refused are the recipients that the server refused. It got the message for nobody then.
	Refused []Refusal
	// Err is what is below: a *textproto.Error, one of this package's, a *net.OpError, an error of crypto/tls.
	Err error
}

// Refusal is one recipient that the server refused.
type Refusal struct {
	// Recipient is the address.
	Recipient string
	// Code is as in Error.
	Code int
	// Enhanced and Text are as in Error.
	Enhanced, Text string
}

// Error says where it happened and what.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "smtp: %s: ", e.Step)
	if e.Code == 0 {
		b.WriteString(strings.TrimPrefix(fmt.Sprint(e.Err), "smtp: "))
		return b.String()
	}
	if len(e.Refused) > 0 {
		fmt.Fprintf(&b, "%s: ", e.Refused[0].Recipient)
	}
	b.WriteString(strings.TrimSpace(fmt.Sprintf("%d %s %s", e.Code, e.Enhanced, e.Text)))
	if n := len(e.Refused) - 1; n > 0 {
		fmt.Fprintf(&b, " (and %d more refused)", n)
	}
	return b.String()
}

// Unwrap is what is below.
func (e *Error) Unwrap() error { return e.Err }

// Temporary says whether it may be otherwise later: a reply 4xx, or anything between here and the server, TLS included, since
// whoever can break a connection must not be able to have mail given up. Permanent are replies 5xx, and what is wrong here:
// the message, the configuration. Of several refused recipients one for good is enough.
func (e *Error) Temporary() bool {
	if e.Code != 0 {
		return e.Code/100 == 4
	}
	return e.Step != StepMessage && !errors.Is(e.Err, ErrConfig) && !errors.Is(e.Err, ErrInjection)
}

// IsTemporary says whether err is an Error that is temporary.
func IsTemporary(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Temporary()
}

// stepError wraps what happened in a step.
func stepError(step string, err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	e := &Error{Step: step, Err: err}
	var reply *textproto.Error
	if errors.As(err, &reply) {
		e.Code, e.Enhanced, e.Text = readReply(reply)
	}
	return e
}

// readReply takes a reply apart. A server that says neither 4xx nor 5xx where it should have said yes has failed for good.
func readReply(reply *textproto.Error) (code int, enhanced, text string) {
	code = reply.Code
	if code/100 != 4 && code/100 != 5 {
		code = 554
	}
	lines := strings.FieldsFunc(reply.Msg, func(r rune) bool { return r == '\n' || r == '\r' })
	for i, line := range lines {
		head, rest, _ := strings.Cut(line, " ")
		if !isEnhanced(head, code) {
			break
		}
		enhanced, lines[i] = head, rest
	}
	return code, enhanced, printable(strings.Join(lines, " "))
}

// isEnhanced says whether s is a code of RFC 3463 of the class of code.
func isEnhanced(s string, code int) bool {
	parts := strings.Split(s, ".")
	if len(parts) != 3 || parts[0] != string(rune('0'+code/100)) {
		return false
	}
	for _, p := range parts {
		if len(p) == 0 || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return false
		}
	}
	return true
}

// printable is a server's text for logs: without control characters.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}
