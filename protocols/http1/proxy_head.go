package http1

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// heads is what request and response heads have in common.
type heads interface {
	NumFields() int
	Field(i int) (name, value []byte)
	HasToken(name, token string) bool
	Get(name string) ([]byte, bool)
}

// ofConnection are the fields that concern one connection, or frame a message, and are never passed on as they are (RFC 9110
// section 7.6.1).
func ofConnection(name []byte) bool {
	switch len(name) {
	case 2:
		return strings.EqualFold(string(name), "TE")
	case 7:
		return strings.EqualFold(string(name), "Upgrade")
	case 10:
		return strings.EqualFold(string(name), "Connection") || strings.EqualFold(string(name), "Keep-Alive")
	case 14:
		return strings.EqualFold(string(name), "Content-Length")
	case 16:
		return strings.EqualFold(string(name), "Proxy-Connection")
	case 17:
		return strings.EqualFold(string(name), "Transfer-Encoding")
	case 18:
		return strings.EqualFold(string(name), "Proxy-Authenticate")
	case 19:
		return strings.EqualFold(string(name), "Proxy-Authorization")
	case 25:
		return strings.EqualFold(string(name), "Proxy-Authentication-Info")
	}
	return false
}

// passed calls f with the fields that may be passed on: not those that Connection names.
func passed(h heads, f func(name, value []byte)) {
	_, named := h.Get("Connection")
	for i := range h.NumFields() {
		name, value := h.Field(i)
		if ofConnection(name) || named && h.HasToken("Connection", string(name)) {
			continue
		}
		f(name, value)
	}
}

// passFields passes a response's fields on.
func passFields(r *wire.Response, x *Exchange, f func(name, value []byte)) {
	passed(r, func(name, value []byte) {
		if x != nil {
			switch {
			case len(name) == 4 && strings.EqualFold(string(name), "Date"):
				x.hasDate = true
			case len(name) == 6 && len(x.s.set.server) > 0 && strings.EqualFold(string(name), "Server"):
				return
			}
		}
		f(name, value)
	})
}

// appendLine appends a field that a parser has let pass.
func appendLine(dst, name, value []byte) []byte {
	dst = append(append(dst, name...), ": "...)
	return append(append(dst, value...), crlf...)
}

// render makes the request as upstreams get it, but for what depends on the upstream.
func (pc *proxyCall) render() error {
	x := pc.x
	r := &x.req
	q := &pc.q
	q.Method = string(r.Method())
	q.Trailers = r.AcceptsTrailers()
	switch {
	case r.Chunked():
		q.Length = -1
	case r.HasBody():
		q.Length = r.ContentLength()
	default:
		q.NoLength = r.ContentLength() < 0
	}
	q.Expect = r.Expect100() && q.Length != 0
	if r.Upgrade() && !r.HasBody() {
		up, _ := r.Get("Upgrade")
		q.Upgrade = string(up)
	}
	trust := pc.p.TrustForwarded
	b := make([]byte, 0, len(x.head)+256)
	var via, chain, forwarded []string
	host, proto := false, false
	passed(r, func(name, value []byte) {
		switch n := string(name); {
		case strings.EqualFold(n, "Host"), strings.EqualFold(n, "Expect"):
			return
		case strings.EqualFold(n, "Via"):
			via = append(via, string(value))
			return
		case strings.EqualFold(n, "X-Forwarded-For"):
			chain = append(chain, string(value))
			return
		case strings.EqualFold(n, "Forwarded"):
			forwarded = append(forwarded, string(value))
			return
		case strings.EqualFold(n, "X-Forwarded-Host"):
			if host = trust; !trust {
				return
			}
		case strings.EqualFold(n, "X-Forwarded-Proto"):
			if proto = trust; !trust {
				return
			}
		case len(n) > 12 && strings.EqualFold(n[:12], "X-Forwarded-") && !trust, strings.EqualFold(n, "X-Real-IP") && !trust:
			return
		}
		b = appendLine(b, name, value)
	})
	if !trust {
		chain, forwarded = nil, nil
	}
	scheme := "http"
	if tlsState(x.s.c) != nil {
		scheme = "https"
	}
	client := clientName(x)
	add := func(name, value string) (err error) {
		b, err = wire.AppendField(b, name, value)
		return err
	}
	version := "1.1"
	if r.Minor() == 0 {
		version = "1.0"
	}
	err := add("Via", strings.Join(append(via, version+" "+pc.p.set.name), ", "))
	if err == nil {
		err = add("X-Forwarded-For", strings.Join(append(chain, client), ", "))
	}
	if err == nil && !proto {
		err = add("X-Forwarded-Proto", scheme)
	}
	if err == nil && !host {
		err = add("X-Forwarded-Host", string(r.Authority()))
	}
	if err == nil {
		element := "for=" + forwardedNode(client) + ";host=" + quoted(string(r.Authority())) + ";proto=" + scheme
		err = add("Forwarded", strings.Join(append(forwarded, element), ", "))
	}
	q.Fields = b
	return err
}

// clientName is the client's address, as X-Forwarded-For has it.
func clientName(x *Exchange) string {
	if a := x.ClientAddr(); a.IsValid() {
		return a.Unmap().String()
	}
	return "unknown"
}

// forwardedNode is an address as RFC 7239 section 6 has it.
func forwardedNode(a string) string {
	if ip, err := netip.ParseAddr(a); err == nil && ip.Is6() {
		return `"[` + a + `]"`
	}
	return a
}

// quoted is a value of Forwarded: a token, or a quoted-string.
func quoted(s string) string {
	if wire.ValidToken(s) {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// target is the request target for the upstream: path and query as the client sent them, behind the upstream's own path.
func (pc *proxyCall) target() string {
	r := &pc.x.req
	path := string(r.Path())
	switch {
	case r.Form() == wire.AsteriskForm, path == "":
		if q := string(r.Method()); q == http.MethodOptions {
			return "*"
		}
		path = "/"
	}
	t := pc.up.base + path
	if raw := r.RawQuery(); raw != nil {
		t += "?" + string(raw)
	}
	return t
}
