package wire

import (
	"strconv"
	"time"
)

// The writers append to dst and return it, as append does; they allocate only
// when dst must grow. What the codec's own parser would refuse, they do not
// write: they return an [*Error] and dst as it was. So no CR, LF or NUL gets out
// in a name or a value (RFC 9110 5.5).

// AppendStatusLine appends the status line of an HTTP/1.1 response (RFC 9112 4),
// which is right for HTTP/1.0 clients too (RFC 9110 2.5), with the reason of
// [StatusText]. A status outside 100 to 999 cannot be written; as it is the
// program's mistake, 500 is.
func AppendStatusLine(dst []byte, status int) []byte {
	if status == 200 {
		return append(dst, "HTTP/1.1 200 OK\r\n"...)
	}
	if status < 100 || status > 999 {
		status = 500
	}
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, ' ') // also before no reason
	dst = append(dst, StatusText(status)...)
	return append(dst, "\r\n"...)
}

// AppendRequestLine appends the request line of an HTTP/1.1 request (RFC 9112 3).
// The target must be in the form that suits the method (RFC 9112 3.2), and
// percent-encoded.
func AppendRequestLine(dst []byte, method, target string) ([]byte, error) {
	start := len(dst)
	dst = append(dst, method...)
	dst = append(dst, ' ')
	dst = append(dst, target...)
	dst = append(dst, " HTTP/1.1\r\n"...)
	// What stands there now goes through the parser.
	var r Request
	r.buf = dst[start:]
	err := r.scanLine(r.buf, len(target))
	if err == nil && (r.state != sField || len(r.Method()) != len(method) || int(r.pos) != len(r.buf)) {
		err = errRequestLine
	}
	if err != nil {
		return dst[:start], err
	}
	return dst, nil
}

// AppendField appends a field line (RFC 9112 5). White space around the value is
// not part of it, and left out.
func AppendField(dst []byte, name, value string) ([]byte, error) {
	return appendField(dst, name, value)
}

// AppendFieldBytes is [AppendField] for a value in bytes.
func AppendFieldBytes(dst []byte, name string, value []byte) ([]byte, error) {
	return appendField(dst, name, value)
}

func appendField[V string | []byte](dst []byte, name string, value V) ([]byte, error) {
	start := len(dst)
	dst = append(dst, name...)
	if name == "" {
		return dst[:start], errEmptyName
	}
	if i := skip(dst, start, cToken); i < len(dst) {
		return dst[:start], errFieldName
	}
	dst = append(dst, ':', ' ')
	at := len(dst)
	for len(value) > 0 && isOWS(value[0]) {
		value = value[1:]
	}
	for len(value) > 0 && isOWS(value[len(value)-1]) {
		value = value[:len(value)-1]
	}
	dst = append(dst, value...)
	if skipText(dst, at) < len(dst) {
		return dst[:start], errFieldValue
	}
	return append(dst, '\r', '\n'), nil
}

// AppendContentLength appends a Content-Length field (RFC 9110 8.6); for a
// negative n, nothing.
func AppendContentLength(dst []byte, n int64) []byte {
	if n < 0 {
		return dst
	}
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, n, 10)
	return append(dst, '\r', '\n')
}

// AppendDate appends t as an IMF-fixdate (RFC 9110 5.6.7), such as "Sun, 06 Nov
// 1994 08:49:37 GMT": the value of a Date field, without its name and CRLF. The
// year must be from 0 to 9999. To read a date, see [net/http.ParseTime].
func AppendDate(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, "Mon, 02 Jan 2006 15:04:05 GMT")
}

// AppendChunkHeader appends the chunk-size line of a chunk of n bytes (RFC 9112
// 7.1); n bytes of data and CRLF must follow. For n < 1 it appends nothing: a
// chunk of no bytes would end the body, which is what [AppendLastChunk] is for.
func AppendChunkHeader(dst []byte, n int) []byte {
	if n < 1 {
		return dst
	}
	dst = strconv.AppendUint(dst, uint64(n), 16)
	return append(dst, '\r', '\n')
}

// AppendChunk appends p as one chunk (RFC 9112 7.1); for an empty p, nothing.
func AppendChunk(dst, p []byte) []byte {
	if len(p) == 0 {
		return dst
	}
	dst = AppendChunkHeader(dst, len(p))
	dst = append(dst, p...)
	return append(dst, '\r', '\n')
}

// AppendLastChunk appends the end of a chunked body: the last chunk, the
// trailers and the final CRLF (RFC 9112 7.1). Fields that RFC 9110 6.5.1 does not
// allow in trailers are an error; see [Chunked.Trailers].
func AppendLastChunk(dst []byte, trailers []Field) ([]byte, error) {
	start := len(dst)
	dst = append(dst, "0\r\n"...)
	for _, f := range trailers {
		if forbiddenTrailer(f.Name) {
			return dst[:start], errTrailer
		}
		var err error
		if dst, err = AppendField(dst, f.Name, f.Value); err != nil {
			return dst[:start], err
		}
	}
	return append(dst, '\r', '\n'), nil
}
