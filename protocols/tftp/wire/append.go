package wire

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// The encoders append one packet to dst and return it, as append does; they
// allocate only when dst must grow. What [Parse] would refuse they do not write:
// they return an [*Error] and dst as it was.

// OptionValue is an option to ask for.
type OptionValue struct {
	Option Option // which one, once in a request
	Value  int64  // in its range
}

// AppendRequest appends an RRQ or a WRQ with the options in that order (RFC 1350 5,
// RFC 2347 2). The file name may be any bytes but NUL, and not empty; all together
// may be 512 bytes.
func AppendRequest(dst []byte, op Opcode, filename string, mode Mode, options ...OptionValue) ([]byte, error) {
	if op != OpRRQ && op != OpWRQ {
		return dst, errNotRequest
	}
	if mode > Netascii {
		return dst, errMode
	}
	if filename == "" || strings.IndexByte(filename, 0) >= 0 {
		return dst, errFilename
	}
	if len(filename) > MaxRequestSize {
		return dst, errRequestLong
	}
	start := len(dst)
	dst = binary.BigEndian.AppendUint16(dst, uint16(op))
	dst = append(append(dst, filename...), 0)
	dst = append(append(dst, mode.String()...), 0)
	var seen [numOptions]bool
	for _, o := range options {
		if o.Option >= numOptions || !o.Option.Valid(o.Value) {
			return dst[:start], errOptionValue
		}
		if seen[o.Option] {
			return dst[:start], errOptionRepeated
		}
		seen[o.Option] = true
		dst, _ = AppendOption(dst, o.Option.String(), o.Value)
	}
	if len(dst)-start > MaxRequestSize {
		return dst[:start], errRequestLong
	}
	return dst, nil
}

// AppendOACK appends an OACK without options yet; append these with [AppendOption] or
// [AppendOptionBytes] (RFC 2347 2). It is the caller's to stay within 512 bytes: an
// answer to a request that did, with what it asked for, does.
func AppendOACK(dst []byte) []byte { return binary.BigEndian.AppendUint16(dst, uint16(OpOACK)) }

// AppendOption appends one option. The name is not empty and has no NUL; the value
// is 0 or more, and within the range of an option that is known.
func AppendOption(dst []byte, name string, value int64) ([]byte, error) {
	return appendOption(dst, name, value)
}

// AppendOptionBytes is [AppendOption] for a name in bytes: an OACK repeats the
// client's own spelling, as some clients compare case-sensitively.
func AppendOptionBytes(dst, name []byte, value int64) ([]byte, error) {
	return appendOption(dst, name, value)
}

func appendOption[S string | []byte](dst []byte, name S, value int64) ([]byte, error) {
	start := len(dst)
	dst = append(dst, name...)
	written := dst[start:]
	for _, c := range written {
		if c == 0 {
			return dst[:start], errOptionName
		}
	}
	if len(written) == 0 {
		return dst[:start], errOptionName
	}
	if known, is := LookupOption(written); value < 0 || is && !known.Valid(value) {
		return dst[:start], errOptionValue
	}
	dst = append(dst, 0)
	dst = strconv.AppendInt(dst, value, 10)
	return append(dst, 0), nil
}

// AppendDataHeader appends what stands before the bytes of a DATA packet: these
// follow, 65,464 at most.
func AppendDataHeader(dst []byte, block uint16) []byte {
	return append(dst, 0, byte(OpData), byte(block>>8), byte(block))
}

// AppendData appends a DATA packet (RFC 1350 5) of at most 65,464 bytes.
func AppendData(dst []byte, block uint16, data []byte) ([]byte, error) {
	if len(data) > MaxBlockSize {
		return dst, errDataLong
	}
	return append(AppendDataHeader(dst, block), data...), nil
}

// AppendAck appends an ACK (RFC 1350 5).
func AppendAck(dst []byte, block uint16) []byte {
	return append(dst, 0, byte(OpAck), byte(block>>8), byte(block))
}

// AppendError appends an ERROR packet with the text of [ErrorCode.Text], which
// tells nothing about the system. A code above 8 becomes 0.
func AppendError(dst []byte, code ErrorCode) []byte {
	if code > CodeOption {
		code = CodeUndefined
	}
	dst, _ = AppendErrorText(dst, code, code.Text())
	return dst
}

// AppendErrorText appends an ERROR packet with a text of one's own: printable
// ASCII, 128 bytes at most. A slash or a backslash is refused: the text of an error
// from the file system would tell its paths to whoever asks. An empty text is the
// RFC's.
func AppendErrorText(dst []byte, code ErrorCode, text string) ([]byte, error) {
	if code > CodeOption {
		return dst, errCode
	}
	if text == "" {
		text = code.Text()
	}
	if len(text) > maxText {
		return dst, errText
	}
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '/' || c == '\\' {
			return dst, errText
		}
	}
	dst = append(dst, 0, byte(OpError), 0, byte(code))
	return append(append(dst, text...), 0), nil
}
