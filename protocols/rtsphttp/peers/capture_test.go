package peers

import (
	"bytes"
	"flag"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/bluenviron/gortsplib/v5"
)

var capture = flag.String("capture", "", "folder to write what the viewers send to, for the replays of package rtsphttp")

// recorder is a TCP proxy that keeps what clients send, by connection.
type recorder struct {
	ln   net.Listener
	to   string
	wg   sync.WaitGroup
	mu   sync.Mutex
	sent []*bytes.Buffer
}

func (r *recorder) serve() {
	for {
		c, err := r.ln.Accept()
		if err != nil {
			return
		}
		up, err := net.Dial("tcp", r.to)
		if err != nil {
			c.Close()
			continue
		}
		b := &bytes.Buffer{}
		r.mu.Lock()
		r.sent = append(r.sent, b)
		r.mu.Unlock()
		r.wg.Add(2)
		go func() {
			defer r.wg.Done()
			io.Copy(io.MultiWriter(up, b), c)
			up.(*net.TCPConn).CloseWrite()
		}()
		go func() {
			defer r.wg.Done()
			io.Copy(c, up)
			c.Close()
			up.Close()
		}()
	}
}

// TestCapture writes what each viewer sends on its GET and on its POST.
func TestCapture(t *testing.T) {
	if *capture == "" {
		t.Skip("writes files: go test -run Capture -capture DIR")
	}
	g := newGate(t)
	for name, view := range map[string]func(t *testing.T, addr string){
		"ffmpeg":    func(t *testing.T, addr string) { ffmpeg(t, g, addr, "/test", false) },
		"gstreamer": func(t *testing.T, addr string) { gstreamer(t, g, addr, "/test", false) },
		"gortsplib": func(t *testing.T, addr string) { library(t, addr, "/test", false, gortsplib.TunnelHTTP, nil) },
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		r := &recorder{ln: ln, to: g.plain}
		ended := make(chan struct{})
		go func() { r.serve(); close(ended) }()
		view(t, ln.Addr().String())
		ln.Close()
		<-ended
		r.wg.Wait()
		for _, b := range r.sent {
			file := name + ".get"
			if bytes.HasPrefix(b.Bytes(), []byte("POST ")) {
				file = name + ".post"
			}
			text := bytes.ReplaceAll(b.Bytes(), []byte(ln.Addr().String()), []byte("127.0.0.1:8554"))
			if err := os.WriteFile(filepath.Join(*capture, file), text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
