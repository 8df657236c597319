package http1

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/calandria-go/calandria/reactor"
)

// connState is the state of a TLS connection, as http.Request.TLS has it.
type connState = tls.ConnectionState

// tlsState asks the connection's layer for it, or the host that has the connection; nil without TLS.
func tlsState(c *reactor.Conn) *connState {
	if q := hostOf(c); q != nil {
		return q.r.TLS
	}
	if l, ok := c.Layer().(interface{ ConnectionState() connState }); ok {
		s := l.ConnectionState()
		return &s
	}
	return nil
}

// buildRequest makes the http.Request as net/http would, on the worker, from the head that the exchange has retained; false
// if net/http would refuse it. The head is copied into one string, which all of the request's strings are parts of.
func (w *stdResponse) buildRequest() bool {
	q := &w.x.req
	head := string(w.x.head)
	at := 0
	for head[at] == '\r' || head[at] == '\n' { // a CRLF before the request line is allowed
		at++
	}
	method := head[at : at+len(q.Method())]
	at += len(method) + 1
	target := head[at : at+len(q.Target())]
	r := http.Request{
		Method:     method,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: q.Minor(),
		RequestURI: target,
		RemoteAddr: w.remote,
		TLS:        w.tls,
		Close:      !w.keepAlive,
		Body:       http.NoBody,
	}
	if r.ProtoMinor == 0 {
		r.Proto = "HTTP/1.0"
	}
	u, err := parseTarget(method, target)
	if err != nil {
		return false
	}
	r.URL = u
	at += strings.IndexByte(head[at:], '\n') + 1
	w.fillHeader(&r, head, at)
	if r.URL.Host != "" {
		r.Host = r.URL.Host
	}
	ok := true
	switch {
	case q.Chunked():
		r.TransferEncoding = []string{"chunked"}
		delete(r.Header, "Transfer-Encoding")
		r.ContentLength = -1
		r.Trailer, ok = announced(r.Header)
		r.Body = &w.body
	case q.HasBody():
		r.ContentLength = q.ContentLength()
		r.Body = &w.body
	}
	w.extendRequest(&r)
	w.req = r.WithContext(&w.ctx)
	return ok
}

// extendRequest gives the request what handlers in front of this one have added.
func (w *stdResponse) extendRequest(r *http.Request) {
	x := w.x
	if x.ext == nil {
		return
	}
	r.Pattern = x.ext.pattern
	for i := range x.ext.path {
		v := &x.ext.path[i]
		r.SetPathValue(v.name, string(x.pathBytes(v)))
	}
	if a := x.ext.client; a.IsValid() {
		r.RemoteAddr = netip.AddrPortFrom(a, 0).String()
	}
	if body, ok := x.replaced(); ok {
		r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
		r.Header.Del("Content-Encoding")
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	}
}

// fillHeader makes the header map from the field lines of head from at on: canonical keys, and Host taken out.
func (w *stdResponse) fillHeader(r *http.Request, head string, at int) {
	q := &w.x.req
	n := q.NumFields()
	r.Header = make(http.Header, n)
	values := make([]string, n)
	for i := range n {
		nb, vb := q.Field(i)
		name := head[at : at+len(nb)]
		at += len(nb) + 1
		for head[at] == ' ' || head[at] == '\t' {
			at++
		}
		value := head[at : at+len(vb)]
		at += len(vb)
		at += strings.IndexByte(head[at:], '\n') + 1
		key := http.CanonicalHeaderKey(name)
		if key == "Host" {
			r.Host = value
			continue
		}
		if old, ok := r.Header[key]; ok {
			r.Header[key] = append(old, value)
			continue
		}
		values[i] = value
		r.Header[key] = values[i : i+1 : i+1]
	}
	// RFC 7234 section 5.4, as net/http does: a request's Pragma: no-cache is Cache-Control: no-cache.
	if p := r.Header["Pragma"]; len(p) > 0 && p[0] == "no-cache" {
		if _, ok := r.Header["Cache-Control"]; !ok {
			r.Header["Cache-Control"] = []string{"no-cache"}
		}
	}
}

// announced moves what the Trailer field says out of the header: the keys that Request.Trailer has from the start. False if
// it announces what cannot be a trailer.
func announced(h http.Header) (http.Header, bool) {
	fields, ok := h["Trailer"]
	if !ok {
		return nil, true
	}
	delete(h, "Trailer")
	trailer := http.Header{}
	good := true
	for _, f := range fields {
		eachElement(f, func(key string) {
			key = http.CanonicalHeaderKey(key)
			switch key {
			case "Transfer-Encoding", "Trailer", "Content-Length":
				good = false
			}
			trailer[key] = nil
		})
	}
	if len(trailer) == 0 {
		return nil, good
	}
	return trailer, good
}

// eachElement calls f for each element of a comma-separated list (RFC 9110 section 5.6.1).
func eachElement(list string, f func(string)) {
	for e := range strings.SplitSeq(list, ",") {
		if e = strings.Trim(e, " \t"); e != "" {
			f(e)
		}
	}
}

// parseTarget is url.ParseRequestURI with net/http's treatment of CONNECT. Plain paths, which are most, need no parsing.
func parseTarget(method, target string) (*url.URL, error) {
	if target[0] == '/' {
		path, query, found := strings.Cut(target, "?")
		if plainPath(path) {
			return &url.URL{Path: path, RawQuery: query, ForceQuery: found && query == ""}, nil
		}
	}
	if method == http.MethodConnect && target[0] != '/' {
		u, err := url.ParseRequestURI("http://" + target)
		if err == nil {
			u.Scheme = ""
		}
		return u, err
	}
	return url.ParseRequestURI(target)
}

// plainPath says that a path is its own decoded form, and the form that net/url would encode it to.
func plainPath(p string) bool {
	for i := range len(p) {
		if !plainBytes[p[i]] {
			return false
		}
	}
	return true
}

var plainBytes = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/-._~") {
		t[c] = true
	}
	return
}()
