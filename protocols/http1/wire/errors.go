package wire

// Error is a refusal by the codec. Each one is a package-level value, so two
// refusals for one reason are equal as pointers and refusing allocates nothing;
// [Errors] lists them all. They must not be changed.
type Error struct {
	Status  int    // the status to answer a bad request with; a gateway answers 502 for a bad response
	Reason  string // a short stable label in snake case, for metrics
	Section string // what the refusal rests on, such as "RFC 9112 6.3"
	Msg     string // one clause in plain words
}

// Error says what was wrong and which section says so. It allocates.
func (e *Error) Error() string { return "http1: " + e.Msg + " (" + e.Section + ")" }

// CloseReason is Reason: the label that package reactor gives to a close by e.
func (e *Error) CloseReason() string { return e.Reason }

// Errors returns every refusal that the codec knows, in no useful order, in a
// new slice: a server makes its metric labels from it.
func Errors() []*Error { return append([]*Error(nil), catalogue...) }

var catalogue []*Error

// refusal makes one Error and enters it into the catalogue. It runs while the
// package is initialised, and never after.
func refusal(status int, reason, section, msg string) *Error {
	e := &Error{status, reason, section, msg}
	catalogue = append(catalogue, e)
	return e
}

// Lines, and the start line.
var (
	errBareLF          = refusal(400, "bare_lf", "RFC 9112 2.2", "line ended by LF without CR")
	errBareCR          = refusal(400, "bare_cr", "RFC 9112 2.2", "CR without LF")
	errLeadingCRLF     = refusal(400, "leading_crlf", "RFC 9112 2.2", "more than one empty line before the request line")
	errTLS             = refusal(400, "tls_on_plain", "RFC 9112 3", "TLS record on a plain HTTP port")
	errMethod          = refusal(400, "bad_method", "RFC 9112 3.1", "method is not a token")
	errMethodLong      = refusal(501, "method_too_long", "RFC 9112 3", "method longer than any implemented one")
	errRequestLine     = refusal(400, "bad_request_line", "RFC 9112 3", "request line is not method SP target SP version")
	errNoVersion       = refusal(400, "missing_version", "RFC 9112 3", "request line without a version (HTTP/0.9)")
	errVersion         = refusal(400, "bad_version", "RFC 9112 2.3", "version is not HTTP/ DIGIT . DIGIT")
	errVersionMajor    = refusal(505, "unsupported_version", "RFC 9110 15.6.6", "major version is not 1")
	errStatusLine      = refusal(400, "bad_status_line", "RFC 9112 4", "status line is not version SP code SP reason")
	errStatusCode      = refusal(400, "bad_status_code", "RFC 9110 15", "status code is not three digits from 100 up")
	errHeadTooLarge    = refusal(431, "head_too_large", "RFC 6585 5", "head over the limit in bytes")
	errTooManyFields   = refusal(431, "too_many_fields", "RFC 6585 5", "more fields than the limit")
	errTargetTooLong   = refusal(414, "target_too_long", "RFC 9110 15.5.15", "request target over the limit in bytes")
	errTarget          = refusal(400, "bad_target", "RFC 9112 3.2", "character not allowed in a request target")
	errFragment        = refusal(400, "fragment_in_target", "RFC 9112 3.2", "fragment in a request target")
	errPercent         = refusal(400, "bad_percent_encoding", "RFC 3986 2.1", "percent sign in a path without two hex digits")
	errTargetForm      = refusal(400, "bad_target_form", "RFC 9112 3.2", "request target is in none of the four forms")
	errAsteriskForm    = refusal(400, "asterisk_not_options", "RFC 9112 3.2.4", "asterisk-form with a method other than OPTIONS")
	errConnectForm     = refusal(400, "bad_connect_target", "RFC 9112 3.2.3", "target of CONNECT is not host:port")
	errTargetAuthority = refusal(400, "bad_target_authority", "RFC 9112 3.2.2", "authority of an absolute-form target is not valid")
	errUserinfo        = refusal(400, "userinfo_in_target", "RFC 9110 4.2.4", "user information in a request target")
)

// Fields.
var (
	errEmptyName      = refusal(400, "empty_field_name", "RFC 9112 5", "field line without a name")
	errFieldName      = refusal(400, "bad_field_name", "RFC 9110 5.1", "field name is not a token")
	errSpaceColon     = refusal(400, "space_before_colon", "RFC 9112 5.1", "white space in or after a field name")
	errNoColon        = refusal(400, "missing_colon", "RFC 9112 5", "field line without a colon")
	errSpaceFirst     = refusal(400, "space_before_field", "RFC 9112 2.2", "white space before the first field")
	errObsFold        = refusal(400, "obs_fold", "RFC 9112 5.2", "field line folded over several lines")
	errFieldValue     = refusal(400, "ctl_in_value", "RFC 9110 5.5", "control character in a field value")
	errHostMissing    = refusal(400, "missing_host", "RFC 9112 3.2", "HTTP/1.1 request without Host")
	errHostRepeated   = refusal(400, "repeated_host", "RFC 9112 3.2", "more than one Host field")
	errHost           = refusal(400, "bad_host", "RFC 9110 7.2", "Host is not a host with an optional port")
	errLength         = refusal(400, "bad_content_length", "RFC 9110 8.6", "Content-Length is not one decimal number below 2^63")
	errLengthRepeated = refusal(400, "repeated_content_length", "RFC 9112 6.3", "more than one Content-Length")
	errBothLengths    = refusal(400, "both_cl_and_te", "RFC 9112 6.3", "both Content-Length and Transfer-Encoding")
	errCodingOn10     = refusal(400, "te_on_http10", "RFC 9112 6.1", "Transfer-Encoding in an HTTP/1.0 message")
	errCoding         = refusal(400, "bad_transfer_encoding", "RFC 9112 6.1", "Transfer-Encoding is not a list of transfer codings")
	errCodingUnknown  = refusal(501, "unknown_transfer_coding", "RFC 9112 6.1", "transfer coding other than chunked")
	errChunkedTwice   = refusal(400, "chunked_repeated", "RFC 9112 6.1", "chunked applied more than once")
	errChunkedLast    = refusal(400, "chunked_not_last", "RFC 9112 6.3", "chunked is not the last transfer coding")
	errCodingStatus   = refusal(400, "te_with_status", "RFC 9112 6.1", "Transfer-Encoding in a 1xx or 204 response")
	errConnectBody    = refusal(400, "connect_with_body", "RFC 9110 9.3.6", "CONNECT request with a body")
)

// Chunked bodies.
var (
	errChunkSize       = refusal(400, "bad_chunk_size", "RFC 9112 7.1", "chunk size is not a hexadecimal number")
	errChunkDigits     = refusal(400, "chunk_size_too_long", "RFC 9112 7.1", "chunk size of more than 16 digits")
	errChunkOverflow   = refusal(400, "chunk_size_overflow", "RFC 9112 7.1", "chunk size of 2^63 or more")
	errChunkSpace      = refusal(400, "chunk_space", "RFC 9112 7.1.1", "white space in a chunk-size line")
	errChunkExt        = refusal(400, "bad_chunk_ext", "RFC 9112 7.1.1", "malformed chunk extension")
	errChunkExtLong    = refusal(400, "chunk_ext_too_long", "RFC 9112 7.1.1", "chunk extensions over the limit in bytes")
	errChunkOverhead   = refusal(400, "chunk_overhead", "RFC 9112 7.1.1", "chunk-size lines out of proportion to the data")
	errChunkEnd        = refusal(400, "bad_chunk_end", "RFC 9112 7.1", "chunk data not followed by CRLF")
	errTrailerTooLarge = refusal(431, "trailer_too_large", "RFC 6585 5", "trailer section over the limit in bytes")
	errTooManyTrailers = refusal(431, "too_many_trailers", "RFC 6585 5", "more trailer fields than the limit")
	errTrailer         = refusal(400, "forbidden_trailer", "RFC 9110 6.5.1", "field not allowed in a trailer section")
)
