package http1

import (
	"net/netip"
	"slices"
)

// extension is what handlers in front of the answering one have added to an Exchange. Most requests have none; its storage is
// kept with the Exchange for the next request.
type extension struct {
	values  []keyValue
	path    []pathValue
	pattern string
	client  netip.Addr
	head    []func(*Exchange, *Head)
	done    []func(*Exchange, *Result)
	arg     Head   // what the hooks of head are given
	filter  Filter // of a native answer
	body    []byte // that replaces the request's, if hasBody
	hasBody bool
}

type keyValue struct{ key, value any }

// pathValue is a wildcard of the route's pattern: a part of the path, or a decoded copy.
type pathValue struct {
	name     string
	from, to int
	decoded  []byte
}

func (e *extension) reset() {
	clear(e.values)
	clear(e.path)
	clear(e.head)
	clear(e.done)
	*e = extension{values: e.values[:0], path: e.path[:0], head: e.head[:0], done: e.done[:0]}
}

// extend gives the extension, made on first need.
func (x *Exchange) extend() *extension {
	if x.ext == nil {
		x.ext = &extension{}
	}
	return x.ext
}

// SetValue keeps value for key until the exchange is over, in the place of an earlier one. Keys are compared by ==; use a type
// of your own, as for context.WithValue. A net/http handler finds it in its request's context.
func (x *Exchange) SetValue(key, value any) {
	e := x.extend()
	for i := range e.values {
		if e.values[i].key == key {
			e.values[i].value = value
			return
		}
	}
	e.values = append(e.values, keyValue{key, value})
}

// Value is what SetValue has kept for key, or nil.
func (x *Exchange) Value(key any) any {
	if x.ext == nil {
		return nil
	}
	return find(x.ext.values, key)
}

func find(values []keyValue, key any) any {
	for i := range values {
		if values[i].key == key {
			return values[i].value
		}
	}
	return nil
}

// SetPattern keeps the pattern of the route that took the request: the label of metrics and logs, and Request.Pattern for a
// net/http handler.
func (x *Exchange) SetPattern(pattern string) { x.extend().pattern = pattern }

// Pattern is the pattern of the route that took the request, or empty.
func (x *Exchange) Pattern() string {
	if x.ext == nil {
		return ""
	}
	return x.ext.pattern
}

// SetPathRange names the bytes of Path from from to to: for a router, whose pattern has a wildcard of that name there.
func (x *Exchange) SetPathRange(name string, from, to int) {
	e := x.extend()
	e.path = append(e.path, pathValue{name: name, from: from, to: to})
}

// SetPathValue is SetPathRange for a value that is not a part of Path as it was sent, such as a percent-decoded one. The
// exchange keeps value.
func (x *Exchange) SetPathValue(name string, value []byte) {
	e := x.extend()
	if value == nil {
		value = []byte{}
	}
	e.path = append(e.path, pathValue{name: name, decoded: value})
}

// PathValue is what the wildcard of that name in the route's pattern stands for, or nil. It is valid as long as Path's bytes
// are.
func (x *Exchange) PathValue(name string) []byte {
	if x.ext == nil {
		return nil
	}
	for i := len(x.ext.path) - 1; i >= 0; i-- { // the last one set: routers may be nested
		if v := &x.ext.path[i]; v.name == name {
			return x.pathBytes(v)
		}
	}
	return nil
}

func (x *Exchange) pathBytes(v *pathValue) []byte {
	if v.decoded != nil {
		return v.decoded
	}
	p := x.Path()
	if v.from < 0 || v.to < v.from || v.to > len(p) {
		return nil
	}
	return p[v.from:v.to:v.to]
}

// SetClientAddr replaces what ClientAddr gives: for one who has checked what a trusted proxy says.
func (x *Exchange) SetClientAddr(a netip.Addr) { x.extend().client = a }

// ClientAddr is the client's address: the connection's, unless SetClientAddr was called; invalid for a unix socket. An IPv4
// address is never in its IPv6 form.
func (x *Exchange) ClientAddr() netip.Addr {
	if x.ext != nil && x.ext.client.IsValid() {
		return x.ext.client
	}
	return x.s.c.RemoteAddrPort().Addr().Unmap()
}

// SetRequestBody replaces the request's body, which has been read to its end, by b: ReadBody, StreamBody and a net/http handler
// get b, and none of it is bounded by Server.MaxBodyBytes. For one who decodes bodies. b must not be changed until the exchange
// is over. It is ErrAnswered once the answer has begun, and ErrBodyUnread while some of the body is unread.
func (x *Exchange) SetRequestBody(b []byte) error {
	switch {
	case x.state != stateFresh:
		return ErrAnswered
	case !x.bodyDone:
		return ErrBodyUnread
	}
	e := x.extend()
	e.body, e.hasBody = b, true
	x.mode = bodyUnread
	return nil
}

// replaced is the body that SetRequestBody has set.
func (x *Exchange) replaced() (body []byte, ok bool) {
	if x.ext == nil || !x.ext.hasBody {
		return nil, false
	}
	return x.ext.body, true
}

// snapshotValues copies the values for a net/http handler, which may outlive the exchange.
func (x *Exchange) snapshotValues() []keyValue {
	if x.ext == nil || len(x.ext.values) == 0 {
		return nil
	}
	return slices.Clone(x.ext.values)
}
