package rtsphttp

import (
	"bytes"
	"encoding/base64"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// inMemory serves a gateway with a camera, all in memory: call it in a bubble of synctest.
func inMemory(t testing.TB, c Config) (g *Gateway, gate, cam *reactortest.Listener) {
	t.Helper()
	cam = reactortest.Listen()
	gate = reactortest.Listen()
	c.Routes = []Route{{Backend: "rtsp://" + cam.Addr().String()}}
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	r := reactortest.New(t, reactor.Config{Loops: 2})
	if _, err := r.Listen(gate, &http1.Server{Handler: g, MaxBodyBytes: -1}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cam.Close() })
	return g, gate, cam
}

// play sends pieces, each once the one before has been dealt with.
func play(t testing.TB, c net.Conn, pieces [][]byte) {
	t.Helper()
	for _, p := range pieces {
		if _, err := c.Write(p); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
	}
}

// drain reads what is there.
func drain(c net.Conn) string {
	c.SetReadDeadline(time.Now().Add(time.Millisecond)) // of the bubble: once nothing else happens
	b, _ := io.ReadAll(c)
	c.SetReadDeadline(time.Time{})
	return string(b)
}

// TestReplay plays what ffmpeg, GStreamer and gortsplib have sent to a gateway, whole, byte by byte, and cut in two at every place: the
// camera gets the same each time.
func TestReplay(t *testing.T) {
	gets, err := filepath.Glob("testdata/captures/*.get")
	if err != nil || len(gets) < 3 {
		t.Fatal("no captures:", err)
	}
	for _, name := range gets {
		get, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		post, err := os.ReadFile(strings.TrimSuffix(name, ".get") + ".post")
		if err != nil {
			t.Fatal(err)
		}
		_, body, _ := bytes.Cut(post, []byte("\r\n\r\n"))
		want := decodeAll(t, body)
		if n := strings.Count(want, " RTSP/1.0\r\n"); n < 4 {
			t.Fatalf("%s: %d requests", name, n)
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			n := 0
			for how, pieces := range reactortest.Cuts(post) {
				if n++; testing.Short() && n > 100 {
					break
				}
				replay(t, "POST "+how, [][]byte{get}, pieces, want)
			}
			for how, pieces := range reactortest.Cuts(get) {
				replay(t, "GET "+how, pieces, [][]byte{post}, want)
			}
		})
	}
}

// decodeAll decodes a body by the library, quantum by quantum.
func decodeAll(t *testing.T, body []byte) string {
	t.Helper()
	var out []byte
	for len(body) >= 4 {
		p, err := base64.StdEncoding.DecodeString(string(body[:4]))
		if err != nil {
			t.Fatal(err)
		}
		out, body = append(out, p...), body[4:]
	}
	return string(out)
}

func replay(t *testing.T, how string, get, post [][]byte, want string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		_, gate, cam := inMemory(t, Config{})
		g, err := gate.Dial()
		if err != nil {
			t.Fatal(err)
		}
		defer g.Close()
		play(t, g, get)
		c, err := cam.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		synctest.Wait()
		if head := drain(g); !strings.HasPrefix(head, "HTTP/1.") || !strings.Contains(head, " 200 OK\r\n") {
			t.Fatalf("%s: GET: %q", how, head)
		}
		p, err := gate.Dial()
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		play(t, p, post)
		if got := drain(c); got != want {
			t.Fatalf("%s: the camera got %q; want %q", how, got, want)
		}
		c.Write([]byte(okText))
		synctest.Wait()
		if got := drain(g); got != okText {
			t.Fatalf("%s: the viewer got %q", how, got)
		}
	})
}
