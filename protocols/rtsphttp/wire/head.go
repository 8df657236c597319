package wire

import (
	"bytes"
	"strconv"
)

// MaxFields bounds the fields of a head.
const MaxFields = 100

// Field is one field of a head. Both slices alias the bytes that were parsed, or are what Set gave.
type Field struct {
	Name  []byte // as it was sent
	Value []byte // without the white space around it
}

// Head is a message's head, read so that it can be changed. Its slices alias the bytes given to ParseHead.
type Head struct {
	// First are the three parts of the first line: method, URL and version of a request; version, status and reason of a response.
	First [3][]byte
	// Fields are the field lines, in their order.
	Fields []Field
}

// ParseHead reads the head of a message that a Framer has found; what follows the head is not looked at. The error is ErrHead. Folded
// field lines (RFC 2326 section 4.2) are taken as one value with their line break in it. It allocates the table of fields, 16 at
// first.
func ParseHead(b []byte) (h Head, err error) {
	line, rest := cutLine(b)
	var ok1, ok2 bool
	h.First[0], line, ok1 = bytes.Cut(line, blank)
	h.First[1], h.First[2], ok2 = bytes.Cut(line, blank)
	switch response := h.Response(); {
	case !clean(b), !ok1, len(h.First[0]) == 0, len(h.First[1]) == 0:
		return h, ErrHead
	case response && h.Status() == 0:
		return h, ErrHead
	case !response && (!ok2 || !bytes.HasPrefix(h.First[2], []byte("RTSP/")) || bytes.IndexByte(h.First[1], '\t') >= 0):
		return h, ErrHead
	}
	h.Fields = make([]Field, 0, 16)
	for len(rest) > 0 {
		line, rest = cutLine(rest)
		switch {
		case len(line) == 0:
			return h, nil
		case line[0] == ' ' || line[0] == '\t':
			if err := h.fold(line, b); err != nil {
				return h, err
			}
			continue
		case len(h.Fields) == MaxFields:
			return h, ErrHead
		}
		name, value, ok := bytes.Cut(line, colon)
		name = bytes.TrimRight(name, " \t")
		if !ok || len(name) == 0 {
			return h, ErrHead
		}
		h.Fields = append(h.Fields, Field{name, bytes.TrimSpace(value)})
	}
	return h, ErrHead // no empty line
}

var (
	blank = []byte(" ")
	crlf  = []byte("\r\n")
)

// clean reports whether no line of the head at b[0] has a CR or NUL in it.
func clean(b []byte) bool {
	for line, rest := cutLine(b); len(line) > 0; line, rest = cutLine(rest) {
		if bytes.ContainsAny(line, "\r\x00") {
			return false
		}
	}
	return true
}

// fold joins a folded line to the field before it: both lie in b, one behind the other.
func (h *Head) fold(line, b []byte) error {
	if len(h.Fields) == 0 {
		return ErrHead
	}
	f := &h.Fields[len(h.Fields)-1]
	joined := append(append(append([]byte(nil), f.Value...), ' '), bytes.TrimSpace(line)...)
	if len(joined) > len(b) {
		return ErrHead
	}
	f.Value = bytes.TrimSpace(joined)
	return nil
}

// cutLine cuts the first line off, without its end.
func cutLine(b []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(b, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), rest
}

// Response reports whether it is the head of a response.
func (h *Head) Response() bool { return bytes.HasPrefix(h.First[0], []byte("RTSP/")) }

// Method is the method of a request.
func (h *Head) Method() []byte { return h.First[0] }

// URL is the URL of a request, or "*".
func (h *Head) URL() []byte { return h.First[1] }

// Status is the status of a response, 100 to 999; 0 if there is none.
func (h *Head) Status() int {
	n, ok := number(h.First[1])
	if !ok || len(h.First[1]) != 3 || n < 100 {
		return 0
	}
	return n
}

// Get is the value of the first field of that name, which is in lower case; nil without one.
func (h *Head) Get(lower string) []byte {
	for i := range h.Fields {
		if equalFold(h.Fields[i].Name, lower) {
			return h.Fields[i].Value
		}
	}
	return nil
}

// Del removes the fields of that name, which is in lower case, and reports whether there were any.
func (h *Head) Del(lower string) bool {
	kept := h.Fields[:0]
	for _, f := range h.Fields {
		if !equalFold(f.Name, lower) {
			kept = append(kept, f)
		}
	}
	found := len(kept) < len(h.Fields)
	h.Fields = kept
	return found
}

// Set replaces the value of the first field of that name, or adds the field.
func (h *Head) Set(name string, value []byte) {
	for i := range h.Fields {
		if bytes.EqualFold(h.Fields[i].Name, []byte(name)) {
			h.Fields[i].Value = value
			return
		}
	}
	h.Fields = append(h.Fields, Field{[]byte(name), value})
}

// CSeq is the number of a request and its response (RFC 2326 section 12.17).
func (h *Head) CSeq() (n int, ok bool) { return number(h.Get("cseq")) }

// SetCSeq replaces it.
func (h *Head) SetCSeq(n int) { h.Set("CSeq", strconv.AppendInt(nil, int64(n), 10)) }

// Append appends the head as it is now, the empty line included.
func (h *Head) Append(dst []byte) []byte {
	dst = append(append(append(append(dst, h.First[0]...), ' '), h.First[1]...), ' ')
	dst = append(append(dst, h.First[2]...), crlf...)
	for _, f := range h.Fields {
		dst = append(append(append(append(dst, f.Name...), ": "...), f.Value...), crlf...)
	}
	return append(dst, crlf...)
}

// HasField reports whether a message's head, at the beginning of b, has a field of that name, which is in lower case, without
// reading the head as a whole.
func HasField(b []byte, lower string) bool {
	for line := range bytes.Lines(b) {
		if name, _, ok := bytes.Cut(line, colon); ok && equalFold(bytes.TrimRight(name, " \t"), lower) {
			return true
		}
		if len(bytes.TrimSpace(line)) == 0 {
			return false
		}
	}
	return false
}

// AppendResponse appends a response of the gateway's own. cseq may be nil; field is a whole field line without its end, or empty.
func AppendResponse(dst []byte, status int, reason string, cseq []byte, field string) []byte {
	dst = append(dst, "RTSP/1.0 "...)
	dst = append(append(append(strconv.AppendInt(dst, int64(status), 10), ' '), reason...), crlf...)
	if cseq != nil {
		dst = append(append(append(dst, "CSeq: "...), cseq...), crlf...)
	}
	if field != "" {
		dst = append(append(dst, field...), crlf...)
	}
	return append(dst, crlf...)
}
