package http1

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/calandria-go/calandria/reactor"
)

// DefaultClient is what the helpers of the package use. Its fields may be set before the first request.
var DefaultClient = &Client{}

// Get is Client.Get of DefaultClient.
func Get(ctx context.Context, url string) (*http.Response, error) { return DefaultClient.Get(ctx, url) }

// Post is Client.Post of DefaultClient.
func Post(ctx context.Context, url, contentType string, body io.Reader) (*http.Response, error) {
	return DefaultClient.Post(ctx, url, contentType, body)
}

// Put is Client.Put of DefaultClient.
func Put(ctx context.Context, url, contentType string, body io.Reader) (*http.Response, error) {
	return DefaultClient.Put(ctx, url, contentType, body)
}

// Delete is Client.Delete of DefaultClient.
func Delete(ctx context.Context, url string) (*http.Response, error) {
	return DefaultClient.Delete(ctx, url)
}

// Get sends GET, as Do does.
func (cl *Client) Get(ctx context.Context, url string) (*http.Response, error) {
	return cl.send(ctx, http.MethodGet, url, "", nil)
}

// Head sends HEAD, as Do does.
func (cl *Client) Head(ctx context.Context, url string) (*http.Response, error) {
	return cl.send(ctx, http.MethodHead, url, "", nil)
}

// Post sends POST with body, as Do does. A bytes.Reader, bytes.Buffer or strings.Reader can be sent again for a redirect or a
// login; of another reader the length is not known, so it is chunked.
func (cl *Client) Post(ctx context.Context, url, contentType string, body io.Reader) (*http.Response, error) {
	return cl.send(ctx, http.MethodPost, url, contentType, body)
}

// Put sends PUT with body, as Post does.
func (cl *Client) Put(ctx context.Context, url, contentType string, body io.Reader) (*http.Response, error) {
	return cl.send(ctx, http.MethodPut, url, contentType, body)
}

// Delete sends DELETE, as Do does.
func (cl *Client) Delete(ctx context.Context, url string) (*http.Response, error) {
	return cl.send(ctx, http.MethodDelete, url, "", nil)
}

func (cl *Client) send(ctx context.Context, method, url, contentType string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return cl.Do(req)
}

// Do sends a request through Backend or, without one, by RoundTrip, and does what a user agent does: it follows redirects,
// sends and keeps the cookies of Jar, and logs in with Credentials where the server of the first URL asks for it. The rules
// of redirects are net/http's: 307 and 308 repeat method and body, the others become GET; Authorization, Cookie and
// Credentials are not sent to another host. An error is a *url.Error.
func (cl *Client) Do(req *http.Request) (*http.Response, error) {
	if reactor.OnLoop() {
		closeBody(req)
		return nil, reactor.ErrOnLoop
	}
	set := cl.settings()
	ctx := req.Context()
	var base http.RoundTripper = cl
	if cl.Backend != nil {
		base = cl.Backend
	} else if path, rest, ok := socketOf(req.URL); ok {
		// A redirect is relative to what the socket serves.
		ctx = context.WithValue(ctx, unixTarget{}, path)
		req = req.WithContext(ctx)
		req.URL = &url.URL{Scheme: "http", Host: "localhost", Path: rest, RawQuery: req.URL.RawQuery}
	}
	if cl.Credentials != nil && req.URL != nil {
		base = &loginTransport{base, cl.Credentials, origin(req.URL)}
	}
	hc := http.Client{
		Transport: base,
		Jar:       cl.Jar,
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			switch {
			case set.redirects == 0:
				return http.ErrUseLastResponse
			case len(via) > set.redirects:
				return ErrRedirects
			case next.URL.Scheme != "http" && next.URL.Scheme != "https":
				return ErrScheme // no server may send us to a socket of this machine
			}
			return nil
		},
	}
	res, err := hc.Do(req)
	if err != nil && res != nil { // net/http gives the last response along; it is closed
		return nil, err
	}
	return res, err
}

// origin is what credentials are for (RFC 6454).
func origin(u *url.URL) string {
	return strings.ToLower(u.Scheme) + "://" + strings.ToLower(hostPort(u.Scheme, u.Host))
}

// loginTransport answers challenges of one origin.
type loginTransport struct {
	base   http.RoundTripper
	login  Credentials
	origin string
}

// RoundTrip is part of http.RoundTripper.
func (t *loginTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if origin(req.URL) != t.origin || req.Header.Get("Authorization") != "" {
		return t.base.RoundTrip(req)
	}
	first := req
	if value, ok := t.login.authorize(req, nil); ok {
		first = withAuthorization(req, value)
	}
	res, err := t.base.RoundTrip(first)
	if err != nil || res.StatusCode != http.StatusUnauthorized {
		return res, err
	}
	value, ok := t.login.authorize(req, res.Header["Www-Authenticate"])
	if !ok || value == first.Header.Get("Authorization") {
		return res, nil
	}
	again := withAuthorization(req, value)
	if req.Body != nil && req.Body != http.NoBody {
		if req.GetBody == nil {
			return res, nil
		}
		body, err := req.GetBody()
		if err != nil {
			return res, nil
		}
		again.Body = body
	}
	io.CopyN(io.Discard, res.Body, drainBytes)
	res.Body.Close()
	return t.base.RoundTrip(again)
}

func withAuthorization(req *http.Request, value string) *http.Request {
	r := req.Clone(req.Context())
	r.Header.Set("Authorization", value)
	return r
}
