package guard

import (
	"net/netip"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// AddressField is the field in which proxies say who their client is. Exactly one is believed: a proxy that writes one of
// them passes the others on as the client has sent them.
type AddressField uint8

// Fields.
const (
	// XForwardedFor is a list of addresses, to the end of which each proxy adds the one that it was connected from.
	XForwardedFor AddressField = iota
	// Forwarded is the same as RFC 7239 has it: the parameter "for" of each element.
	Forwarded
	// XRealIP is one address, which the proxy has set. More than one field of that name are not believed.
	XRealIP
)

// name is the field's.
func (f AddressField) name() string {
	switch f {
	case Forwarded:
		return "Forwarded"
	case XRealIP:
		return "X-Real-Ip"
	}
	return "X-Forwarded-For"
}

// ClientIP finds the client of a request that came through proxies, for Exchange.ClientAddr. It must not be changed once
// its Middleware is made.
//
// The field is looked at only if the connection's peer is trusted: what anybody else writes into it is ignored. It is read
// from its end: as long as an address is a trusted proxy's, the one before it, which that proxy has added, is looked at. The
// first that is not is the client's; what stands before it, the client may have made up. If an element is no address
// ("unknown", an obfuscated one as "_hidden", or not well-formed), the client is the last hop that is known: the proxy that said so.
type ClientIP struct {
	// Trusted are the proxies; nil: nobody, and the middleware does nothing.
	Trusted Networks
	// TrustUnix trusts every peer of a unix socket, which has no address.
	TrustUnix bool
	// Field is the one that is believed; the zero value is X-Forwarded-For.
	Field AddressField
	// MaxHops bounds the elements that are looked at, from the end; 0 or negative: 16. After so many trusted ones the last of
	// them is taken for the client.
	MaxHops int
}

const defaultHops = 16

// Middleware sets Exchange.SetClientAddr. It goes outside of all that asks for the client. It costs some 100 ns for a request
// from a proxy, and allocates nothing but what the exchange keeps the address in.
func (c ClientIP) Middleware() http1.Middleware {
	if c.MaxHops <= 0 {
		c.MaxHops = defaultHops
	}
	return func(next http1.Handler) http1.Handler {
		return http1.HandlerFunc(func(x *http1.Exchange) {
			if a, ok := c.find(x.Request(), x.ClientAddr()); ok {
				x.SetClientAddr(a)
			}
			next.Handle(x)
		})
	}
}

// trusts says whether the peer's word counts.
func (c *ClientIP) trusts(peer netip.Addr) bool {
	if !peer.IsValid() {
		return c.TrustUnix
	}
	return contains(c.Trusted, peer)
}

// find is the client's address, if the peer is trusted and says one that can be believed.
func (c *ClientIP) find(q *wire.Request, peer netip.Addr) (client netip.Addr, ok bool) {
	if !c.trusts(peer) {
		return client, false
	}
	name := c.Field.name()
	if c.Field == XRealIP {
		n := 0
		q.Values(name, func(v []byte) bool {
			n++
			client, ok = parseAddr(v)
			return n < 2
		})
		return client, ok && n == 1
	}
	hops := c.MaxHops
	for i := q.NumFields() - 1; i >= 0; i-- { // the fields of that name are one list
		field, v := q.Field(i)
		if !isName(field, name) {
			continue
		}
		for more := true; more; {
			var e []byte
			e, v, more = c.lastElement(v)
			if len(e) == 0 {
				continue // an empty element of a list does not count (RFC 9110 section 5.6.1)
			}
			a, good := c.address(e)
			if !good {
				return client, client.IsValid()
			}
			client = a
			if hops--; hops <= 0 || !contains(c.Trusted, a) {
				return client, true
			}
		}
	}
	return client, client.IsValid()
}

// address is that of one element.
func (c *ClientIP) address(e []byte) (netip.Addr, bool) {
	if c.Field == Forwarded {
		return forwardedFor(e)
	}
	return parseAddr(e)
}

// lastElement cuts the last element off a list.
func (c *ClientIP) lastElement(list []byte) (e, rest []byte, more bool) {
	at := -1
	quoted := false
	for i := len(list) - 1; i >= 0 && at < 0; i-- {
		switch list[i] {
		case ',':
			if !quoted {
				at = i
			}
		case '"':
			// Read from the end, so that a quote which the client has left open swallows nothing that a proxy has added.
			if c.Field == Forwarded && !escaped(list, i) {
				quoted = !quoted
			}
		}
	}
	if at < 0 {
		return trim(list), nil, false
	}
	return trim(list[at+1:]), list[:at], true
}

// escaped says whether an odd number of backslashes stand before i.
func escaped(b []byte, i int) bool {
	n := 0
	for i--; i >= 0 && b[i] == '\\'; i-- {
		n++
	}
	return n%2 == 1
}

// isName compares a field name, in any letter case.
func isName(got []byte, want string) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range len(want) {
		if lower(got[i]) != lower(want[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}
