package peers

import (
	"bytes"
	"errors"
	"os/exec"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

const (
	user, password = "admin", "secret"
	fps            = 25
)

// camera is gortsplib's server with a stream of H.264: two seconds of ffmpeg's test picture, again and again.
type camera struct {
	addr   string
	server *gortsplib.Server
	stream *gortsplib.ServerStream
	locked bool // it asks for user and password
	ended  chan struct{}
	quit   chan struct{}
}

// pictures has ffmpeg make the stream: every picture can be decoded by itself, so that viewers may come at any time.
func pictures(t testing.TB) (all [][][]byte, sps, pps []byte) {
	t.Helper()
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25", "-t", "2", "-pix_fmt", "yuv420p",
		"-c:v", "libx264", "-profile:v", "baseline", "-tune", "zerolatency", "-x264-params", "slices=1:keyint=1:threads=1", "-f", "h264", "-").Output()
	if err != nil {
		t.Fatalf("ffmpeg makes no H.264: %v", err)
	}
	for u := range bytes.SplitSeq(out, []byte{0, 0, 1}) {
		if u = bytes.TrimRight(u, "\x00"); len(u) == 0 {
			continue
		}
		switch h264.NALUType(u[0] & 0x1f) {
		case h264.NALUTypeSPS:
			sps = u
		case h264.NALUTypePPS:
			pps = u
		case h264.NALUTypeIDR, h264.NALUTypeNonIDR:
			all = append(all, [][]byte{u})
		}
	}
	if len(all) != 2*fps || sps == nil || pps == nil {
		t.Fatalf("%d pictures", len(all))
	}
	return all, sps, pps
}

func newCamera(t testing.TB, locked bool) *camera {
	t.Helper()
	all, sps, pps := pictures(t)
	c := &camera{locked: locked, ended: make(chan struct{}), quit: make(chan struct{})}
	c.server = &gortsplib.Server{Handler: c, RTSPAddress: "127.0.0.1:0"}
	if err := c.server.Start(); err != nil {
		t.Fatal(err)
	}
	c.addr = c.server.NetListener().Addr().String()
	h := &format.H264{PayloadTyp: 96, PacketizationMode: 1, SPS: sps, PPS: pps}
	media := &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{h}}
	c.stream = &gortsplib.ServerStream{Server: c.server, Desc: &description.Session{Medias: []*description.Media{media}}}
	if err := c.stream.Initialize(); err != nil {
		t.Fatal(err)
	}
	enc, err := h.CreateEncoder()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.ended)
		tick := time.NewTicker(time.Second / fps)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-c.quit:
				return
			case <-tick.C:
			}
			packets, err := enc.Encode(all[n%len(all)])
			if err != nil {
				return
			}
			for _, p := range packets {
				p.Timestamp = uint32(n * 90000 / fps)
				c.stream.WritePacketRTP(media, p)
			}
		}
	}()
	t.Cleanup(func() {
		close(c.quit)
		<-c.ended
		c.stream.Close()
		c.server.Close()
	})
	return c
}

func (c *camera) refuses(conn *gortsplib.ServerConn, r *base.Request) bool {
	return c.locked && !conn.VerifyCredentials(r, user, password)
}

// OnDescribe is part of gortsplib's handler.
func (c *camera) OnDescribe(x *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if c.refuses(x.Conn, x.Request) {
		return &base.Response{StatusCode: base.StatusUnauthorized}, nil, liberrors.ErrServerAuth{}
	}
	return &base.Response{StatusCode: base.StatusOK}, c.stream, nil
}

// OnSetup is part of gortsplib's handler.
func (c *camera) OnSetup(x *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if c.refuses(x.Conn, x.Request) {
		return &base.Response{StatusCode: base.StatusUnauthorized}, nil, liberrors.ErrServerAuth{}
	}
	return &base.Response{StatusCode: base.StatusOK}, c.stream, nil
}

// OnPlay is part of gortsplib's handler.
func (c *camera) OnPlay(*gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	return &base.Response{StatusCode: base.StatusOK}, nil
}

var errNoMedia = errors.New("no H.264 in the description")
