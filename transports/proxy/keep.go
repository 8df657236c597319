package proxy

import (
	"runtime"
	"sync"

	"github.com/calandria-go/calandria/reactor"
)

// kept are the headers of connections, by their IDs. They go when the connection is garbage: whatever handlers it had by
// then, and whichever upgraded to which, its header stays with it.
var kept sync.Map // uint64 -> *Header

func keep(c *reactor.Conn, h *Header) {
	id := c.ID()
	kept.Store(id, h)
	runtime.AddCleanup(c, func(id uint64) { kept.Delete(id) }, id)
}

// HeaderOf is the header with which c began, if a Protocol with Keep has read one; nil otherwise. It must not be changed. Any
// goroutine; some 30 ns.
func HeaderOf(c *reactor.Conn) *Header {
	h, _ := kept.Load(c.ID())
	head, _ := h.(*Header)
	return head
}
