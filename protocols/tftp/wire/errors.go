package wire

// Error is a refusal by the codec. Each one is a package-level value, so refusing
// allocates nothing; [Errors] lists them all. They must not be changed.
type Error struct {
	Code    ErrorCode // to answer with, when it was a request
	Reason  string    // a short stable label in snake case, for metrics
	Section string    // what the refusal rests on, such as "RFC 2347 2"
	Msg     string    // one clause in plain words
}

// Error says what was wrong and which section says so. It allocates.
func (e *Error) Error() string { return "tftp: " + e.Msg + " (" + e.Section + ")" }

// CloseReason is Reason: the label that package reactor gives to a close by e.
func (e *Error) CloseReason() string { return e.Reason }

// Errors returns every refusal that the codec knows, in no useful order, in a new
// slice.
func Errors() []*Error { return append([]*Error(nil), catalogue...) }

var catalogue []*Error

// invalid makes one Error and enters it into the catalogue. It runs while the
// package is initialised, and never after.
func invalid(code ErrorCode, reason, section, msg string) *Error {
	e := &Error{code, reason, section, msg}
	catalogue = append(catalogue, e)
	return e
}

// What packets are refused for.
var (
	errShort          = invalid(CodeIllegal, "short_packet", "RFC 1350 5", "packet shorter than its fixed fields")
	errOpcode         = invalid(CodeIllegal, "unknown_opcode", "RFC 1350 5", "opcode is none of 1 to 6")
	errDataLong       = invalid(CodeIllegal, "data_too_long", "RFC 2348", "block of more than 65,464 bytes")
	errRequestLong    = invalid(CodeIllegal, "request_too_long", "RFC 2347 2", "request or OACK of more than 512 bytes")
	errUnterminated   = invalid(CodeIllegal, "unterminated_string", "RFC 1350 5", "string that no NUL terminates")
	errFilename       = invalid(CodeIllegal, "empty_filename", "RFC 1350 5", "file name is empty or has a NUL")
	errMode           = invalid(CodeIllegal, "unknown_mode", "RFC 1350 5", "mode is neither octet nor netascii")
	errMail           = invalid(CodeIllegal, "mail_mode", "RFC 1350 1", "mode mail is obsolete")
	errOptionName     = invalid(CodeOption, "bad_option_name", "RFC 2347 2", "option name is empty or has a NUL")
	errOptionValue    = invalid(CodeOption, "bad_option_value", "RFC 2347 2", "option value is missing or out of range")
	errOptionRepeated = invalid(CodeOption, "repeated_option", "RFC 2347 2", "option given more than once")
	errNotRequest     = invalid(CodeIllegal, "not_a_request", "RFC 1350 5", "opcode of a request is neither RRQ nor WRQ")
	errText           = invalid(CodeUndefined, "bad_error_text", "RFC 1350 5", "error text is too long, not printable, or has a path")
	errCode           = invalid(CodeUndefined, "bad_error_code", "RFC 2347 4", "error code above 8")
)
