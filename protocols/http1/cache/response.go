package cache

import (
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// newEntry makes what may be stored of a response (RFC 9111 section 3), or nil. Its body and the cost of that are added later.
func (a *ask) newEntry(res *http.Response, sent, now time.Time) *entry {
	cc := control(res.Header, false)
	switch status := res.StatusCode; {
	case !framed(res), status < 200, status == http.StatusPartialContent, status == http.StatusNotModified, a.cc.noStore,
		cc.mustUnderstand && !understood(status), cc.noStore && !cc.mustUnderstand:
		return nil
	}
	v, ok := vary(a.req.Header, res.Header)
	if !ok {
		return nil
	}
	c := timed(res.Header, sent, now)
	life, explicit := lifetime(res.StatusCode, res.Header, cc, c.date, a.t.heuristicLimit())
	useful := life > 0 || res.Header.Get("Etag") != "" || res.Header.Get("Last-Modified") != "" ||
		cc.staleIfError > 0 || cc.staleWhileRevalidate > 0
	if !explicit && !heuristic[res.StatusCode] && !cc.public || !useful {
		return nil // not allowed, or of no use
	}
	e := &entry{
		key: a.key, status: res.StatusCode, header: storable(res.Header), vary: v, cc: cc, clock: c, life: life,
		uncompressed: res.Uncompressed, proto: res.Proto, major: res.ProtoMajor, minor: res.ProtoMinor,
	}
	e.cost = headCost(e.key, e.header, e.vary)
	return e
}

// framed reports whether a body that was cut off would be seen to be: one that only the end of its connection ends would not.
func framed(res *http.Response) bool {
	return res.ContentLength >= 0 || res.Uncompressed || res.ProtoMajor != 1 || slices.Contains(res.TransferEncoding, "chunked")
}

func (t *Transport) heuristicLimit() time.Duration { return or(t.MaxHeuristic, defaultHeuristic) }

// storable is a copy of a header without what is not stored: what is meant for one connection or one proxy (RFC 9111 section 3.1), and
// Set-Cookie: a cookie jar above the cache would take old cookies for new ones on every hit.
func storable(h http.Header) http.Header {
	h = h.Clone()
	for _, v := range h["Connection"] {
		for name := range strings.SplitSeq(v, ",") {
			h.Del(textproto.TrimString(name))
		}
	}
	for _, name := range []string{
		"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization", "Set-Cookie",
	} {
		delete(h, name)
	}
	return h
}

// confirmedBy reports whether an answer without a body is of what is stored (RFC 9111 section 4.3.4). Without a validator it is, if
// ours alone were asked about.
func (e *entry) confirmedBy(h http.Header, ours bool) bool {
	tag, modified := h.Get("Etag"), h.Get("Last-Modified")
	switch have := e.header.Get("Etag"); {
	case tag != "" && have != "":
		return wire.WeakMatch(tag, have)
	case modified != "" && e.header.Get("Last-Modified") != "":
		return modified == e.header.Get("Last-Modified")
	}
	return ours
}

// describedBy reports whether the answer to a HEAD is that of what is stored (RFC 9111 section 4.3.5).
func (e *entry) describedBy(res *http.Response) bool {
	return res.StatusCode == e.status && (res.ContentLength < 0 || res.ContentLength == e.length || e.uncompressed)
}

// update is what is stored with the fields of an answer without a body (RFC 9111 sections 3.2, 4.3.4), which it counts from now on. It
// takes the old one's place, unless it may not be stored any more.
func (a *ask) update(e *entry, h http.Header, sent, now time.Time) *entry {
	n := *e
	n.header = e.header.Clone()
	for name, values := range storable(h) {
		switch name {
		case "Content-Length", "Content-Encoding", "Content-Type", "Content-Range": // of the body that we have
		default:
			n.header[name] = values
		}
	}
	n.cc = control(n.header, false)
	n.clock = timed(h, sent, now)
	n.life, _ = lifetime(n.status, n.header, n.cc, n.clock.date, a.t.heuristicLimit())
	v, ok := vary(a.req.Header, n.header)
	n.vary = v
	n.cost = e.cost - headCost(e.key, e.header, e.vary) + headCost(n.key, n.header, n.vary)
	switch {
	case a.cc.noStore: // of this answer nothing is stored; what is there stays as it is
	case ok && (!n.cc.noStore || n.cc.mustUnderstand):
		a.t.store.replace(e, &n)
	default:
		a.t.store.remove(e)
	}
	return &n
}

// answer makes a response of what is stored, or 304 if that is what the client has (RFC 9111 section 4.3.2).
func (a *ask) answer(e *entry, now time.Time, status string) *http.Response {
	res := &http.Response{
		StatusCode: e.status, Proto: e.proto, ProtoMajor: e.major, ProtoMinor: e.minor,
		Header: e.header.Clone(), Request: a.req, ContentLength: e.length, Uncompressed: e.uncompressed,
		Body: struct {
			*reader
			io.Closer
		}{&reader{pieces: e.body}, http.NoBody},
	}
	res.Header.Set("Age", strconv.FormatInt(int64(e.clock.age(now)/time.Second), 10)) // section 5.1
	if a.clientHas(e, now) {
		res.StatusCode, res.Body, res.ContentLength = http.StatusNotModified, http.NoBody, 0
		for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Type"} {
			delete(res.Header, name)
		}
	} else if a.head {
		res.Body = http.NoBody
	}
	res.Status = fmt.Sprintf("%d %s", res.StatusCode, http.StatusText(res.StatusCode))
	return a.t.note(res, status)
}

// clientHas evaluates the client's own preconditions against what is stored.
func (a *ask) clientHas(e *entry, now time.Time) bool {
	if e.status != http.StatusOK || !conditional(a.req.Header) {
		return false
	}
	c := wire.Conditions{
		Get: !a.head, Head: a.head,
		IfNoneMatch:     strings.Join(a.req.Header["If-None-Match"], ", "),
		IfModifiedSince: a.req.Header.Get("If-Modified-Since"),
	}
	v := wire.Validators{ETag: e.header.Get("Etag"), Modified: e.clock.date}
	if t, ok := wire.ParseDate(e.header.Get("Last-Modified"), now); ok {
		v.Modified = t
	}
	return c.Evaluate(v, now) == http.StatusNotModified
}

// gatewayTimeout is the answer to only-if-cached where nothing can be used.
func (a *ask) gatewayTimeout(why string) *http.Response {
	res := &http.Response{
		StatusCode: http.StatusGatewayTimeout, Status: "504 Gateway Timeout", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: a.req,
	}
	return a.t.note(res, "fwd="+why+"; detail=only-if-cached")
}

// note appends to Cache-Status (RFC 9211).
func (t *Transport) note(res *http.Response, status string) *http.Response {
	if res == nil {
		return nil
	}
	name := t.Name
	if name == "" {
		name = "calandria"
	}
	if res.Header == nil {
		res.Header = http.Header{}
	}
	res.Header.Add("Cache-Status", name+"; "+status)
	return res
}
