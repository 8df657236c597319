package wire

// Code is why a stream, an offer or a link ended. Codes that are not in the list are taken for CodeInternal.
type Code uint16

// The codes.
const (
	CodeNone         Code = 0  // no error: the end was wanted
	CodeInternal     Code = 1  // a failure of the sender's own
	CodeProtocol     Code = 2  // what was sent does not follow the specification
	CodeFlowControl  Code = 3  // more was sent than the credit allows
	CodeRefused      Code = 4  // not allowed: by access rules, or a target that is not in the list
	CodeNoService    Code = 5  // no agent serves it now
	CodeUnreachable  Code = 6  // the target did not answer, or its connection was refused
	CodeTimeout      Code = 7  // the target or the peer took too long
	CodeLimit        Code = 8  // too many streams, or too many bytes
	CodeReset        Code = 9  // the connection behind the stream was reset
	CodeLinkLost     Code = 10 // the link broke, and the streams on it with it
	CodeShutdown     Code = 11 // the sender ends
	CodeReplaced     Code = 12 // a newer link of the same agent took over
	CodeOverload     Code = 13 // the stream held more of the link's credit than there is room for
	CodeUnauthorized Code = 14 // no or wrong credentials, or they have expired
	CodeEncryption   Code = 15 // the end-to-end handshake failed, or what was carried was changed
	CodeNoResume     Code = 16 // the session to resume is not there any more
	maxCode               = CodeNoResume
)

var codeNames = [...]string{
	"closed", "internal", "protocol", "flow_control", "refused", "no_service", "unreachable", "timeout", "limit", "reset",
	"link_lost", "shutdown", "replaced", "overload", "unauthorized", "encryption", "no_resume",
}

// String is the code as a label.
func (c Code) String() string {
	if c > maxCode {
		c = CodeInternal
	}
	return codeNames[c]
}

// Error is what is wrong with a frame.
type Error struct {
	Type   Type   // of the frame; 0 if it has none
	Reason string // a short stable label
	Msg    string // for people
}

// Error says it with the frame's type.
func (e *Error) Error() string {
	if e.Type == 0 {
		return "relay: malformed frame: " + e.Msg
	}
	return "relay: malformed " + e.Type.String() + ": " + e.Msg
}

// CloseReason is the label for reactor.ReasonOf.
func (e *Error) CloseReason() string { return "relay_" + e.Reason }

// Is makes errors.Is compare what is wrong, whatever the frame.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Reason == e.Reason && (t.Type == 0 || t.Type == e.Type)
}

var (
	errShort    = &Error{Reason: "short", Msg: "it ends early"}
	errLong     = &Error{Reason: "long", Msg: "bytes behind its end"}
	errType     = &Error{Reason: "type", Msg: "unknown type"}
	errFlags    = &Error{Reason: "flags", Msg: "flags that this type does not have"}
	errNoStream = &Error{Reason: "no_stream", Msg: "stream 0"}
	errStream   = &Error{Reason: "stream", Msg: "a stream where there must be none"}
	errMagic    = &Error{Reason: "magic", Msg: "it does not begin with CRLY"}
	errVersion  = &Error{Reason: "version", Msg: "another version of the protocol"}
	errRole     = &Error{Reason: "role", Msg: "unknown role"}
	errWindow   = &Error{Reason: "window", Msg: "a window over 1 GiB, or a limit below what was consumed"}
	errName     = &Error{Reason: "name", Msg: "a name that is empty, too long, or has other characters than letters, digits, '.', '_' and '-'"}
	errAddress  = &Error{Reason: "address", Msg: "an address with characters that are not printable ASCII"}
	errText     = &Error{Reason: "text", Msg: "a text that is too long, or not printable UTF-8"}
	errKind     = &Error{Reason: "kind", Msg: "unknown kind"}
	errEmpty    = &Error{Reason: "empty", Msg: "no bytes"}
	errTooLarge = &Error{Reason: "too_large", Msg: "more than 32768 bytes"}
)
