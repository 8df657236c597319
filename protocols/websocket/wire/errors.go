package wire

// Error is a violation by the peer that fails the connection (RFC 6455 7.1.7). Each one is a package-level value, so two
// errors for one reason are equal as pointers and refusing allocates nothing; [Errors] lists them all. They must not be
// changed.
type Error struct {
	Code    CloseCode // the code to send in the close frame
	Reason  string    // a short stable label in snake case, for metrics
	Section string    // what the error rests on, such as "RFC 6455 5.2"
	Msg     string    // one clause in plain words; it fits into a close frame
}

// Error says what was wrong and which section says so. It allocates.
func (e *Error) Error() string { return "websocket: " + e.Msg + " (" + e.Section + ")" }

// CloseReason is Reason: the label that package reactor gives to a close by e.
func (e *Error) CloseReason() string { return e.Reason }

// Errors returns every violation that the codec knows, in no useful order, in a new slice.
func Errors() []*Error { return append([]*Error(nil), violations...) }

var violations []*Error

// violation makes one Error and enters it into the list. It runs while the package is initialised, and never after.
func violation(code CloseCode, reason, section, msg string) *Error {
	e := &Error{code, reason, section, msg}
	violations = append(violations, e)
	return e
}

// Headers.
var (
	errOpcode      = violation(ProtocolError, "reserved_opcode", "RFC 6455 5.2", "reserved opcode")
	errRSV         = violation(ProtocolError, "reserved_bits", "RFC 6455 5.2", "reserved bit that no extension defines")
	errRSV1Place   = violation(ProtocolError, "rsv1_misplaced", "RFC 7692 6.1", "RSV1 on a frame that starts no message")
	errControlFin  = violation(ProtocolError, "control_fragmented", "RFC 6455 5.5", "fragmented control frame")
	errControlLong = violation(ProtocolError, "control_too_long", "RFC 6455 5.5", "control frame of more than 125 bytes")
	errUnexpected  = violation(ProtocolError, "unexpected_continuation", "RFC 6455 5.4", "continuation of no message")
	errInterleaved = violation(ProtocolError, "interleaved_message", "RFC 6455 5.4", "new message inside a fragmented one")
	errUnmasked    = violation(ProtocolError, "unmasked", "RFC 6455 5.1", "frame from a client without a mask")
	errMasked      = violation(ProtocolError, "masked", "RFC 6455 5.1", "masked frame from a server")
	errLengthForm  = violation(ProtocolError, "length_not_minimal", "RFC 6455 5.2", "length not in its shortest form")
	errLengthSign  = violation(ProtocolError, "length_overflow", "RFC 6455 5.2", "payload length of 2^63 or more")
	errFrameBig    = violation(MessageTooBig, "frame_too_big", "RFC 6455 10.4", "frame over the limit in bytes")
	errMessageBig  = violation(MessageTooBig, "message_too_big", "RFC 6455 10.4", "message over the limit in bytes")
	errFragments   = violation(MessageTooBig, "too_many_fragments", "RFC 6455 10.4", "too many small fragments in one message")
	errPackedBig   = violation(MessageTooBig, "compressed_too_big", "RFC 6455 10.4", "compressed message over twice the limit")
)

// Payloads.
var (
	errUTF8        = violation(InvalidPayload, "bad_utf8", "RFC 6455 8.1", "text is not UTF-8")
	errDeflate     = violation(InvalidPayload, "bad_deflate", "RFC 7692 7.2.2", "compressed message is not DEFLATE")
	errDeflateEnd  = violation(InvalidPayload, "deflate_truncated", "RFC 7692 7.2.2", "compressed message ends in a block")
	errDistance    = violation(InvalidPayload, "deflate_window", "RFC 7692 7.1.2", "reference beyond the agreed window")
	errCloseLength = violation(ProtocolError, "close_length", "RFC 6455 5.5.1", "close frame with half a code")
	errCloseCode   = violation(ProtocolError, "close_code", "RFC 6455 7.4", "close code that may not be sent")
	errCloseUTF8   = violation(InvalidPayload, "close_utf8", "RFC 6455 5.5.1", "reason in a close frame is not UTF-8")
)
