package rtsphttp

import (
	"context"
	ctls "crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/auth"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/tls"
)

func TestDial(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	for _, scheme := range []string{"http", "rtsph", "ws"} {
		t.Run(scheme, func(t *testing.T) {
			c, err := Dial(t.Context(), scheme+"://"+g.addr+"/live", &DialOptions{Reactor: g.r})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			conn := cam.next(t)
			c.SetDeadline(time.Now().Add(patience))
			io.WriteString(c, optionsText)
			expect(t, conn, optionsText)
			media := okText + strings.Repeat(frame(0, strings.Repeat("media", 280)), 100)
			go io.WriteString(conn, media)
			expect(t, c, media)
			// More than one POST may have.
			long := strings.Repeat(describe(3), 2000)
			go io.WriteString(c, long)
			expect(t, conn, long)
			if c.LocalAddr().String() == "" || c.RemoteAddr().String() != g.addr {
				t.Error(c.LocalAddr(), c.RemoteAddr())
			}
			c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("deadline: %v", err)
			}
			c.SetReadDeadline(time.Now().Add(patience))
			conn.Close()
			expectEnd(t, c, "")
		})
	}
}

func TestDialOverTLS(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	pair, err := tls.SelfSigned("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &tls.Server{Config: &ctls.Config{Certificates: []ctls.Certificate{pair}}, Next: &http1.Server{Handler: g, MaxBodyBytes: -1}}
	if _, err := g.r.Listen(ln, p); err != nil {
		t.Fatal(err)
	}
	for _, scheme := range []string{"https", "rtsphs", "wss"} {
		o := &DialOptions{Reactor: g.r, TLS: &ctls.Config{InsecureSkipVerify: true}}
		c, err := Dial(t.Context(), scheme+"://"+ln.Addr().String()+"/", o)
		if err != nil {
			t.Fatal(scheme, err)
		}
		conn := cam.next(t)
		c.SetDeadline(time.Now().Add(patience))
		io.WriteString(c, optionsText)
		expect(t, conn, optionsText)
		io.WriteString(conn, okText)
		expect(t, c, okText)
		c.Close()
		expectEnd(t, conn, "")
	}
}

func TestDialWithPassword(t *testing.T) {
	all := map[string]string{"ann": "secret"}
	for name, scheme := range map[string]auth.Scheme{
		"Basic":  &auth.Basic{Realm: "r", Verify: auth.Passwords(all)},
		"Digest": &auth.Digest{Realm: "r", Users: auth.DigestPasswords("r", all)},
	} {
		t.Run(name, func(t *testing.T) {
			cam := newCamera(t)
			cfg := one(cam)
			var err error
			if cfg.Auth, err = auth.Require(scheme); err != nil {
				t.Fatal(err)
			}
			g := newGate(t, cfg)
			o := &DialOptions{Reactor: g.r, PostBytes: 300}
			c, err := Dial(t.Context(), "http://ann:secret@"+g.addr+"/x?y=z", o)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			conn := cam.next(t)
			for range 10 {
				io.WriteString(c, describe(1)) // a POST for every other one
				expect(t, conn, describe(1))
			}
			var re *RefusedError
			for _, user := range []string{"", "ann:wrong@"} {
				if _, err := Dial(t.Context(), "http://"+user+g.addr+"/", o); !errors.As(err, &re) || re.Status != 401 || re.Method != "GET" {
					t.Errorf("%q: %v", user, err)
				}
			}
		})
	}
}

func TestDialFails(t *testing.T) {
	g := newGate(t, Config{Routes: []Route{{Prefix: "/a", Backend: "rtsp://127.0.0.1:1"}}})
	o := &DialOptions{Reactor: g.r}
	var re *RefusedError
	if _, err := Dial(t.Context(), "http://"+g.addr+"/b", o); !errors.As(err, &re) || re.Status != 404 {
		t.Error(err)
	}
	if _, err := Dial(t.Context(), "http://"+g.addr+"/a", o); !errors.As(err, &re) || re.Status != 502 {
		t.Error(err)
	}
	for _, u := range []string{"rtsp://h/", "http:///x", "http://h/#f", "://"} {
		if _, err := Dial(t.Context(), u, o); !errors.Is(err, ErrURL) {
			t.Errorf("%s: %v", u, err)
		}
	}
	silent := newCamera(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := Dial(ctx, "http://"+silent.addr+"/", o); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// A server that refuses the POST ends the tunnel, and says why.
func TestDialPostIsRefused(t *testing.T) {
	srv := newCamera(t)
	go func() {
		get := <-srv.conns
		io.WriteString(get, "HTTP/1.0 200 OK\r\n\r\n")
		post := <-srv.conns
		io.WriteString(post, "HTTP/1.0 409 Conflict\r\n\r\n")
	}()
	g := newGate(t, Config{})
	c, err := Dial(t.Context(), "http://"+srv.addr+"/", &DialOptions{Reactor: g.r})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	var re *RefusedError
	if _, err := c.Read(make([]byte, 1)); !errors.As(err, &re) || re.Method != "POST" || re.Status != 409 {
		t.Error(err)
	}
}

// A proxy that cuts a POST: the next Write opens another.
func TestDialPostIsCut(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	c, err := Dial(t.Context(), "http://"+g.addr+"/", &DialOptions{Reactor: g.r})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	conn := cam.next(t)
	h := c.(*httpConn)
	for range 5 {
		io.WriteString(c, describe(1))
		expect(t, conn, describe(1))
		h.current().Conn().Abort(nil)
		wait(t, "the POST is gone", func() bool {
			_, err := h.current().Read(make([]byte, 1))
			return err != nil
		})
	}
}

var _ net.Conn = (*httpConn)(nil)
