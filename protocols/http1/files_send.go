package http1

import (
	"net/http"
	"strconv"

	"github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/reactor"
)

// send answers with a file: whole or in parts, or that the client has it already (RFC 9110 sections 13.2.2 and 14.2). The
// caller holds e.
func (s *FileServer) send(x *Exchange, e *fileEntry) {
	c := e.pick(x)
	v := wire.Validators{ETag: c.etag, Modified: c.modified}
	cond, conditional := wire.ReadConditions(&x.req)
	if conditional {
		switch cond.Evaluate(v, x.Now()) {
		case http.StatusNotModified:
			x.fields = append(x.fields, c.short...)
			x.Respond(http.StatusNotModified, "", nil)
			return
		case http.StatusPreconditionFailed:
			s.fail(x, http.StatusPreconditionFailed)
			return
		}
	}
	if !x.isHead { // RFC 9110 section 14.2: Range is for GET
		if spec, ok := x.req.Get("Range"); ok && (!conditional || cond.RangeHolds(v, x.Now())) && x.oneRange() {
			if ranges, ok := parseRanges(string(spec), c.size, s.cfg.MaxRanges); ok {
				s.sendRanges(x, e, c, ranges)
				return
			}
		}
	}
	x.fields = append(x.fields, c.fields...)
	switch {
	case c.body == nil:
	case c.shared != nil && !x.isHead && !x.hooked && x.s.c.Layer() == nil:
		x.respondShared(c.ctype, c.shared)
		return
	default:
		x.Respond(http.StatusOK, c.ctype, c.body)
		return
	}
	s.stream(x, e, c, http.StatusOK, rangeParts{ctype: c.ctype, length: c.size}, []byteRange{{0, c.size}})
}

// shareAbove is the size from which a body in memory is queued as it is: for less, copies cost less than a second vector.
const shareAbove = batchBytes / 2

// respondShared is Respond with 200 for bytes that many connections send.
func (x *Exchange) respondShared(contentType string, body *reactor.Shared) {
	n := int64(len(body.Bytes()))
	if x.Start(http.StatusOK, contentType, n) != nil {
		return
	}
	s := x.s
	if s.batching {
		s.flush()
	}
	x.sent, x.toSend = n, 0
	if s.c.WriteShared(body) == nil {
		s.checkStall()
	}
	x.Finish()
}

// oneRange says whether Range came once: it is no list of fields.
func (x *Exchange) oneRange() bool {
	n := 0
	x.req.Values("Range", func([]byte) bool {
		n++
		return n < 2
	})
	return n == 1
}

// sendRanges answers with parts of a file.
func (s *FileServer) sendRanges(x *Exchange, e *fileEntry, c *content, ranges []byteRange) {
	if len(ranges) == 0 {
		x.SetHeader("Content-Range", "bytes */"+strconv.FormatInt(c.size, 10))
		s.fail(x, http.StatusRequestedRangeNotSatisfiable)
		return
	}
	x.fields = append(x.fields, c.fields...)
	parts := rangeParts{ctype: c.ctype, length: ranges[0].n}
	if len(ranges) == 1 {
		x.fields = append(x.fields, "Content-Range: "...)
		x.fields = append(ranges[0].appendContentRange(x.fields, c.size), crlf...)
	} else {
		parts = makeParts(ranges, c.ctype, c.size)
	}
	if c.body == nil {
		s.stream(x, e, c, http.StatusPartialContent, parts, ranges)
		return
	}
	if len(ranges) == 1 {
		r := ranges[0]
		x.Respond(http.StatusPartialContent, parts.ctype, c.body[r.off:r.off+r.n])
		return
	}
	body := make([]byte, 0, parts.length)
	for i, r := range ranges {
		body = append(append(body, parts.heads[i]...), c.body[r.off:r.off+r.n]...)
	}
	x.Respond(http.StatusPartialContent, parts.ctype, append(body, parts.end...))
}

// stream answers from an open file, part after part.
func (s *FileServer) stream(x *Exchange, e *fileEntry, c *content, status int, parts rangeParts, ranges []byteRange) {
	if x.Start(status, parts.ctype, parts.length) != nil {
		return
	}
	e.acquire()
	next := 0
	var step func(err error)
	step = func(err error) {
		switch {
		case err != nil:
			e.release()
			return
		case next == len(ranges):
			e.release()
			if len(parts.end) > 0 {
				x.Write(parts.end)
			}
			x.Finish()
			return
		}
		if len(parts.heads) > 0 {
			if _, err := x.Write(parts.heads[next]); err != nil {
				e.release()
				return
			}
		}
		r := ranges[next]
		next++
		if x.SendFile(c.f, r.off, r.n, step) != nil {
			e.release()
		}
	}
	step(nil)
}
