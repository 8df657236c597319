//go:build linux && (amd64 || arm64 || loong64) && !portable

package reactor

import (
	"net"
	"time"

	"github.com/cloudwego/netpoll"
)

func init() { children["shrink"] = shrinkNetpoll }

// shrinkNetpoll is a program in which somebody else lowers the number of netpoll's loops.
func shrinkNetpoll() {
	r := New(Config{Loops: 3})
	check(r.err)
	//lint:ignore SA1019 this is what somebody might do
	check(netpoll.SetNumLoops(1))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	c, err := netpoll.DialConnection("tcp", ln.Addr().String(), time.Second) // picks a poller: the change takes effect
	check(err)
	defer c.Close()
	<-time.After(patience)
}
