package peers

import (
	"bytes"
	"context"
	ctls "crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/rtsphttp"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/tls"
)

const patience = 30 * time.Second

func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) { // a process of its own, for the throughput
	case "firehose":
		firehoseRole()
		return
	case "gortsplib":
		gortsplibRole()
		return
	}
	reactortest.Main(m)
}

// gate is a gateway in front of two cameras: one that passes as it is, and at /locked one whose URLs and credentials the gateway has.
type gate struct {
	*rtsphttp.Gateway
	r             *reactor.Reactor
	plain, secure string
}

func newGate(t *testing.T) *gate {
	t.Helper()
	open, locked := newCamera(t, false), newCamera(t, true)
	g, err := rtsphttp.New(rtsphttp.Config{Routes: []rtsphttp.Route{
		{Backend: "rtsp://" + open.addr},
		{Prefix: "/locked", Backend: "rtsp://" + locked.addr + "/live", User: user, Password: password},
	}})
	if err != nil {
		t.Fatal(err)
	}
	r := reactortest.NewDefault(t, reactor.Config{Loops: 2})
	pair, err := tls.SelfSigned("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http1.Server{Handler: g, MaxBodyBytes: -1}
	listen := func(p reactor.Protocol) string {
		ln, err := tcp.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Listen(ln, p); err != nil {
			t.Fatal(err)
		}
		return ln.Addr().String()
	}
	return &gate{g, r, listen(srv), listen(&tls.Server{Config: &ctls.Config{Certificates: []ctls.Certificate{pair}}, Next: srv})}
}

// done checks that a viewer came by the gateway, and left nothing there.
func (g *gate) done(t *testing.T, before rtsphttp.Stats) {
	t.Helper()
	end := time.Now().Add(patience)
	for g.Stats().Open > 0 && time.Now().Before(end) {
		<-time.After(5 * time.Millisecond)
	}
	st := g.Stats()
	if st.Open != 0 || st.Pending != 0 || st.Opened == before.Opened || st.Down-before.Down < 20_000 {
		t.Errorf("%+v", st)
	}
}

// need skips where a program is missing.
func need(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed", name)
	}
}

func run(t *testing.T, name string, args ...string) (stdout, stderr string) {
	t.Helper()
	need(t, name)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String(), errs.String()
}

// TestViewers has each viewer decode the stream through a tunnel, over plain TCP and over TLS, by both routes.
func TestViewers(t *testing.T) {
	need(t, "ffmpeg")
	g := newGate(t)
	for _, secure := range []bool{false, true} {
		addr, kind := g.plain, "plain"
		if secure {
			addr, kind = g.secure, "TLS"
		}
		for _, path := range []string{"/test", "/locked/test"} {
			for _, v := range []struct {
				name string
				view func(t *testing.T, g *gate, addr, path string, secure bool)
			}{
				{"ffmpeg", ffmpeg},
				{"ffprobe", ffprobe},
				{"GStreamer", gstreamer},
				{"gortsplib HTTP", func(t *testing.T, g *gate, addr, path string, secure bool) {
					library(t, addr, path, secure, gortsplib.TunnelHTTP, nil)
				}},
				{"gortsplib WebSocket", func(t *testing.T, g *gate, addr, path string, secure bool) {
					if path != "/test" {
						t.Skip("this client asks for / whatever its path is, so the route cannot be chosen")
					}
					library(t, addr, path, secure, gortsplib.TunnelWebSocket, nil)
				}},
				{"Dial HTTP", func(t *testing.T, g *gate, addr, path string, secure bool) { dialed(t, g, addr, path, "http", secure) }},
				{"Dial WebSocket", func(t *testing.T, g *gate, addr, path string, secure bool) { dialed(t, g, addr, path, "ws", secure) }},
			} {
				t.Run(fmt.Sprintf("%s %s%s", v.name, kind, strings.ReplaceAll(path, "/", " ")), func(t *testing.T) {
					before := g.Stats()
					v.view(t, g, addr, path, secure)
					g.done(t, before)
				})
			}
		}
	}
}

func ffmpeg(t *testing.T, _ *gate, addr, path string, secure bool) {
	transport := map[bool]string{false: "http", true: "https"}[secure]
	out, errs := run(t, "ffmpeg", "-nostdin", "-v", "error", "-rtsp_transport", transport, "-i", "rtsp://"+addr+path,
		"-frames:v", "30", "-f", "framemd5", "-")
	if n := strings.Count(out, "\n0, "); n != 30 || errs != "" {
		t.Errorf("%d frames of 30; %s", n, errs)
	}
}

func ffprobe(t *testing.T, _ *gate, addr, path string, secure bool) {
	transport := map[bool]string{false: "http", true: "https"}[secure]
	out, errs := run(t, "ffprobe", "-v", "error", "-rtsp_transport", transport, "-show_entries", "stream=codec_name,width,height", "-of", "json", "rtsp://"+addr+path)
	var got struct {
		Streams []struct {
			Codec  string `json:"codec_name"`
			Width  int
			Height int
		}
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(got.Streams) != 1 || errs != "" {
		t.Fatalf("%s%s: %v", out, errs, err)
	}
	if s := got.Streams[0]; s.Codec != "h264" || s.Width != 320 || s.Height != 240 {
		t.Errorf("%+v", s)
	}
}

func gstreamer(t *testing.T, _ *gate, addr, path string, secure bool) {
	scheme := map[bool]string{false: "rtsph", true: "rtspsh"}[secure]
	run(t, "gst-launch-1.0", "-q", "rtspsrc", "location="+scheme+"://"+addr+path, "tls-validation-flags=0", "latency=0", "!", "rtph264depay", "!",
		"h264parse", "!", "openh264dec", "!", "fakesink", "num-buffers=30")
}

// dialed is gortsplib as if it spoke to the camera itself, over rtsphttp.Dial.
func dialed(t *testing.T, g *gate, addr, path, scheme string, secure bool) {
	if secure {
		scheme += "s"
	}
	library(t, addr, path, false, gortsplib.TunnelNone, func(ctx context.Context, _, _ string) (net.Conn, error) {
		return rtsphttp.Dial(ctx, scheme+"://"+addr+path, &rtsphttp.DialOptions{Reactor: g.r, TLS: &ctls.Config{InsecureSkipVerify: true}})
	})
}

// library is gortsplib's client: 30 pictures, nothing lost.
func library(t *testing.T, addr, path string, secure bool, tunnel gortsplib.Tunnel, dial func(ctx context.Context, network, addr string) (net.Conn, error)) {
	scheme := "rtsp"
	if secure {
		scheme = "rtsps"
	}
	u, err := base.ParseURL(scheme + "://" + addr + path)
	if err != nil {
		t.Fatal(err)
	}
	overTCP := gortsplib.ProtocolTCP
	c := &gortsplib.Client{
		Scheme: u.Scheme, Host: u.Host, Tunnel: tunnel, TLSConfig: &ctls.Config{InsecureSkipVerify: true}, DialContext: dial, Protocol: &overTCP,
		OnPacketsLost: func(n uint64) { t.Errorf("%d packets lost", n) },
		OnDecodeError: func(err error) { t.Error(err) },
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	desc, _, err := c.Describe(u)
	if err != nil {
		t.Fatal(err)
	}
	var h *format.H264
	media := desc.FindFormat(&h)
	if media == nil {
		t.Fatal(errNoMedia)
	}
	dec, err := h.CreateDecoder()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Setup(desc.BaseURL, media, 0, 0); err != nil {
		t.Fatal(err)
	}
	seen, n := make(chan struct{}), 0
	c.OnPacketRTP(media, h, func(p *rtp.Packet) {
		if au, err := dec.Decode(p); err == nil && len(au) > 0 {
			if n++; n == 30 {
				close(seen)
			}
		}
	})
	if _, err := c.Play(nil); err != nil {
		t.Fatal(err)
	}
	select {
	case <-seen:
	case <-time.After(patience):
		t.Error("30 pictures did not come")
	}
}
