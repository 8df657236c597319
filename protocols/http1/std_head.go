package http1

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// headSnapshot is what WriteHeader saw in the header and what is not rendered with it at once, since it depends on the body
// or on the connection.
type headSnapshot struct {
	connection []string
	te         []string
	trailers   []string // announced
	trailing   bool     // there are trailers
	hasType    bool
	hasCoding  bool
	hasDate    bool
}

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, sendPiece); return &b }}

func checkStatus(status int) {
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("invalid WriteHeader code %v", status))
	}
}

// bodyAllowed says whether an answer with that status has a body (RFC 9110 section 6.4.1).
func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// inform sends an interim answer with the header as it is now. HTTP/1.0 clients do not get it (RFC 9110 section 15.2).
func (w *stdResponse) inform(status int) {
	if !w.is11 {
		return
	}
	b := w.buf
	b.out = wire.AppendStatusLine(b.out, status)
	eachSorted(w.header, func(name string, values []string) {
		if framing(name) == "" {
			b.out = appendHeader(b.out, name, values)
		}
	})
	b.out = append(b.out, crlf...)
	w.send()
}

// snapshot renders the status line and the handler's fields, and notes the rest.
func (w *stdResponse) snapshot(header http.Header) {
	b, s := w.buf, &w.snap
	b.out = wire.AppendStatusLine(b.out, w.status)
	if len(header) == 0 {
		return
	}
	eachSorted(header, func(name string, values []string) {
		switch name {
		case "Connection":
			s.connection = slices.Clone(values)
			return
		case "Content-Type":
			s.hasType = true
			if w.status == http.StatusNotModified {
				return // RFC 9110 section 15.4.5
			}
		case "Content-Encoding":
			s.hasCoding = len(values) > 0 && values[0] != ""
		case "Date":
			s.hasDate = true
		case "Trailer":
			s.trailing = true
			for _, v := range values {
				eachElement(v, func(key string) { s.trailers = append(s.trailers, http.CanonicalHeaderKey(key)) })
			}
		default:
			if strings.HasPrefix(name, http.TrailerPrefix) {
				s.trailing = true
				return
			}
			switch framing(name) {
			case "Content-Length":
				if name == "Content-Length" && len(values) > 0 {
					w.declare(values[0])
				}
				return
			case "Transfer-Encoding":
				if name == "Transfer-Encoding" {
					s.te = slices.Clone(values)
				}
				return
			}
		}
		b.out = appendHeader(b.out, name, values)
	})
}

// declare notes a Content-Length that the handler has set.
func (w *stdResponse) declare(value string) {
	if value == "" {
		return
	}
	n, err := strconv.ParseUint(value, 10, 63)
	if err != nil {
		w.set.log.Warn("http1: invalid Content-Length", "value", value)
		w.header.Del("Content-Length") // as net/http does
		return
	}
	w.length = int64(n)
}

// framing gives the canonical name of a field that frames a message, in whatever letter case it was written: those go out
// once, from here. Else "".
func framing(name string) string {
	switch len(name) {
	case len("Content-Length"):
		if strings.EqualFold(name, "Content-Length") {
			return "Content-Length"
		}
	case len("Transfer-Encoding"):
		if strings.EqualFold(name, "Transfer-Encoding") {
			return "Transfer-Encoding"
		}
	}
	return ""
}

// eachSorted goes through a header sorted by name, as net/http does.
func eachSorted(h http.Header, f func(name string, values []string)) {
	var room [24]string
	names := room[:0]
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		f(name, h[name])
	}
}

// appendHeader renders a field of the handler. A name that is no token is left out; CR, LF and other control characters in a
// value become spaces, so that a value never makes another field (RFC 9110 section 5.5).
func appendHeader(dst []byte, name string, values []string) []byte {
	for _, v := range values {
		var err error
		if dst, err = wire.AppendField(dst, name, v); err == nil {
			continue
		}
		if !wire.ValidToken(name) {
			return dst
		}
		if d, err := wire.AppendField(dst, name, strings.Map(spaceForControl, v)); err == nil {
			dst = d
		}
	}
	return dst
}

func spaceForControl(r rune) rune {
	if r < ' ' && r != '\t' || r == 0x7f {
		return ' '
	}
	return r
}

// renderHead completes the head, once. p is the beginning of the body, final that it is the whole body; it gives what is to
// follow of it. It is net/http's decision about framing and keeping the connection, in its order.
func (w *stdResponse) renderHead(p []byte, final bool) []byte {
	if w.headOut {
		return p
	}
	w.headOut = true
	s, b := &w.snap, w.buf
	length := int64(-1)
	hooked := w.hooks != nil && w.status >= 200
	if hooked {
		p, length = w.runHooks(p, final)
	}
	te := first(s.te)
	withBody := bodyAllowed(w.status)
	if !hooked {
		if final && !s.trailing && te == "" && withBody && w.length < 0 && (!w.isHead || len(p) > 0) {
			w.length = int64(len(p))
		}
		length = w.length
	}
	hasLength := length >= 0
	connection := w.decideConnection(hasLength)
	replace := false
	if w.maxBytesHit() || w.body.settle(w.closeAfter, w.fullDuplex) || w.refusesBody() {
		w.closeAfter = true
		replace = true
	}
	if withBody && !s.hasCoding && !s.hasType && te == "" && len(p) > 0 {
		b.out = append(b.out, "Content-Type: "...)
		b.out = append(b.out, http.DetectContentType(p)...)
		b.out = append(b.out, crlf...)
	}
	if !s.hasDate {
		b.out = append(b.out, dateField()...)
	}
	if hasLength && te != "" && te != "identity" {
		w.set.log.Warn("http1: both Transfer-Encoding and Content-Length set", "coding", te)
		hasLength, length, w.length = false, -1, -1
	}
	switch {
	case w.isHead || !withBody:
		hasLength = hasLength && withBody
	case hasLength:
	case !w.is11:
		w.closeAfter = true
	case te == "identity":
		w.closeAfter = true
	default:
		w.chunked = true
	}
	if hasLength {
		b.out = wire.AppendContentLength(b.out, length)
	}
	if w.chunked {
		if te != "" && te != "chunked" {
			b.out = appendHeader(b.out, "Transfer-Encoding", s.te)
		}
		b.out = append(b.out, "Transfer-Encoding: chunked\r\n"...)
	}
	w.appendConnection(connection, replace)
	b.out = append(b.out, crlf...)
	return p
}

func first(v []string) string {
	if len(v) == 0 {
		return ""
	}
	return v[0]
}

// decideConnection says whether the connection goes on, as far as that is known before the body's framing is.
func (w *stdResponse) decideConnection(hasLength bool) (value string) {
	s := &w.snap
	wants10 := !w.is11 && w.keepAlive
	switch {
	case wants10 && (w.isHead || hasLength || !bodyAllowed(w.status)):
		if s.connection == nil {
			value = "keep-alive"
		}
	case !w.is11 || !w.keepAlive:
		w.closeAfter = true
	}
	if first(s.connection) == "close" || !w.allowKeep {
		w.closeAfter = true
	}
	return value
}

// appendConnection renders the Connection field: the handler's own, unless the connection closes and it does not say so.
func (w *stdResponse) appendConnection(value string, replace bool) {
	s, b := &w.snap, w.buf
	own := s.connection
	switching := w.status == http.StatusSwitchingProtocols && hasListToken(first(own), "upgrade")
	if w.closeAfter && !switching && !hasListToken(first(own), "close") {
		own, value = nil, ""
		if w.is11 {
			value = "close"
		}
	}
	if replace {
		own, value = nil, "close"
	}
	b.out = appendHeader(b.out, "Connection", own)
	if value != "" {
		b.out = append(b.out, "Connection: "...)
		b.out = append(b.out, value...)
		b.out = append(b.out, crlf...)
	}
}

func hasListToken(list, token string) bool {
	found := false
	if list != "" {
		eachElement(list, func(e string) { found = found || strings.EqualFold(e, token) })
	}
	return found
}

// refusesBody says that the answer is 413 to a body that was not read to its end: the rest is not worth reading.
func (w *stdResponse) refusesBody() bool {
	return w.status == http.StatusRequestEntityTooLarge && w.body.unfinished()
}

func (b *stdBody) unfinished() bool {
	if b.w == nil {
		return false
	}
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	return !b.done
}

// maxBytesHit asks an http.MaxBytesReader that the handler has put into the request whether it has hit its limit: it tells a
// ResponseWriter by a method that only package net/http can have.
func (w *stdResponse) maxBytesHit() bool {
	if w.body.w == nil || w.req == nil || w.fullDuplex || reflect.TypeOf(w.req.Body) != maxBytesReader {
		return false
	}
	_, err := w.req.Body.Read(nil) // gives the error that it has kept
	var e *http.MaxBytesError
	return errors.As(err, &e)
}

var maxBytesReader = reflect.TypeOf(http.MaxBytesReader(nil, nil, 0))

// appendTrailers renders what the handler has set of the trailers it announced, and all under http.TrailerPrefix.
func (w *stdResponse) appendTrailers(dst []byte) []byte {
	if !w.snap.trailing && len(w.header) == 0 {
		return dst
	}
	trailers := http.Header{}
	for name, values := range w.header {
		if key, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			trailers[key] = values
		}
	}
	for _, key := range w.snap.trailers {
		if v, ok := w.header[key]; ok {
			trailers[key] = v
		}
	}
	eachSorted(trailers, func(name string, values []string) {
		if validTrailer(name) {
			dst = appendHeader(dst, name, values)
		}
	})
	return dst
}

// validTrailer says whether a field may be a trailer (RFC 9110 section 6.5.1).
func validTrailer(name string) bool {
	_, err := wire.AppendLastChunk(nil, []wire.Field{{Name: name}})
	return err == nil
}

// dateNow is the Date field of one second, rendered once for all goroutines (RFC 9110 section 6.6.1).
type dateNow struct {
	second int64
	field  []byte
}

var datePtr atomic.Pointer[dateNow]

func dateField() []byte {
	now := time.Now()
	d := datePtr.Load()
	if d == nil || d.second != now.Unix() {
		f := wire.AppendDate([]byte("Date: "), now)
		d = &dateNow{now.Unix(), append(f, crlf...)}
		datePtr.Store(d)
	}
	return d.field
}
