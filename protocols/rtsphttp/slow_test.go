package rtsphttp

import (
	"io"
	"net"
	"strings"
	"testing"
)

// A viewer that stops reading is dropped when its queue is full. Its camera is never blocked, and others do not notice.
func TestSlowViewerIsDropped(t *testing.T) {
	cam := newCamera(t)
	cfg := one(cam)
	cfg.MaxQueued = 1 << 20
	g := newGate(t, cfg)
	slow, _, slowCam := tunnel(t, g, cam, "slow")
	good, _, goodCam := tunnel(t, g, cam, "good")
	slow.Conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	media := strings.Repeat(frame(0, strings.Repeat("m", 1396)), 100)
	for { // the camera writes until its connection ends: it never blocks for long
		if _, err := io.WriteString(slowCam, media); err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Fatal("the camera was blocked")
			}
			break
		}
	}
	g.ended(t, "slow_viewer", 1)
	go io.WriteString(goodCam, media)
	expect(t, good.r, media)
}

// PauseCamera takes no more from the camera than the viewer does.
func TestPauseCamera(t *testing.T) {
	cam := newCamera(t)
	cfg := one(cam)
	cfg.PauseCamera = true
	g := newGate(t, cfg)
	get, _, c := tunnel(t, g, cam, "c")
	const total = 32 << 20
	go func() {
		media := []byte(strings.Repeat(frame(0, strings.Repeat("m", 1396)), 100))
		for sent := 0; sent < total; sent += len(media) {
			if _, err := c.Write(media); err != nil {
				return
			}
		}
	}()
	wait(t, "the queue fills", func() bool { return g.Stats().Queued > 128<<10 }) // of HighWater an engine may hold a part
	if q := g.Stats().Queued; q > 512<<10 {
		t.Errorf("%d bytes queued", q)
	}
	if n, err := io.CopyN(io.Discard, get.r, total); err != nil {
		t.Fatalf("after %d bytes: %v", n, err)
	}
}

// A viewer that sends more than its camera takes is not read from.
func TestCameraThatDoesNotRead(t *testing.T) {
	cam := newCamera(t)
	cfg := one(cam)
	cfg.ReplyTimeout = -1
	g := newGate(t, cfg)
	_, post, c := tunnel(t, g, cam, "c")
	const n = 10000
	text := describe(1) + frame(1, strings.Repeat("r", 1000))
	go io.WriteString(post, strings.Repeat(enc(text), n))
	wait(t, "the camera's buffers fill", func() bool {
		before := g.Stats().Up
		<-tick()
		return before > 1<<20 && g.Stats().Up == before
	})
	if up := g.Stats().Up; up == n*uint64(len(text)) {
		t.Log("the kernel took it all")
	}
	if got, err := io.CopyN(io.Discard, c, n*int64(len(text))); err != nil {
		t.Fatalf("after %d bytes: %v", got, err)
	}
}
