package http1

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// Head is the head of an answer before it is rendered, as the functions given to OnHead see it. It is valid during the call.
type Head struct {
	// Status may be changed to another final status. With 204 or 304 the answer's body is dropped.
	Status int
	// Length is the body's, as far as it is known, else -1. Read only.
	Length int64
	// Body is the whole body of an answer that is not streamed, else nil. Read only.
	Body []byte

	x      *Exchange   // of a native answer
	ctype  string      // its content type
	header http.Header // of a net/http handler's
	filter Filter
}

// Filter changes the body of an answer on its way out. Its methods are called one at a time: on the loop for a native
// answer, on the handler's goroutine for a net/http handler's.
type Filter interface {
	// Append appends to dst what p becomes, and returns it. With flush, all that was taken so far must come out; last is the
	// body's end. An error ends the connection.
	Append(dst, p []byte, flush, last bool) ([]byte, error)
	// Close is called once, when the answer is complete or given up.
	Close()
}

// OnHead has f called once, before the answer's head is rendered: the last one registered first, so that what wraps a handler
// sees what the handler has made. f may change the status and the fields, and filter the body. It is not called for what the
// server refuses by itself, nor for interim answers and upgrades. With Std it runs on the handler's goroutine, else on the
// loop.
func (x *Exchange) OnHead(f func(x *Exchange, h *Head)) {
	e := x.extend()
	e.head = append(e.head, f)
	x.hooked = true
}

// Answering says whether an answer has begun, or is a net/http handler's to make, which runs: then only who makes it may
// answer. A middleware that answers in a handler's place asks first.
func (x *Exchange) Answering() bool { return x.state != stateFresh || x.std != nil }

// Exchange is the exchange that is answered.
func (h *Head) Exchange() *Exchange { return h.x }

// Get is the value of the first field of that name; empty if there is none. Content-Length and Connection are not there yet.
func (h *Head) Get(name string) string {
	if h.header != nil {
		if v := h.header[http.CanonicalHeaderKey(name)]; len(v) > 0 {
			return v[0]
		}
		return ""
	}
	if strings.EqualFold(name, "Content-Type") {
		return h.ctype
	}
	value := ""
	eachLine(h.x.fields, func(line []byte) bool {
		if v, ok := lineValue(line, name); ok {
			value = v
			return false
		}
		return true
	})
	return value
}

// Has says whether the fields of that name, taken as one list, have the element token, in any letter case.
func (h *Head) Has(name, token string) bool {
	found := false
	if h.header != nil {
		for _, v := range h.header[http.CanonicalHeaderKey(name)] {
			found = found || wire.ContainsToken([]byte(v), token)
		}
		return found
	}
	eachLine(h.x.fields, func(line []byte) bool {
		if v, ok := lineBytes(line, name); ok {
			found = wire.ContainsToken(v, token)
		}
		return !found
	})
	return found
}

// Set replaces all fields of that name by one. What is wrong with it is as for Exchange.SetHeader.
func (h *Head) Set(name, value string) error {
	if framingField(name) {
		return errFraming
	}
	if h.header != nil {
		if err := checkField(name, value); err != nil {
			return err
		}
		h.header.Set(name, value)
		return nil
	}
	if strings.EqualFold(name, "Content-Type") {
		if err := checkField(name, value); err != nil {
			return err
		}
		h.ctype = value
		return nil
	}
	h.Del(name)
	return h.Add(name, value)
}

// Add adds a field, also if there is one of that name.
func (h *Head) Add(name, value string) error {
	if framingField(name) {
		return errFraming
	}
	if h.header != nil {
		if err := checkField(name, value); err != nil {
			return err
		}
		h.header.Add(name, value)
		return nil
	}
	f, err := wire.AppendField(h.x.fields, name, value)
	if err != nil {
		return err
	}
	if strings.EqualFold(name, "Date") {
		h.x.hasDate = true
	}
	h.x.fields = f
	return nil
}

// checkField says what is wrong with a field.
func checkField(name, value string) error {
	var room [256]byte // most fit
	_, err := wire.AppendField(room[:0], name, value)
	return err
}

// Del removes all fields of that name.
func (h *Head) Del(name string) {
	if h.header != nil {
		h.header.Del(name)
		return
	}
	switch {
	case strings.EqualFold(name, "Content-Type"):
		h.ctype = ""
		return
	case strings.EqualFold(name, "Date"):
		h.x.hasDate = false
	}
	kept := h.x.fields[:0]
	eachLine(h.x.fields, func(line []byte) bool {
		if _, ok := lineValue(line, name); !ok {
			kept = append(kept, line...)
		}
		return true
	})
	h.x.fields = kept
}

// AddVary adds a field name to Vary, unless it is there or Vary is "*" (RFC 9110 section 12.5.5).
func (h *Head) AddVary(name string) {
	if !h.Has("Vary", name) && !h.Has("Vary", "*") {
		h.Add("Vary", name)
	}
}

// Filter has the body go through f, which takes the place of an earlier one's output: filters do not nest, so the second is
// ErrFiltered and the caller's to close. The answer's length is what comes out of f, or not known before its end.
func (h *Head) Filter(f Filter) error {
	if h.filter != nil {
		return ErrFiltered
	}
	h.filter = f
	return nil
}

// Filtered says whether a filter is set: most have to leave such an answer alone.
func (h *Head) Filtered() bool { return h.filter != nil }

// eachLine calls f with each rendered field line, its CRLF included, until f returns false.
func eachLine(fields []byte, f func(line []byte) bool) {
	for len(fields) > 0 {
		n := bytes.IndexByte(fields, '\n') + 1
		if n == 0 || !f(fields[:n]) {
			return
		}
		fields = fields[n:]
	}
}

// lineValue is the value of a rendered field line, if it is of that name.
func lineValue(line []byte, name string) (string, bool) {
	v, ok := lineBytes(line, name)
	return string(v), ok
}

func lineBytes(line []byte, name string) ([]byte, bool) {
	if len(line) < len(name)+4 || line[len(name)] != ':' || !strings.EqualFold(string(line[:len(name)]), name) {
		return nil, false
	}
	return line[len(name)+2 : len(line)-2], true
}

// runHead calls the hooks for a native answer, and gives what they have made of it.
func (x *Exchange) runHead(status int, contentType string, length int64, body []byte) (int, string, []byte) {
	e := x.ext
	h := &e.arg
	*h = Head{Status: status, Length: length, Body: body, x: x, ctype: contentType}
	x.hooked = false
	x.closeFilter() // of hooks that have run before, and of which one has panicked
	for i := len(e.head) - 1; i >= 0; i-- {
		e.head[i](x, h)
		e.filter = h.filter // now: the next one may panic
	}
	if status != h.Status && h.Status >= 200 && h.Status <= 999 {
		status = h.Status
	}
	contentType = h.ctype
	*h = Head{}
	if bodyless(status) {
		body = nil
		x.closeFilter()
	}
	return status, contentType, body
}

// filterWhole passes a whole body through the filter, if there is one. ok is false if it failed, and the exchange is over.
func (x *Exchange) filterWhole(body []byte) (filtered []byte, ok bool) {
	if x.ext == nil || x.ext.filter == nil || x.isHead {
		return body, true
	}
	f := x.ext.filter
	x.ext.filter = nil
	defer f.Close()
	body, err := f.Append(nil, body, false, true)
	if err != nil {
		x.Abort(err)
		return nil, false
	}
	return body, true
}

// closeFilter gives up the filter of a streamed answer.
func (x *Exchange) closeFilter() {
	if x.ext != nil && x.ext.filter != nil {
		f := x.ext.filter
		x.ext.filter = nil
		f.Close()
	}
}
