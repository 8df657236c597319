package relay_test

import (
	"context"
	"fmt"
	"io"
	"log"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/relay"
	"github.com/calandria-go/calandria/protocols/relay/access"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

// Example has all three parts in one process: a relay, an agent with a server that has no port, and a client that reaches it,
// end to end encrypted.
func Example() {
	r := reactor.New(reactor.Config{})
	srv := &relay.Server{Reactor: r, Rules: access.Rules{Tokens: []access.Token{
		{Secret: "for the agent", Grant: access.Grant{Name: "lab", Agent: true, Services: []string{"hello"}}},
		{Secret: "for the client", Grant: access.Grant{Name: "ann", Client: true, Services: []string{"hello"}}},
	}}}
	srv.AddService(relay.Service{Name: "hello"})
	if err := srv.Check(); err != nil {
		log.Fatal(err)
	}
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	url := "ws://" + ln.Addr().String() + "/"
	r.Listen(ln, &http1.Server{Handler: srv.Links()})

	key, _ := relay.GenerateKey()
	ctx, stop := context.WithCancel(context.Background())
	agent := &relay.Agent{
		Dialing: relay.Dialing{Reactor: r, URL: url, Token: "for the agent"},
		Services: []relay.AgentService{{Name: "hello", Key: key, Protocol: reactor.ProtocolFunc(func(c *reactor.Conn) reactor.Handler {
			return &greeter{}
		})}},
	}
	done := make(chan error, 1)
	go func() { done <- agent.Run(ctx) }()

	client := &relay.Client{
		Dialing: relay.Dialing{Reactor: r, URL: url, Token: "for the client"},
		Keys:    map[string]relay.PublicKey{"hello": key.Public()},
	}
	for { // until the agent is there
		c, err := client.Dial(ctx, "hello")
		if err != nil {
			continue
		}
		b, _ := io.ReadAll(c)
		fmt.Printf("%s\n", b)
		c.Close()
		break
	}
	client.Close()
	stop()
	<-done
	srv.Shutdown(context.Background())
	// Output: hello, whoever you are
}

type greeter struct{}

func (*greeter) OnOpen(c *reactor.Conn) {
	c.Write([]byte("hello, whoever you are"))
	c.Close()
}
func (*greeter) OnData(_ *reactor.Conn, in []byte) int { return len(in) }
func (*greeter) OnClose(*reactor.Conn, error)          {}
