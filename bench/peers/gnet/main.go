// Command gnet answers on gnet's raw event loops, one per core: it searches for the end of each head
// and answers all that a read brought with one write. It parses nothing, so it is the floor in Go.
package main

import (
	"bytes"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/calandria-go/calandria/bench/peers/control"
	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"
)

var headEnd = []byte("\r\n\r\n")

// maxBatch is the most answers that one write carries.
const maxBatch = 64

type server struct {
	gnet.BuiltinEventEngine
	answers atomic.Pointer[answers]
}

// answers holds the rendered response maxBatch times over, so that a batch is one slice of it.
type answers struct {
	size  int
	bytes []byte
}

func render(now time.Time) *answers {
	one := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nDate: %s\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!",
		now.UTC().Format(http.TimeFormat))
	return &answers{size: len(one), bytes: bytes.Repeat(one, maxBatch)}
}

// OnTick renders the date anew once a second.
func (s *server) OnTick() (time.Duration, gnet.Action) {
	s.answers.Store(render(time.Now()))
	return time.Second, gnet.None
}

// OnTraffic answers every complete head in the buffer and leaves the rest for the next read.
func (s *server) OnTraffic(c gnet.Conn) gnet.Action {
	in, err := c.Peek(-1)
	if err != nil {
		return gnet.Close
	}
	consumed, n := 0, 0
	ready := s.answers.Load()
	for {
		end := bytes.Index(in[consumed:], headEnd)
		if end >= 0 {
			consumed += end + len(headEnd)
			n++
		}
		if n > 0 && (end < 0 || n == maxBatch) {
			if _, err := c.Write(ready.bytes[:n*ready.size]); err != nil {
				return gnet.Close
			}
			n = 0
		}
		if end < 0 {
			break
		}
	}
	if consumed == 0 { // Discard(0) would drop the partial head
		return gnet.None
	}
	if _, err := c.Discard(consumed); err != nil {
		return gnet.Close
	}
	return gnet.None
}

func main() {
	addr := control.Start()
	s := &server{}
	s.answers.Store(render(time.Now()))
	control.Must(gnet.Run(s, "tcp://"+addr, gnet.WithMulticore(true), gnet.WithTicker(true), gnet.WithLogLevel(logging.ErrorLevel)))
}
