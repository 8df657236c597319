package peers

import (
	"bytes"
	"context"
	ctls "crypto/tls"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
	"github.com/lxzan/gws"

	"github.com/calandria-go/calandria/protocols/http1"
	ours "github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/tls"
)

const (
	patience   = 60 * time.Second
	maxMessage = 16 << 20
)

// sizes are those of the messages, text and binary in turn.
var sizes = []int{0, 1, 125, 126, 1000, 65535, 65536, 1 << 20, maxMessage}

// payload is half noise and half repetition, and UTF-8.
func payload(n int) []byte {
	b := bytes.Repeat([]byte("calandria \xc3\xa9 "), n/13+1)[:n]
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for i := 0; i < n/2; i++ {
		b[i] = byte(' ' + r.IntN(95))
	}
	for i := n/2 - 1; i >= 0 && i < n && b[i] >= 0x80; i++ { // do not begin inside a character
		b[i] = 'x'
	}
	if n > 0 {
		for i := n - 1; i >= 0 && i > n-3; i-- {
			b[i] = '.'
		}
		if n/2 < n && b[n/2]&0xc0 == 0x80 {
			b[n/2] = '.'
		}
	}
	return b
}

type echo struct{}

func (echo) OnOpen(*ours.Conn)                                {}
func (echo) OnMessage(c *ours.Conn, op ours.Opcode, p []byte) { c.Send(op, p) }
func (echo) OnClose(*ours.Conn, error)                        {}

// config takes messages of 16 MiB, with compression or without.
func config(deflate bool) ours.Config {
	c := ours.Config{Limits: wire.Limits{MaxMessage: maxMessage}}
	if deflate {
		c.Deflate = &ours.Deflate{}
	}
	return c
}

// client is what each library's test client does.
type client interface {
	// echo sends a message and returns what comes back.
	echo(text bool, p []byte) (bool, []byte, error)
	// close closes with 1000 and reports what the server's close frame said.
	close() error
}

var clients = map[string]func(t *testing.T, url string, cfg *ctls.Config, deflate bool) client{
	"gorilla": newGorilla, "coder": newCoder, "gws": newGws,
}

// variants are the ways to connect.
func variants(t *testing.T, f func(t *testing.T, secure, deflate bool)) {
	for _, secure := range []bool{false, true} {
		for _, deflate := range []bool{false, true} {
			t.Run(fmt.Sprintf("tls %v deflate %v", secure, deflate), func(t *testing.T) { f(t, secure, deflate) })
		}
	}
}

// TestOurServer has the libraries' clients talk to our server.
func TestOurServer(t *testing.T) {
	variants(t, func(t *testing.T, secure, deflate bool) {
		r := reactor.New(reactor.Config{MaxUnsent: 64 << 20})
		defer shutdown(r)
		srv := &ours.Server{Config: config(deflate)}
		var p reactor.Protocol = &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) { srv.Upgrade(x, echo{}) })}
		scheme, cfg := "ws://", (*ctls.Config)(nil)
		if secure {
			cert, err := tls.SelfSigned("127.0.0.1")
			if err != nil {
				t.Fatal(err)
			}
			p = &tls.Server{Config: &ctls.Config{Certificates: []ctls.Certificate{cert}}, Next: p}
			scheme, cfg = "wss://", trusting(t, cert)
		}
		ln, err := tcp.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l, err := r.Listen(ln, p)
		if err != nil {
			t.Fatal(err)
		}
		for name, mk := range clients {
			t.Run(name, func(t *testing.T) {
				c := mk(t, scheme+l.Addr().String(), cfg, deflate)
				for i, n := range sizes {
					text, want := i%2 == 0, payload(n)
					gotText, got, err := c.echo(text, want)
					if err != nil || gotText != text || !bytes.Equal(got, want) {
						t.Fatalf("%d bytes: text %v, %d bytes, %v", n, gotText, len(got), err)
					}
				}
				if err := c.close(); err != nil {
					t.Error(err)
				}
			})
		}
		if s := srv.Stats(); s.Violations != 0 || deflate && s.Contexts != 0 && s.Open == 0 {
			t.Errorf("%+v", s)
		}
	})
}

// servers are the libraries' echo servers, under net/http.
var servers = map[string]func(deflate bool) http.Handler{
	"gorilla": func(deflate bool) http.Handler {
		up := gorilla.Upgrader{EnableCompression: deflate}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := up.Upgrade(w, r, nil)
			if err != nil {
				return
			}
			defer c.Close()
			for {
				op, p, err := c.ReadMessage()
				if err != nil || c.WriteMessage(op, p) != nil {
					return
				}
			}
		})
	},
	"coder": func(deflate bool) http.Handler {
		o := &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled}
		if deflate {
			o.CompressionMode = websocket.CompressionContextTakeover
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := websocket.Accept(w, r, o)
			if err != nil {
				return
			}
			defer c.CloseNow()
			c.SetReadLimit(maxMessage)
			for {
				op, p, err := c.Read(r.Context())
				if err != nil || c.Write(r.Context(), op, p) != nil {
					return
				}
			}
		})
	},
	"gws": func(deflate bool) http.Handler {
		up := gws.NewUpgrader(gwsEcho{}, &gws.ServerOption{
			ReadMaxPayloadSize: maxMessage, WriteMaxPayloadSize: maxMessage,
			PermessageDeflate: gws.PermessageDeflate{Enabled: deflate, ServerContextTakeover: true, ClientContextTakeover: true, ServerMaxWindowBits: 11},
		})
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := up.Upgrade(w, r); err == nil {
				c.ReadLoop()
			}
		})
	},
}

type gwsEcho struct{ gws.BuiltinEventHandler }

func (gwsEcho) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	c.WriteMessage(m.Opcode, m.Bytes())
}

// TestOurClient has our client talk to the libraries' servers.
func TestOurClient(t *testing.T) {
	r := reactor.New(reactor.Config{MaxUnsent: 64 << 20})
	defer shutdown(r)
	variants(t, func(t *testing.T, secure, deflate bool) {
		for name, mk := range servers {
			t.Run(name, func(t *testing.T) {
				s := httptest.NewUnstartedServer(mk(deflate))
				o := &ours.DialOptions{Config: config(deflate), Reactor: r}
				if secure {
					s.StartTLS()
					o.TLS = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
					o.TLS.NextProtos = nil
				} else {
					s.Start()
				}
				defer s.Close()
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				c, err := ours.Dial(ctx, s.URL, o)
				if err != nil {
					t.Fatal(err)
				}
				if _, ok := c.Compression(); ok != deflate {
					t.Errorf("compression agreed: %v", ok)
				}
				for i, n := range sizes {
					op, want := ours.Text, payload(n)
					if i%2 == 1 {
						op = ours.Binary
					}
					if err := c.Send(op, want); err != nil {
						t.Fatal(err)
					}
					gotOp, got, err := c.Read(ctx)
					if err != nil || gotOp != op || !bytes.Equal(got, want) {
						t.Fatalf("%d bytes: %v, %d bytes, %v", n, gotOp, len(got), err)
					}
				}
				c.Close(ours.NormalClosure, "done")
				select {
				case <-c.Done():
				case <-ctx.Done():
					t.Fatal(ctx.Err())
				}
				if err := c.Err(); err != nil {
					t.Errorf("the close: %v", err)
				}
			})
		}
	})
}

func shutdown(r *reactor.Reactor) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r.Shutdown(ctx)
}

func trusting(t *testing.T, cert ctls.Certificate) *ctls.Config {
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &ctls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
}

// gorillaClient is gorilla's.
type gorillaClient struct{ c *gorilla.Conn }

func newGorilla(t *testing.T, url string, cfg *ctls.Config, deflate bool) client {
	d := gorilla.Dialer{TLSClientConfig: cfg, EnableCompression: deflate}
	c, _, err := d.Dial(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetReadDeadline(time.Now().Add(patience))
	return &gorillaClient{c}
}

func (g *gorillaClient) echo(text bool, p []byte) (bool, []byte, error) {
	op := gorilla.BinaryMessage
	if text {
		op = gorilla.TextMessage
	}
	if err := g.c.WriteMessage(op, p); err != nil {
		return false, nil, err
	}
	op, p, err := g.c.ReadMessage()
	return op == gorilla.TextMessage, p, err
}

func (g *gorillaClient) close() error {
	g.c.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(1000, "bye"), time.Now().Add(patience))
	_, _, err := g.c.ReadMessage()
	if gorilla.IsCloseError(err, 1000) {
		return nil
	}
	return err
}

// coderClient is coder's.
type coderClient struct {
	ctx context.Context
	c   *websocket.Conn
}

func newCoder(t *testing.T, url string, cfg *ctls.Config, deflate bool) client {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	o := &websocket.DialOptions{HTTPClient: &http.Client{Transport: &http.Transport{TLSClientConfig: cfg}}}
	if deflate {
		o.CompressionMode = websocket.CompressionContextTakeover
	}
	c, _, err := websocket.Dial(ctx, url, o)
	if err != nil {
		t.Fatal(err)
	}
	c.SetReadLimit(maxMessage)
	t.Cleanup(func() { c.CloseNow() })
	return &coderClient{ctx, c}
}

func (g *coderClient) echo(text bool, p []byte) (bool, []byte, error) {
	op := websocket.MessageBinary
	if text {
		op = websocket.MessageText
	}
	if err := g.c.Write(g.ctx, op, p); err != nil {
		return false, nil, err
	}
	op, p, err := g.c.Read(g.ctx)
	return op == websocket.MessageText, p, err
}

func (g *coderClient) close() error { return g.c.Close(1000, "bye") }

// gwsClient is gws's.
type gwsClient struct {
	gws.BuiltinEventHandler
	c    *gws.Conn
	got  chan *gws.Message
	ends chan error
}

func newGws(t *testing.T, url string, cfg *ctls.Config, deflate bool) client {
	g := &gwsClient{got: make(chan *gws.Message, 1), ends: make(chan error, 1)}
	c, _, err := gws.NewClient(g, &gws.ClientOption{
		Addr: url, TlsConfig: cfg, ReadMaxPayloadSize: maxMessage, WriteMaxPayloadSize: maxMessage,
		PermessageDeflate: gws.PermessageDeflate{Enabled: deflate, ServerContextTakeover: true, ClientContextTakeover: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	g.c = c
	go c.ReadLoop()
	t.Cleanup(func() { c.NetConn().Close() })
	return g
}

func (g *gwsClient) OnMessage(_ *gws.Conn, m *gws.Message) { g.got <- m }
func (g *gwsClient) OnClose(_ *gws.Conn, err error)        { g.ends <- err }

func (g *gwsClient) echo(text bool, p []byte) (bool, []byte, error) {
	op := gws.OpcodeBinary
	if text {
		op = gws.OpcodeText
	}
	if err := g.c.WriteMessage(op, bytes.Clone(p)); err != nil {
		return false, nil, err
	}
	select {
	case m := <-g.got:
		return m.Opcode == gws.OpcodeText, bytes.Clone(m.Bytes()), nil
	case err := <-g.ends:
		return false, nil, err
	case <-time.After(patience):
		return false, nil, context.DeadlineExceeded
	}
}

func (g *gwsClient) close() error {
	g.c.WriteClose(1000, []byte("bye"))
	select {
	case <-g.ends: // with an error of its own even then
	case <-time.After(patience):
		return context.DeadlineExceeded
	}
	return nil
}
