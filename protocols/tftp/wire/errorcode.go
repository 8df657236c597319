package wire

import (
	"errors"
	"io/fs"
	"strconv"
)

// ErrorCode is the code of an ERROR packet (RFC 1350 appendix I, RFC 2347 4).
type ErrorCode uint16

// The error codes.
const (
	CodeUndefined  ErrorCode = 0 // see the text, if any
	CodeNotFound   ErrorCode = 1 // file not found
	CodeAccess     ErrorCode = 2 // access violation
	CodeDiskFull   ErrorCode = 3 // disk full or allocation exceeded
	CodeIllegal    ErrorCode = 4 // illegal TFTP operation
	CodeUnknownTID ErrorCode = 5 // unknown transfer ID
	CodeExists     ErrorCode = 6 // file already exists
	CodeNoUser     ErrorCode = 7 // no such user; mode mail's
	CodeOption     ErrorCode = 8 // option negotiation ended the transfer
)

var codeTexts = [...]string{
	"Not defined", "File not found", "Access violation", "Disk full or allocation exceeded", "Illegal TFTP operation",
	"Unknown transfer ID", "File already exists", "No such user", "Option negotiation failed",
}

// Text is the RFCs' text for c, which says nothing of names, paths or the system.
// It is that of code 0 for a code above 8.
func (c ErrorCode) Text() string {
	if int(c) < len(codeTexts) {
		return codeTexts[c]
	}
	return codeTexts[0]
}

// String is the number and its text, for logs.
func (c ErrorCode) String() string { return strconv.Itoa(int(c)) + " " + c.Text() }

// CodeOf is the code that tells a peer about err and nothing more: that of an
// [*Error] or a [*RemoteError], 1 for fs.ErrNotExist, 2 for fs.ErrPermission and
// fs.ErrInvalid, 6 for fs.ErrExist, else 0. Disks that are full are the caller's
// to recognise, as their errors differ from system to system.
func CodeOf(err error) ErrorCode {
	var refused *Error
	var remote *RemoteError
	switch {
	case errors.As(err, &refused):
		return refused.Code
	case errors.As(err, &remote):
		return remote.Code
	case errors.Is(err, fs.ErrNotExist):
		return CodeNotFound
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrInvalid):
		return CodeAccess
	case errors.Is(err, fs.ErrExist):
		return CodeExists
	}
	return CodeUndefined
}

// RemoteError is an ERROR packet that the peer sent. errors.Is finds
// fs.ErrNotExist, fs.ErrPermission and fs.ErrExist in it, by its code.
type RemoteError struct {
	Code ErrorCode // as it was sent; may be above 8
	Text string    // the peer's, printable ASCII, at most 128 bytes; may be empty
}

// maxText bounds the text of an ERROR packet that is sent or kept.
const maxText = 128

// NewRemoteError makes one of a parsed ERROR packet, whose text it copies. Bytes that
// could upset a terminal or a log become question marks.
func NewRemoteError(p *Packet) *RemoteError {
	text := []byte(string(p.Data[:min(len(p.Data), maxText)]))
	for i, c := range text {
		if c < ' ' || c > '~' {
			text[i] = '?'
		}
	}
	return &RemoteError{p.Code, string(text)}
}

// Error is the code with the peer's text, or else the RFC's.
func (e *RemoteError) Error() string {
	text := e.Text
	if text == "" {
		text = e.Code.Text()
	}
	return "tftp: peer: error " + strconv.Itoa(int(e.Code)) + ": " + text
}

// Is reports whether the code says what target says.
func (e *RemoteError) Is(target error) bool {
	switch e.Code {
	case CodeNotFound:
		return target == fs.ErrNotExist
	case CodeAccess:
		return target == fs.ErrPermission
	case CodeExists:
		return target == fs.ErrExist
	}
	return false
}
