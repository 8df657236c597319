package wire

import (
	"encoding/binary"
	"strconv"
	"unicode/utf8"
)

// CloseCode says why a connection was closed (RFC 6455 7.4 and the registry of IANA).
type CloseCode uint16

// The registered codes. NoStatus, Abnormal and TLSHandshake never stand in a frame: they say what an endpoint saw.
const (
	NormalClosure      CloseCode = 1000 // the purpose is fulfilled
	GoingAway          CloseCode = 1001 // a server shuts down, a page is left
	ProtocolError      CloseCode = 1002 // the peer violated RFC 6455 or RFC 7692
	UnsupportedData    CloseCode = 1003 // a type of data that is not accepted
	NoStatus           CloseCode = 1005 // a close frame without a code came
	Abnormal           CloseCode = 1006 // the connection ended without a close frame
	InvalidPayload     CloseCode = 1007 // data that contradicts its type, such as text that is not UTF-8
	PolicyViolation    CloseCode = 1008 // anything that is not allowed here
	MessageTooBig      CloseCode = 1009 // over a limit
	MandatoryExtension CloseCode = 1010 // a client misses an extension
	InternalError      CloseCode = 1011 // a server failed
	ServiceRestart     CloseCode = 1012 // come back, after a random wait
	TryAgainLater      CloseCode = 1013 // overload
	BadGateway         CloseCode = 1014 // a gateway's upstream failed
	TLSHandshake       CloseCode = 1015 // TLS could not be established
)

// OnWire reports whether c may stand in a close frame: the registered codes but 1004, 1005, 1006 and 1015, and 3000 to
// 4999 (RFC 6455 7.4.2; IANA WebSocket Close Code Number Registry).
func (c CloseCode) OnWire() bool {
	switch {
	case c >= 3000 && c < 5000:
		return true
	case c >= 1000 && c <= 1014:
		return c != 1004 && c != NoStatus && c != Abnormal
	}
	return false
}

// String is the number.
func (c CloseCode) String() string { return strconv.Itoa(int(c)) }

// ParseClose takes the payload of a close frame apart (RFC 6455 5.5.1): nothing, which is [NoStatus], or a code and a
// reason in UTF-8. The reason aliases p. An error is always an [*Error]; it allocates nothing.
func ParseClose(p []byte) (code CloseCode, reason []byte, err error) {
	if e := checkClose(p); e != nil {
		return 0, nil, e
	}
	code, reason = splitClose(p)
	return code, reason, nil
}

func splitClose(p []byte) (CloseCode, []byte) {
	if len(p) < 2 {
		return NoStatus, nil
	}
	return CloseCode(binary.BigEndian.Uint16(p)), p[2:]
}

func checkClose(p []byte) *Error {
	switch {
	case len(p) == 0:
		return nil
	case len(p) == 1:
		return errCloseLength
	case !CloseCode(binary.BigEndian.Uint16(p)).OnWire():
		return errCloseCode
	case !utf8.Valid(p[2:]):
		return errCloseUTF8
	}
	return nil
}

// maxReason is what a control frame leaves for the reason behind the code.
const maxReason = maxControl - 2

// AppendClosePayload appends the payload of a close frame: nothing if code may not stand in one, else the code and the
// reason, cut to 123 bytes at a character's edge; a reason that is not UTF-8 is left out.
func AppendClosePayload(dst []byte, code CloseCode, reason string) []byte {
	if !code.OnWire() {
		return dst
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	if !utf8.ValidString(reason) {
		return dst
	}
	if len(reason) > maxReason {
		n := maxReason
		for !utf8.RuneStart(reason[n]) {
			n--
		}
		reason = reason[:n]
	}
	return append(dst, reason...)
}
