package wire

// Error is a violation of the protocol. Each one is a package-level value, so refusing allocates nothing. They must not be
// changed.
type Error struct {
	Status int    // of RTSP, to answer with where that is possible
	Reason string // a short stable label in snake case, for metrics
	Msg    string // one clause in plain words
}

// Error says what was wrong.
func (e *Error) Error() string { return "rtsphttp: " + e.Msg }

// CloseReason is Reason: the label that package reactor gives to a close by e.
func (e *Error) CloseReason() string { return e.Reason }

// Violations.
var (
	// ErrBase64: a byte that is neither base64 nor white space (RFC 4648 section 3.3).
	ErrBase64 = &Error{400, "bad_base64", "byte that is not base64"}
	// ErrPadding: padding where no quantum ends, or none where one has to.
	ErrPadding = &Error{400, "bad_base64_padding", "misplaced base64 padding"}
	// ErrTrailingBits: bits behind the last byte that are not zero (RFC 4648 section 3.5).
	ErrTrailingBits = &Error{400, "bad_base64_bits", "base64 with bits left over"}
	// ErrStart: neither a message nor interleaved media begins here.
	ErrStart = &Error{400, "bad_start", "neither an RTSP message nor interleaved media"}
	// ErrHead: a head that cannot be read.
	ErrHead = &Error{400, "bad_head", "malformed RTSP head"}
	// ErrHeadTooLarge: a head above the limit.
	ErrHeadTooLarge = &Error{400, "head_too_large", "RTSP head over the limit"}
	// ErrLength: a Content-Length that is no number, or two that differ.
	ErrLength = &Error{400, "bad_length", "malformed Content-Length"}
	// ErrBodyTooLarge: a body above the limit.
	ErrBodyTooLarge = &Error{413, "body_too_large", "RTSP body over the limit"}
	// ErrTransport: a Transport field that cannot be read.
	ErrTransport = &Error{400, "bad_transport", "malformed Transport"}
)
