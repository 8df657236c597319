package rtsphttp

import (
	"bufio"
	"context"
	ctls "crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"

	"github.com/calandria-go/calandria/transports/tls"
)

func TestCameraRefuses(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	g := newGate(t, Config{Routes: []Route{{Backend: "rtsp://" + ln.Addr().String()}}})
	for range 2 { // the cookie may be used again
		if line, _ := dialHalf(t, g.addr, getHead("/", "c")).answer(t); !strings.HasSuffix(line, "502 Bad Gateway") {
			t.Error(line)
		}
	}
	if st := g.Stats(); st.Refused["camera_refused"] != 2 || st.Open != 0 || st.Pending != 0 {
		t.Errorf("%+v", st)
	}
}

// A camera that takes the connection and then says nothing: here, to the TLS handshake.
func TestCameraStalls(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, Config{Routes: []Route{{Backend: "rtsps://" + cam.addr}}, DialTimeout: 50 * time.Millisecond})
	post := dialHalf(t, g.addr, postHead("/", "c"))
	if line, _ := dialHalf(t, g.addr, getHead("/", "c")).answer(t); !strings.HasSuffix(line, "504 Gateway Timeout") {
		t.Error(line)
	}
	io.Copy(io.Discard, cam.next(t))
	expectEnd(t, post.r, "")
	wait(t, "nothing is left", func() bool { st := g.Stats(); return st.Open == 0 && st.Pending == 0 })
}

func TestViewerLeavesWhileTheCameraIsDialed(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, Config{Routes: []Route{{Backend: "rtsps://" + cam.addr}}, DialTimeout: patience})
	h := dialHalf(t, g.addr, getHead("/", "c"))
	c := cam.next(t)
	h.Conn.(*net.TCPConn).SetLinger(0)
	h.Close()
	wait(t, "nothing is left", func() bool { st := g.Stats(); return st.Pending == 0 })
	io.Copy(io.Discard, c)
}

// A camera that does not answer: the viewer is told in RTSP.
func TestCameraDoesNotReply(t *testing.T) {
	cam := newCamera(t)
	cfg := one(cam)
	cfg.ReplyTimeout = 50 * time.Millisecond
	g := newGate(t, cfg)
	get, post, c := tunnel(t, g, cam, "c")
	io.WriteString(post, enc(optionsText))
	expect(t, c, optionsText)
	expectEnd(t, get.r, "RTSP/1.0 504 Gateway Time-out\r\n\r\n")
	g.ended(t, "no_reply", 1)
}

func TestIdleTunnel(t *testing.T) {
	cam := newCamera(t)
	cfg := one(cam)
	cfg.IdleTimeout = 50 * time.Millisecond
	g := newGate(t, cfg)
	get, _, c := tunnel(t, g, cam, "c")
	expectEnd(t, get.r, "")
	expectEnd(t, c, "")
	g.ended(t, "idle", 1)
}

type fakeResolver map[string][]netip.Addr

func (f fakeResolver) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if all := f[host]; all != nil {
		return all, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

func TestCameraByName(t *testing.T) {
	cam := newCamera(t)
	_, port, _ := net.SplitHostPort(cam.addr)
	g := newGate(t, Config{
		Routes: []Route{{Prefix: "/a", Backend: "rtsp://cam.test:" + port}, {Backend: "rtsp://nowhere.test"}},
		// The first address refuses: nothing listens there.
		Resolver: fakeResolver{"cam.test": {netip.MustParseAddr("127.0.0.9"), netip.MustParseAddr("127.0.0.1")}},
	})
	get := openGet(t, g.addr, "/a", "c")
	io.WriteString(cam.next(t), okText)
	expect(t, get.r, okText)
	if line, _ := dialHalf(t, g.addr, getHead("/", "d")).answer(t); !strings.HasSuffix(line, "502 Bad Gateway") {
		t.Error(line)
	}
}

func TestCameraOverTLS(t *testing.T) {
	pair, err := tls.SelfSigned("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := x509.ParseCertificate(pair.Certificate[0])
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	cam := newCamera(t)
	g := newGate(t, Config{Routes: []Route{
		{Backend: "rtsps://" + cam.addr, TLS: &ctls.Config{RootCAs: pool}},
		{Prefix: "/strict", Backend: "rtsps://" + cam.addr},
	}})
	serve := func() <-chan net.Conn {
		out := make(chan net.Conn, 1)
		go func() {
			c := ctls.Server(<-cam.conns, &ctls.Config{Certificates: []ctls.Certificate{pair}})
			c.Handshake()
			out <- c
		}()
		return out
	}
	secured := serve()
	get := openGet(t, g.addr, "/", "c")
	c := <-secured
	dialHalf(t, g.addr, postHead("/", "c")+enc(optionsText))
	expect(t, c, optionsText)
	io.WriteString(c, okText+frame(0, strings.Repeat("x", 40000)))
	expect(t, get.r, okText+frame(0, strings.Repeat("x", 40000)))

	serve()
	if line, _ := dialHalf(t, g.addr, getHead("/strict", "d")).answer(t); !strings.HasSuffix(line, "502 Bad Gateway") {
		t.Error("a certificate that nobody vouches for:", line)
	}
}

// passwordCamera asks for credentials, as cameras do, and answers what it is asked with the URL that it was asked for.
func passwordCamera(t *testing.T, c net.Conn, challenges func(n int) []string, ok func(method, uri, auth string) bool) {
	r := textproto.NewReader(bufio.NewReader(c))
	for n := 0; ; n++ {
		line, err := r.ReadLine()
		if err != nil {
			return
		}
		h, err := r.ReadMIMEHeader()
		if err != nil {
			return
		}
		f := strings.Fields(line)
		if ok(f[0], f[1], h.Get("Authorization")) {
			body := "v=0\r\na=control:" + f[1] + "/t1\r\n"
			fmt.Fprintf(c, "RTSP/1.0 200 OK\r\nCSeq: %s\r\nContent-Base: %s/\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", h.Get("CSeq"), f[1], len(body), body)
			continue
		}
		fmt.Fprintf(c, "RTSP/1.0 401 Unauthorized\r\nCSeq: %s\r\n", h.Get("CSeq"))
		for _, ch := range challenges(n) {
			fmt.Fprintf(c, "WWW-Authenticate: %s\r\n", ch)
		}
		io.WriteString(c, "\r\n")
	}
}

func TestCameraCredentials(t *testing.T) {
	verify := func(nonces map[string]bool) func(method, uri, auth string) bool {
		return func(method, uri, auth string) bool {
			if v, ok := strings.CutPrefix(auth, "Basic "); ok {
				b, _ := base64.StdEncoding.DecodeString(v)
				return string(b) == "admin:secret" && len(nonces) == 0
			}
			cred, err := digest.ParseCredentials(auth)
			if err != nil || !nonces[cred.Nonce] || cred.URI != uri {
				return false
			}
			ch := &digest.Challenge{Realm: cred.Realm, Nonce: cred.Nonce, Algorithm: cred.Algorithm, Opaque: cred.Opaque}
			if cred.QOP != "" {
				ch.QOP = []string{cred.QOP}
			}
			want, _ := digest.Digest(ch, digest.Options{Method: method, URI: uri, Count: cred.Nc, Cnonce: cred.Cnonce, Username: "admin", Password: "secret"})
			return want.Response == cred.Response
		}
	}
	for _, c := range []struct {
		name, user string
		challenges func(n int) []string
		ok         func(method, uri, auth string) bool
		status     string
	}{
		{"Basic", "admin:secret", func(int) []string { return []string{`Basic realm="cam"`} }, verify(nil), "200 OK"},
		{"Digest without qop, as most cameras have it", "admin:secret", func(int) []string { return []string{`Digest realm="cam", nonce="n1"`, `Basic realm="cam"`} }, verify(map[string]bool{"n1": true}), "200 OK"},
		{"Digest", "admin:secret", func(int) []string {
			return []string{`Digest realm="cam", nonce="n1", qop="auth"`, `Digest realm="cam", nonce="n2", qop="auth", algorithm=SHA-256`}
		}, verify(map[string]bool{"n2": true}), "200 OK"},
		{"stale nonce", "admin:secret", func(n int) []string {
			if n == 0 {
				return []string{`Digest realm="cam", nonce="old"`}
			}
			return []string{`Digest realm="cam", nonce="new", stale=true`}
		}, verify(map[string]bool{"new": true}), "200 OK"},
		{"wrong password", "admin:wrong", func(int) []string { return []string{`Digest realm="cam", nonce="n1"`} }, verify(map[string]bool{"n1": true}), "502 Bad Gateway"},
		{"unknown scheme", "admin:secret", func(int) []string { return []string{`Negotiate x`} }, verify(map[string]bool{"n1": true}), "502 Bad Gateway"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cam := newCamera(t)
			g := newGate(t, Config{Routes: []Route{{Prefix: "/cam", Backend: "rtsp://" + c.user + "@" + cam.addr + "/live"}}})
			get := openGet(t, g.addr, "/cam", "c")
			conn := cam.next(t)
			go passwordCamera(t, conn, c.challenges, c.ok)
			post := dialHalf(t, g.addr, postHead("/cam", "c"))
			for n := 5; n < 9; n++ {
				io.WriteString(post, enc(fmt.Sprintf("DESCRIBE rtsp://gate:1/cam/x RTSP/1.0\r\nCSeq: %d\r\nAuthorization: Basic viewer\r\n\r\n", n)))
				line, h := get.answer(t)
				if line != "RTSP/1.0 "+c.status || h.Get("CSeq") != fmt.Sprint(n) || h.Get("WWW-Authenticate") != "" {
					t.Fatalf("%d: %s, %v", n, line, h)
				}
				if strings.HasPrefix(c.status, "200") {
					if h.Get("Content-Base") != "rtsp://gate:1/cam/x/" {
						t.Errorf("%v", h)
					}
					expect(t, get.r, "v=0\r\na=control:rtsp://gate:1/cam/x/t1\r\n")
				}
			}
		})
	}
}
