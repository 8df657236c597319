package link_test

import (
	"fmt"

	"github.com/calandria-go/calandria/protocols/relay/link"
	"github.com/calandria-go/calandria/protocols/relay/wire"
)

// ends is what both sides of the example are told: b accepts, reads, and answers.
type ends struct{ st *link.Stream }

func (e *ends) Established(*link.Session, *wire.Hello, bool)  {}
func (e *ends) Opened(st *link.Stream, o *wire.Open, _ uint8) { st.Accept(); e.st = st }
func (e *ends) Offer(uint32, *wire.Open)                      {}
func (e *ends) Offered(uint32, wire.Code, string)             {}
func (e *ends) Withdraw(uint32)                               {}
func (e *ends) GoAway(wire.Code, string)                      {}

func Example() {
	agent, relay := &ends{}, &ends{}
	a := link.New(link.Config{Role: wire.RoleAgent, ID: "lab"}, agent)
	a.Attach()
	hello, _ := wire.Parse(a.Next(nil))
	b := link.Accept(link.Config{Role: wire.RoleRelay}, relay, &hello.Hello, wire.Token{1})
	carry := func() {
		for f := b.Next(nil); len(f) > 0; f = b.Next(nil) {
			a.Handle(f)
		}
		for f := a.Next(nil); len(f) > 0; f = a.Next(nil) {
			b.Handle(f)
		}
	}
	carry()
	st, _ := b.OpenStream(&wire.Open{Kind: wire.KindTCP, Service: []byte("web")}, 0, nil)
	st.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
	carry()
	p := make([]byte, 64)
	n, err := agent.st.Read(p)
	fmt.Printf("%q %v\n", p[:n], err)
	// Output: "GET / HTTP/1.0\r\n\r\n" <nil>
}
