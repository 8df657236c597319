package http1

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"

	"github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/reactor"
)

// RoundTrip sends one request and gives its response when the head has come: it is an http.RoundTripper, and follows no
// redirect, keeps no cookie and logs in nowhere. The response's body must be closed. It comes as it is read: who does not
// read stops the server.
//
// A request is sent again, on another connection, only if that is safe (RFC 9110 section 9.2.2): the connection had been kept from an
// earlier request, it ended before any byte of a response, and either nothing was sent or the method is idempotent; and its
// body, if any, can be had again by GetBody.
func (cl *Client) RoundTrip(req *http.Request) (*http.Response, error) {
	if reactor.OnLoop() {
		closeBody(req)
		return nil, reactor.ErrOnLoop
	}
	set := cl.settings()
	t, err := cl.target(req)
	if err != nil {
		closeBody(req)
		return nil, err
	}
	out, err := cl.outgoing(req, &t)
	if err != nil {
		closeBody(req)
		return nil, err
	}
	ctx := req.Context()
	for try := 0; ; try++ {
		if err := ctx.Err(); err != nil {
			closeBody(req)
			return nil, err
		}
		share := set.pipeline > 1 && out.body == nil && safeMethod(out.q.Method) && try == 0
		cc, reused, err := cl.connection(ctx, &t, try > 1, share)
		if err != nil {
			closeBody(req)
			return nil, err
		}
		x := &syncCall{cl: cl, ctx: ctx, req: req, limit: set.maxBody}
		res, sent, err := x.run(cc, out)
		if err == nil {
			return cl.decoded(res, out.asked), nil
		}
		if err = out.again(err, reused && try < set.retries, sent); err != nil {
			return nil, err
		}
	}
}

// connection gives one from the pool, or a new one.
func (cl *Client) connection(ctx context.Context, t *clientTarget, fresh, share bool) (cc *ClientConn, reused bool, err error) {
	trace := httptrace.ContextClientTrace(ctx)
	if trace != nil && trace.GetConn != nil {
		trace.GetConn(t.key.host)
	}
	cc, h, err := cl.pool.get(ctx, t.key, fresh, share)
	if err != nil {
		return nil, false, err
	}
	if reused = cc != nil; !reused {
		if cc, err = cl.dial(ctx, t, h); err != nil {
			return nil, false, err
		}
	}
	if trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{Reused: reused})
	}
	return cc, reused, nil
}

// outgoing is a request as it is sent.
type outgoing struct {
	q     ClientRequest
	body  io.ReadCloser // nil for none
	small bool          // the body is in memory, and short
	asked bool          // for codings that the caller does not know of

	idempotent bool // the request may be sent twice
	rewind     func() (io.ReadCloser, error)
}

// outgoing makes of a request what is sent.
func (cl *Client) outgoing(req *http.Request, t *clientTarget) (*outgoing, error) {
	o := &outgoing{}
	q := &o.q
	q.Method, q.Target, q.Host, q.Close = req.Method, t.target, zoneless(t.host), req.Close || wireToken(req.Header["Connection"], "close")
	if q.Method == "" {
		q.Method = http.MethodGet
	}
	if q.Method == http.MethodConnect {
		return nil, ErrScheme // tunnels are ConnectDialer's
	}
	q.Upgrade = upgradeOf(req.Header)
	q.Trailers = wireToken(req.Header["Te"], "trailers")
	if req.Body != nil && req.Body != http.NoBody {
		o.body, q.Length, o.rewind = req.Body, req.ContentLength, req.GetBody
		if q.Length == 0 {
			q.Length = -1
		}
		o.small = q.Length > 0 && q.Length <= smallRequest && req.GetBody != nil
		q.Expect = !o.small && wireToken(req.Header["Expect"], "100-continue")
	} else {
		q.NoLength = q.Method != http.MethodPost && q.Method != http.MethodPut && q.Method != http.MethodPatch
	}
	o.idempotent = idempotent(req)
	b := make([]byte, 0, 512)
	var err error
	if _, ok := req.Header["User-Agent"]; !ok && cl.set.agent != "" {
		if b, err = wire.AppendField(b, "User-Agent", cl.set.agent); err != nil {
			return nil, err
		}
	}
	if b, err = appendHeaderFields(b, req.Header, skipInRequest); err != nil {
		return nil, err
	}
	if t.proxy != nil && t.proxy.User != nil && t.key.scheme == "http" && req.Header.Get("Proxy-Authorization") == "" {
		b, _ = wire.AppendField(b, "Proxy-Authorization", proxyBasic(t.proxy.User))
	}
	if req.Header.Get("Accept-Encoding") == "" && !cl.NoDecoding && req.Header.Get("Range") == "" && q.Method != http.MethodHead {
		o.asked = true
		b = append(b, acceptEncodings...)
	}
	if q.Length < 0 && len(req.Trailer) > 0 {
		if b, err = appendAnnounced(b, req.Trailer); err != nil {
			return nil, err
		}
	}
	q.Fields = b
	return o, nil
}

// skipInRequest are the fields that the client sets itself.
func skipInRequest(name string) bool {
	switch name {
	case "Host", "Content-Length", "Transfer-Encoding", "Trailer", "Connection", "Upgrade", "Te", "Expect", "Keep-Alive",
		"Proxy-Connection":
		return true
	}
	return false
}

// appendHeaderFields appends field lines of a map, but for those to skip. An empty User-Agent is one to leave out, as in net/http.
func appendHeaderFields(b []byte, h http.Header, skip func(string) bool) ([]byte, error) {
	var err error
	for name, values := range h {
		if skip(http.CanonicalHeaderKey(name)) {
			continue
		}
		for _, v := range values {
			if v == "" && name == "User-Agent" {
				continue
			}
			if b, err = wire.AppendField(b, name, v); err != nil {
				return nil, err
			}
		}
	}
	return b, nil
}

func appendAnnounced(b []byte, trailer http.Header) ([]byte, error) {
	var names []string
	for name := range trailer {
		names = append(names, http.CanonicalHeaderKey(name))
	}
	return wire.AppendField(b, "Trailer", strings.Join(names, ", "))
}

// upgradeOf is the protocol that a request asks for: Connection must say upgrade too.
func upgradeOf(h http.Header) string {
	if !wireToken(h["Connection"], "upgrade") {
		return ""
	}
	return h.Get("Upgrade")
}

func wireToken(values []string, token string) bool {
	for _, v := range values {
		if wire.ContainsToken([]byte(v), token) {
			return true
		}
	}
	return false
}

func safeMethod(m string) bool {
	return m == http.MethodGet || m == http.MethodHead || m == http.MethodOptions || m == http.MethodTrace
}

// idempotent says whether sending a request twice does no more than sending it once (RFC 9110 section 9.2.2).
func idempotent(req *http.Request) bool {
	switch req.Method {
	case "", http.MethodPut, http.MethodDelete:
		return true
	}
	if safeMethod(req.Method) {
		return true
	}
	_, key := req.Header["Idempotency-Key"]
	_, xkey := req.Header["X-Idempotency-Key"]
	return key || xkey
}

// again readies a request that has failed to be sent again, or gives the error if it must not be.
func (o *outgoing) again(err error, may, sent bool) error {
	if !sent && !o.small && o.body != nil { // nobody has touched the body
		if may {
			return nil
		}
		o.body.Close()
	}
	switch {
	case !sent && errors.Is(err, ErrConnOver) && !may:
		return ErrServerClosed
	case !may, sent && !(o.idempotent && lostConnection(err)):
		return err
	case o.body == nil:
		return nil
	case o.rewind == nil:
		return err
	}
	body, e := o.rewind()
	if e != nil {
		return e
	}
	o.body = body
	return nil
}

// lostConnection says whether a connection ended before any byte of a response, by the server's doing.
func lostConnection(err error) bool {
	switch {
	case errors.Is(err, ErrServerClosed), errors.Is(err, reactor.ErrMemoryIdle):
		return true
	}
	return isReset(err)
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}
