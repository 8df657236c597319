package router

import (
	"bytes"
	"net/http"
	"slices"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// Handle is part of http1.Handler: it answers a request, or gives it to the handler of its route. It sets Exchange.Pattern, and
// the values of the wildcards for Exchange.PathValue: decoded, and without an allocation if nothing in them is encoded.
func (r *Router) Handle(x *http1.Exchange) {
	if h := r.entry.Load(); h != nil {
		(*h).Handle(x)
		return
	}
	r.dispatch(x)
}

func (r *Router) dispatch(x *http1.Exchange) {
	q := x.Request()
	switch {
	case r.Connect != nil && q.Form() == wire.AuthorityForm:
		r.Connect.Handle(x)
		return
	case len(x.Path()) == 0 && q.Form() == wire.AbsoluteForm || q.Form() == wire.AsteriskForm:
		r.general(x)
		return
	}
	m := r.Lookup(x.Method(), q.Authority(), x.Path())
	if m.route != nil {
		x.SetPattern(m.route.text)
	}
	if m.other != nil {
		r.answer(x, m.other)
		return
	}
	for i := range m.route.wilds {
		name := m.route.wilds[i].name
		if name == "" {
			continue
		}
		from, to := m.span(i)
		if value := m.path[from:to]; bytes.IndexByte(value, '%') < 0 {
			x.SetPathRange(name, from, to)
		} else {
			x.SetPathValue(name, bytes.Clone(decode(value)))
		}
	}
	m.route.handler.Handle(x)
}

// general answers OPTIONS * (RFC 9110 section 9.3.7): the methods that any route has.
func (r *Router) general(x *http1.Exchange) {
	if r.NoOptions {
		r.answer(x, notFound)
		return
	}
	r.answer(x, &answer{status: http.StatusNoContent, allow: allowField(slices.Clone(r.current().every), true)})
}

const plain = "text/plain; charset=utf-8"

// answer is what net/http's ServeMux says in the same place, but for the text of a redirect, which nobody reads.
func (r *Router) answer(x *http1.Exchange, a *answer) {
	if a.allow != "" {
		x.SetHeader("Allow", a.allow)
	}
	switch {
	case a.status == http.StatusNotFound && r.NotFound != nil:
		r.NotFound.Handle(x)
	case a.status == http.StatusNotFound:
		x.SetHeader("X-Content-Type-Options", "nosniff")
		x.Respond(a.status, plain, []byte("404 page not found\n"))
	case a.status == http.StatusMethodNotAllowed && r.MethodNotAllowed != nil:
		r.MethodNotAllowed.Handle(x)
	case a.status == http.StatusMethodNotAllowed:
		x.SetHeader("X-Content-Type-Options", "nosniff")
		x.Respond(a.status, plain, []byte("Method Not Allowed\n"))
	case a.status == http.StatusTemporaryRedirect:
		to := a.location
		if query := x.Request().RawQuery(); query != nil {
			to += "?" + string(query)
		}
		x.SetHeader("Location", to)
		x.Respond(a.status, "", nil)
	default:
		x.Respond(a.status, "", nil)
	}
}
