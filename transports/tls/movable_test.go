package tls_test

import (
	"bytes"
	"context"
	ctls "crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tls"
)

// moved is the handler above a connection that was adopted: it echoes.
type moved struct {
	layered chan bool
	end     chan error
}

func (h *moved) OnOpen(c *reactor.Conn) { h.layered <- c.Layer() != nil }

func (h *moved) OnData(c *reactor.Conn, in []byte) int {
	c.Write(in)
	return len(in)
}

func (h *moved) OnClose(_ *reactor.Conn, err error) { h.end <- err }

// A connection that crypto/tls has opened goes on on a loop, at any point of its stream: nothing is lost of what was read of it,
// of what crypto/tls holds, and of what is on its way; a Movable listener's has a Layer, another does without.
func TestAdoptTLS(t *testing.T) {
	cert, err := tls.SelfSigned("localhost")
	if err != nil {
		t.Fatal(err)
	}
	r := reactor.New(reactor.Config{})
	defer r.Shutdown(context.Background())
	for name, wrap := range map[string]func(net.Listener) net.Listener{
		"movable": tls.Movable,
		"other":   func(ln net.Listener) net.Listener { return ln },
	} {
		for _, version := range []uint16{ctls.VersionTLS12, ctls.VersionTLS13} {
			t.Run(name+" "+ctls.VersionName(version), func(t *testing.T) {
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer ln.Close()
				all := bytes.Repeat([]byte("0123456789abcdef"), 8<<10)
				nc, err := net.Dial("tcp", ln.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer nc.Close()
				nc.SetDeadline(time.Now().Add(time.Minute))
				client := ctls.Client(nc, &ctls.Config{InsecureSkipVerify: true, MaxVersion: version})
				go func() {
					client.Write(all[:10])
					client.Write(all[10:])
				}()
				sc, err := wrap(ln).Accept()
				if err != nil {
					t.Fatal(err)
				}
				server := ctls.Server(sc, &ctls.Config{Certificates: []ctls.Certificate{cert}})
				early := make([]byte, 12) // some of the second record is left with crypto/tls
				if _, err := io.ReadFull(server, early); err != nil {
					t.Fatal(err)
				}
				h := &moved{make(chan bool, 1), make(chan error, 1)}
				if _, err := tls.Adopt(r, server, early, h); err != nil {
					t.Fatal(err)
				}
				if got := <-h.layered; got != (name == "movable") {
					t.Errorf("it has a layer: %v", got)
				}
				got := make([]byte, len(all))
				if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, all) {
					t.Fatal("the echo differs:", err)
				}
				client.CloseWrite()
				if _, err := client.Read(got); err != io.EOF {
					t.Errorf("at the end: %v", err)
				}
				if err := <-h.end; err != nil && err != io.EOF {
					t.Errorf("OnClose got %v", err)
				}
			})
		}
	}
}
