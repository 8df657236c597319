package http1

import "github.com/calandria-go/calandria/reactor"

// ticket finds an exchange again from another goroutine, also when the exchange may be over by then. Exchange.Post must not be
// called then; this may be.
type ticket struct {
	c   *reactor.Conn
	x   *Exchange
	gen uint32
}

// ticket is for the exchange as it is now. Loop only.
func (x *Exchange) ticket() ticket { return ticket{x.s.c, x, x.gen} }

// valid says whether the exchange goes on. Loop only.
func (t ticket) valid() bool { return t.x.gen == t.gen && t.x.state != stateDone }

// post runs f on the loop, unless the exchange is over by then. Any goroutine.
func (t ticket) post(f func(x *Exchange)) bool {
	return t.c.Post(func() {
		if t.valid() {
			f(t.x)
		}
	})
}
