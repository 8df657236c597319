package http1

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// feedAbove is the size from which a fixed answer's body is not copied at once but fed to the connection as it drains.
const feedAbove = 256 << 10

// errFraming is for fields that the server sets itself.
var errFraming = errors.New("http1: Connection, Content-Length, Transfer-Encoding, Trailer and Upgrade are not the handler's to set")

// SetHeader adds a field to the answer; a second one of the same name makes two fields. A name that is no token, a value
// with control characters, and fields that frame the message are an error, and not sent. Close has a method of its own.
func (x *Exchange) SetHeader(name, value string) error {
	if x.state != stateFresh {
		return ErrAnswered
	}
	switch {
	case len(name) == 4 && strings.EqualFold(name, "Date"):
		x.hasDate = true
	case framingField(name):
		return errFraming
	}
	f, err := wire.AppendField(x.fields, name, value)
	if err == nil {
		x.fields = f
	}
	return err
}

func framingField(name string) bool {
	switch len(name) {
	case 7:
		return strings.EqualFold(name, "Trailer") || strings.EqualFold(name, "Upgrade")
	case 10:
		return strings.EqualFold(name, "Connection") || strings.EqualFold(name, "Keep-Alive")
	case 14:
		return strings.EqualFold(name, "Content-Length")
	case 17:
		return strings.EqualFold(name, "Transfer-Encoding")
	}
	return false
}

func (x *Exchange) clearFields() { x.fields, x.hasDate = x.fields[:0], false }

// CloseAfter makes this the connection's last answer (RFC 9112 section 9.6). Call it before the answer.
func (x *Exchange) CloseAfter() { x.keep = false }

// Respond answers with a body of known length, and completes the exchange. contentType may be empty. body is copied, unless
// it is larger than 256 KiB: then it is sent as the client takes it, and must not be changed until OnCancel or the next
// request. HEAD gets the head that GET would get; 204 and 304 have no body. A status that is not a final one is the program's
// mistake, and 500 without a body: after an interim one the client would take the next answer for this one's. An Exchange
// that is answered stays as it is.
func (x *Exchange) Respond(status int, contentType string, body []byte) {
	if x.state != stateFresh {
		return
	}
	if status < 200 || status > 999 {
		status, contentType, body = http.StatusInternalServerError, "", nil
	}
	if x.hooked {
		status, contentType, body = x.runHead(status, contentType, int64(len(body)), body)
	}
	if len(body) > feedAbove && !x.isHead {
		if x.Start(status, contentType, int64(len(body))) == nil {
			x.feed = body
			x.feedMore()
		}
		return
	}
	x.settleKeep()
	length := len(body)
	if x.ext != nil && x.ext.filter != nil {
		if x.isHead {
			length = -1 // what GET's would be is not known without the work
			x.closeFilter()
		} else {
			var ok bool
			if body, ok = x.filterWhole(body); !ok {
				return
			}
			length = len(body)
		}
	}
	x.render(status, contentType, body, length)
	x.s.complete()
}

// render writes a whole answer. length is what Content-Length says; negative: nothing.
func (x *Exchange) render(status int, contentType string, body []byte, length int) {
	s := x.s
	x.status = int16(status)
	dst := s.ls.tmp[:0]
	direct := s.batching && len(s.ls.out) < batchBytes/2 && len(body) < batchBytes/2
	if direct {
		dst = s.ls.out
	}
	if status == http.StatusOK && x.keep && len(x.fields) == 0 && x.req.Minor() == 1 && length >= 0 {
		dst = s.ls.appendPlain(dst, s.c, s.set, contentType, length)
	} else {
		dst = x.appendHead(dst, status, contentType)
		if !bodyless(status) && length >= 0 {
			dst = wire.AppendContentLength(dst, int64(length))
		}
		dst = x.appendConnection(dst)
	}
	if !x.isHead && !bodyless(status) {
		x.sent = int64(len(body))
		dst = append(dst, body...)
	}
	if direct {
		s.ls.out = dst
		return
	}
	s.ls.tmp = dst
	s.write(dst)
}

// bodyless statuses have neither a body nor a Content-Length (RFC 9110 section 8.6).
func bodyless(status int) bool {
	return status < 200 || status == http.StatusNoContent || status == http.StatusNotModified
}

func (x *Exchange) appendHead(dst []byte, status int, contentType string) []byte {
	if x.hasDate {
		dst = wire.AppendStatusLine(dst, status)
	} else {
		dst = x.s.ls.appendStart(dst, status, x.s.c)
	}
	dst = append(dst, x.s.set.server...)
	dst = x.s.ls.appendContentType(dst, contentType)
	return append(dst, x.fields...)
}

// appendConnection ends a head (RFC 9112 section 9.3).
func (x *Exchange) appendConnection(dst []byte) []byte {
	switch {
	case !x.keep:
		return append(dst, "Connection: close\r\n\r\n"...)
	case x.req.Minor() == 0:
		return append(dst, "Connection: keep-alive\r\n\r\n"...)
	}
	return append(dst, "\r\n"...)
}

// settleKeep decides, when the head of the answer is rendered, whether the connection can go on: not if a body is unread
// that is large, or that the client may never send because it waits for 100 (Continue).
func (x *Exchange) settleKeep() {
	x.keep = x.keep && !x.s.draining
	if x.bodyDone || !x.keep {
		return
	}
	if x.req.Expect100() && !x.continued && x.got == 0 || x.left > discardLimit {
		x.keep = false
	}
}

// Start begins a streamed answer: the head goes out, Write adds the body, Finish ends it. length is the body's, or negative
// if it is not known: then it is chunked, or ended by the close for HTTP/1.0.
func (x *Exchange) Start(status int, contentType string, length int64) error {
	if x.state != stateFresh {
		return ErrAnswered
	}
	if status < 200 || status > 999 {
		return fmt.Errorf("http1: status %d cannot be a final answer", status)
	}
	x.toSend = length
	if x.hooked {
		status, contentType, _ = x.runHead(status, contentType, length, nil)
	}
	x.settleKeep()
	x.status = int16(status)
	x.noBody = x.isHead || bodyless(status)
	if x.ext != nil && x.ext.filter != nil {
		length = -1
		if x.isHead {
			x.closeFilter()
		}
	}
	x.chunkedTo = length < 0 && !bodyless(status) && x.req.Minor() == 1
	if length < 0 && x.req.Minor() == 0 && !x.noBody {
		x.keep = false
	}
	s := x.s
	dst := x.appendHead(s.ls.tmp[:0], status, contentType)
	switch {
	case bodyless(status):
	case x.chunkedTo:
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	case length >= 0:
		dst = wire.AppendContentLength(dst, length)
	}
	dst = x.appendConnection(dst)
	s.ls.tmp = dst
	x.state = stateStreaming
	if s.count != nil {
		s.count.streaming++
	}
	return s.write(dst)
}

// Write adds to a streamed answer. It copies p, never blocks, and says whether more may follow now: when full is true the
// producer should stop until OnWritable, else a client that reads slowly ends the connection at the reactor's MaxUnsent.
// More bytes than Start announced are ErrBodyLength and close the connection.
func (x *Exchange) Write(p []byte) (full bool, err error) {
	if x.state != stateStreaming {
		return false, ErrAnswered
	}
	if len(p) == 0 || x.noBody {
		return x.s.c.OverHigh(), nil
	}
	if x.toSend >= 0 {
		if int64(len(p)) > x.toSend {
			x.Abort(ErrBodyLength)
			return false, ErrBodyLength
		}
		x.toSend -= int64(len(p))
	}
	if x.ext != nil && x.ext.filter != nil {
		err = x.writeFiltered(p, false, false)
	} else {
		err = x.writePiece(p)
	}
	if err != nil {
		return false, err
	}
	return x.s.c.OverHigh(), nil
}

// writePiece frames and queues bytes of a streamed body.
func (x *Exchange) writePiece(p []byte) error {
	s := x.s
	x.sent += int64(len(p))
	if !x.chunkedTo {
		return s.write(p)
	}
	s.ls.tmp = wire.AppendChunkHeader(s.ls.tmp[:0], len(p))
	s.write(s.ls.tmp)
	err := s.write(p)
	s.write(crlf)
	return err
}

// writeFiltered passes bytes of a streamed body through the filter.
func (x *Exchange) writeFiltered(p []byte, flush, last bool) error {
	ls := x.s.ls
	out, err := x.ext.filter.Append(ls.filtered[:0], p, flush, last)
	if err != nil {
		x.Abort(err)
		return err
	}
	ls.filtered = out
	if len(out) == 0 {
		return nil
	}
	return x.writePiece(out)
}

// Flush sends what a filter of the answer holds back. Without one there is nothing to do: what is written goes out at the end
// of the turn.
func (x *Exchange) Flush() error {
	if x.state != stateStreaming {
		return ErrAnswered
	}
	if x.noBody || x.ext == nil || x.ext.filter == nil {
		return nil
	}
	return x.writeFiltered(nil, true, false)
}

var crlf = []byte("\r\n")

// SetTrailer adds a trailer field to a chunked answer, before Finish. Clients that did not say TE: trailers may drop it
// (RFC 9110 section 6.5.1).
func (x *Exchange) SetTrailer(name, value string) error {
	if x.state != stateStreaming || !x.chunkedTo {
		return ErrAnswered
	}
	f := wire.Field{Name: name, Value: value}
	if _, err := wire.AppendLastChunk(nil, []wire.Field{f}); err != nil {
		return err // now: Finish could only drop all of them
	}
	x.trailers = append(x.trailers, f)
	return nil
}

// Finish completes a streamed answer. One with fewer bytes than announced is ErrBodyLength, and aborts the connection so that
// the client cannot take it for whole.
func (x *Exchange) Finish() error {
	if x.state != stateStreaming {
		return ErrAnswered
	}
	s := x.s
	if x.toSend > 0 && !x.noBody {
		x.Abort(ErrBodyLength)
		return ErrBodyLength
	}
	if x.ext != nil && x.ext.filter != nil && !x.noBody {
		if err := x.writeFiltered(nil, false, true); err != nil {
			return err
		}
	}
	if x.chunkedTo && !x.noBody {
		dst, err := wire.AppendLastChunk(s.ls.tmp[:0], x.trailers)
		if err != nil {
			dst, _ = wire.AppendLastChunk(s.ls.tmp[:0], nil)
		}
		s.ls.tmp = dst
		s.write(dst)
	}
	s.complete()
	return nil
}

// writable goes on with a streamed answer.
func (x *Exchange) writable() {
	if x.std != nil {
		x.std.writable()
		return
	}
	if x.feed != nil {
		x.feedMore()
		return
	}
	if x.onWritable != nil {
		x.onWritable(x)
	}
}

// feedMore queues as much of a large fixed body as the connection takes.
func (x *Exchange) feedMore() {
	for len(x.feed) > 0 {
		n := min(len(x.feed), 64<<10)
		piece := x.feed[:n]
		x.feed = x.feed[n:]
		full, err := x.Write(piece)
		if err != nil {
			return
		}
		if full && len(x.feed) > 0 {
			return
		}
		if x.ext != nil && x.ext.filter != nil && len(x.feed) > 0 {
			x.Post((*Exchange).feedMore) // a filter may be slow: let the others of the loop have a turn
			return
		}
	}
	x.Finish()
}

// Inform sends an interim (1xx) answer with the fields given as name, value pairs, such as 103 (Early Hints). HTTP/1.0
// clients do not get it (RFC 9110 section 15.2). 101 is SwitchProtocols.
func (x *Exchange) Inform(status int, fields ...string) error {
	switch {
	case x.state != stateFresh:
		return ErrAnswered
	case status < 100 || status > 199 || status == http.StatusSwitchingProtocols:
		return fmt.Errorf("http1: %d is not an interim status", status)
	case x.req.Minor() == 0:
		return nil
	}
	dst, err := appendFields(wire.AppendStatusLine(x.s.ls.tmp[:0], status), fields)
	if err != nil {
		return err
	}
	x.s.ls.tmp = append(dst, crlf...)
	return x.s.write(x.s.ls.tmp)
}

func appendFields(dst []byte, fields []string) ([]byte, error) {
	for i := 0; i+1 < len(fields); i += 2 {
		if framingField(fields[i]) { // RFC 9110 sections 8.6, 9.3.6 and 15.2: never in these answers
			return nil, errFraming
		}
		var err error
		if dst, err = wire.AppendField(dst, fields[i], fields[i+1]); err != nil {
			return nil, err
		}
	}
	return dst, nil
}
