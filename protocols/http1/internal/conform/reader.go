package conform

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Framing is how the end of an answer's body was found.
type Framing string

// The framings of an answer (RFC 9112, section 6.3).
const (
	// NoBody is an answer that cannot have one: to HEAD, a 1xx, 204 or 304.
	NoBody Framing = "no body"
	// ByLength is a body of Content-Length bytes.
	ByLength Framing = "length"
	// ByChunks is a chunked body.
	ByChunks Framing = "chunked"
	// UntilClose is a body that ends with the connection.
	UntilClose Framing = "until close"
)

// Field is one field line of an answer. The value comes without the white
// space around it.
type Field struct{ Name, Value string }

// Response is an answer as it was read from the connection.
type Response struct {
	// Proto is the version in the status line, "HTTP/1.1".
	Proto string
	// Status is the status code.
	Status int
	// Fields are the field lines in order, without trailers.
	Fields []Field
	// Body is the body, decoded if it was chunked.
	Body string
	// Framing is how the end of the body was found.
	Framing Framing
}

// errNoAnswer is a clean end of the stream where an answer could begin.
var errNoAnswer = errors.New("connection closed without an answer")

// The reader's own bounds, so that a broken server cannot exhaust the client.
const (
	maxLine = 64 << 10
	maxBody = 64 << 20
)

// Values returns the values of every field line with that name.
func (r *Response) Values(name string) []string {
	var out []string
	for _, f := range r.Fields {
		if strings.EqualFold(f.Name, name) {
			out = append(out, f.Value)
		}
	}
	return out
}

// Has reports whether the comma-separated list in the named field holds the
// token, in any letter case.
func (r *Response) Has(name, token string) bool {
	for _, v := range r.Values(name) {
		for part := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.Trim(part, " \t"), token) {
				return true
			}
		}
	}
	return false
}

// ReadResponse reads one answer and refuses whatever RFC 9112 does not let a
// server send. It is strict on purpose: nothing is repaired or skipped.
func ReadResponse(br *bufio.Reader, want *Answer) (*Response, error) {
	if _, err := br.Peek(1); err != nil {
		if err == io.EOF {
			return nil, errNoAnswer
		}
		return nil, explain("waiting for an answer", err)
	}
	line, err := readLine(br)
	if err != nil {
		return nil, explain("in the status line", err)
	}
	r := &Response{}
	if err := r.statusLine(line); err != nil {
		return nil, err
	}
	if r.Fields, err = readFields(br); err != nil {
		return nil, fmt.Errorf("answer %d: %w", r.Status, err)
	}
	if err := r.readBody(br, want); err != nil {
		return nil, fmt.Errorf("answer %d: %w", r.Status, err)
	}
	if err := r.verify(want); err != nil {
		return nil, fmt.Errorf("answer %d: %w", r.Status, err)
	}
	return r, nil
}

// statusLine parses "HTTP/1.1 SP 3DIGIT SP [reason]" (RFC 9112, section 4).
func (r *Response) statusLine(line string) error {
	if len(line) < 13 || (line[:9] != "HTTP/1.1 " && line[:9] != "HTTP/1.0 ") || line[12] != ' ' {
		return fmt.Errorf("bad status line %.80q", line)
	}
	code, err := strconv.ParseUint(line[9:12], 10, 16)
	if err != nil || code < 100 || code > 599 {
		return fmt.Errorf("bad status code in %.80q", line)
	}
	for i := 13; i < len(line); i++ {
		if !isText(line[i]) {
			return fmt.Errorf("bad reason phrase in %.80q", line)
		}
	}
	r.Proto, r.Status = line[:8], int(code)
	return nil
}

// readFields reads field lines up to and including the empty line (RFC 9112,
// section 5). It serves for trailers too.
func readFields(br *bufio.Reader) ([]Field, error) {
	var out []Field
	for {
		line, err := readLine(br)
		if err != nil {
			return nil, explain("in the header section", err)
		}
		if line == "" {
			return out, nil
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" {
			return nil, fmt.Errorf("bad field line %.80q", line)
		}
		for i := range len(name) {
			if !isToken(name[i]) {
				return nil, fmt.Errorf("bad field name %.80q", name)
			}
		}
		for i := range len(value) {
			if !isText(value[i]) {
				return nil, fmt.Errorf("bad field value %.80q", value)
			}
		}
		out = append(out, Field{name, strings.Trim(value, " \t")})
	}
}

// readBody finds the framing (RFC 9112, section 6.3) and reads the body.
func (r *Response) readBody(br *bufio.Reader, want *Answer) error {
	te, cl := r.Values("Transfer-Encoding"), r.Values("Content-Length")
	if len(te) > 0 && len(cl) > 0 {
		return errors.New("both Content-Length and Transfer-Encoding")
	}
	if len(te) > 1 || (len(te) == 1 && te[0] != "chunked") {
		return fmt.Errorf("Transfer-Encoding is %q", te)
	}
	length := -1
	if len(cl) > 0 {
		n, err := strconv.ParseUint(cl[0], 10, 31)
		if len(cl) > 1 || err != nil || n > maxBody {
			return fmt.Errorf("Content-Length is %q", cl)
		}
		length = int(n)
	}
	if r.Status < 200 || r.Status == 204 {
		if len(te) > 0 || len(cl) > 0 {
			return errors.New("framing fields on an answer that cannot have a body")
		}
	}
	switch {
	case r.Status < 200 || r.Status == 204 || r.Status == 304 || want.Method == "HEAD":
		r.Framing = NoBody
		return nil
	case len(te) > 0:
		if want.HTTP10 {
			return errors.New("chunked answer to an HTTP/1.0 request")
		}
		r.Framing = ByChunks
		return r.readChunks(br)
	case length >= 0:
		r.Framing = ByLength
		return r.readExactly(br, length)
	}
	r.Framing = UntilClose
	b, err := io.ReadAll(io.LimitReader(br, maxBody))
	if err != nil {
		return explain("in a body that ends with the connection", err)
	}
	// A body that runs to the end would hide the answer to a smuggled request.
	if r.Body = string(b); strings.Contains(r.Body, "HTTP/1.") {
		return errors.New("a second answer inside a body that ends with the connection")
	}
	return nil
}

func (r *Response) readExactly(br *bufio.Reader, n int) error {
	b := make([]byte, n)
	got, err := io.ReadFull(br, b)
	if err != nil {
		return fmt.Errorf("body ends after %d of %d bytes: %w", got, n, explain("", err))
	}
	r.Body += string(b)
	return nil
}

// readChunks reads a chunked body (RFC 9112, section 7.1). A server has no
// reason to send extensions or leading zeros here, so both are refused.
func (r *Response) readChunks(br *bufio.Reader) error {
	for {
		line, err := readLine(br)
		if err != nil {
			return explain("in a chunk size", err)
		}
		n, err := strconv.ParseUint(line, 16, 31)
		if err != nil || n > maxBody || (len(line) > 1 && line[0] == '0') {
			return fmt.Errorf("bad chunk size %.80q", line)
		}
		if n == 0 {
			_, err := readFields(br)
			return err
		}
		if err := r.readExactly(br, int(n)); err != nil {
			return err
		}
		if line, err := readLine(br); err != nil || line != "" {
			return fmt.Errorf("chunk is followed by %.80q: %w", line, explain("", err))
		}
	}
}

// verify holds what every answer must obey, whatever the case is about.
func (r *Response) verify(want *Answer) error {
	for _, name := range []string{"Date", "Content-Type", "Server", "Location"} {
		if v := r.Values(name); len(v) > 1 {
			return fmt.Errorf("%s sent %d times", name, len(v))
		}
	}
	date := r.Values("Date")
	// RFC 9110, section 6.6.1: a clock makes Date mandatory in 2xx and 3xx. It
	// is in 4xx too; cases of their own look for it there, so that a server
	// which omits it in errors fails those and not every refusal.
	if len(date) == 0 && r.Status >= 200 && r.Status < 400 {
		return errors.New("no Date")
	}
	if len(date) > 0 {
		if err := checkDate(date[0]); err != nil {
			return err
		}
	}
	// RFC 9110, section 15.5.6: a 405 without Allow is not a 405.
	if r.Status == 405 && len(r.Values("Allow")) == 0 {
		return errors.New("405 without Allow")
	}
	if r.Has("Connection", "close") && r.Has("Connection", "keep-alive") {
		return errors.New("both close and keep-alive in Connection")
	}
	// RFC 9110, section 15.2: no 1xx to an HTTP/1.0 client.
	if want.HTTP10 && r.Status < 200 {
		return errors.New("interim answer to an HTTP/1.0 request")
	}
	return nil
}

// checkDate wants an IMF-fixdate (RFC 9110, section 5.6.7) close to now.
func checkDate(v string) error {
	const fixdate = "Mon, 02 Jan 2006 15:04:05 GMT"
	t, err := time.Parse(fixdate, v)
	// Formatting it again catches a wrong weekday and missing zeros.
	if err != nil || t.Format(fixdate) != v {
		return fmt.Errorf("date %q is not an IMF-fixdate", v)
	}
	if d := time.Since(t); d > time.Minute || d < -time.Minute {
		return fmt.Errorf("date %q is off by %v", v, d)
	}
	return nil
}

// readLine reads up to CRLF, which it strips. A lone CR or LF is an error.
func readLine(br *bufio.Reader) (string, error) {
	var b []byte
	for len(b) < maxLine {
		c, err := br.ReadByte()
		if err != nil {
			return string(b), err
		}
		afterCR := len(b) > 0 && b[len(b)-1] == '\r'
		switch {
		case c == '\n' && afterCR:
			return string(b[:len(b)-1]), nil
		case c == '\n':
			return string(b), fmt.Errorf("bare LF after %.80q", b)
		case afterCR:
			return string(b), fmt.Errorf("bare CR in %.80q", b)
		}
		b = append(b, c)
	}
	return "", errors.New("line too long")
}

// explain names what an I/O error means to the case.
func explain(where string, err error) error {
	if where != "" {
		where += ": "
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ECONNRESET):
		return fmt.Errorf("%sconnection reset: %w", where, err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%stimed out: %w", where, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%sconnection closed half-way: %w", where, err)
	}
	return fmt.Errorf("%s%w", where, err)
}

// isText reports whether c may stand in a field value (RFC 9110, section 5.5).
func isText(c byte) bool { return c == '\t' || (c >= ' ' && c != 0x7f) }

// isToken reports whether c is a tchar (RFC 9110, section 5.6.2).
func isToken(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' ||
		strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
