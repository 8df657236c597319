package rtsphttp

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

func TestPostBeforeGet(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	post := dialHalf(t, g.addr, postHead("/", "c")+enc(describe(1)))
	wait(t, "the POST waits", func() bool { return g.Stats().Pending == 1 })
	io.WriteString(post, enc(describe(2)))
	get := openGet(t, g.addr, "/", "c")
	c := cam.next(t)
	expect(t, c, describe(1)+describe(2))
	io.WriteString(c, okText)
	expect(t, get.r, okText)
}

// A POST that has ended when its GET comes: what it brought counts.
func TestPostThatEndsBeforeGet(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	post := dialHalf(t, g.addr, postHead("/", "c")+enc(describe(1)))
	wait(t, "the POST waits", func() bool { return g.Stats().Pending == 1 })
	post.Close()
	get := openGet(t, g.addr, "/", "c")
	c := cam.next(t)
	expect(t, c, describe(1))
	dialHalf(t, g.addr, postHead("/", "c")+enc(describe(2)))
	expect(t, c, describe(2))
	io.WriteString(c, okText)
	expect(t, get.r, okText)
}

// Proxies cut a POST at its Content-Length, so clients open another: as often as it takes.
func TestPostIsReopened(t *testing.T) {
	cam := newCamera(t)
	cfg := one(cam)
	cfg.PostGrace = patience
	g := newGate(t, cfg)
	get := openGet(t, g.addr, "/", "c")
	c := cam.next(t)
	for i := range 40 {
		post := dialHalf(t, g.addr, postHead("/", "c")+enc(describe(i)))
		if i%2 == 0 {
			expect(t, c, describe(i))
			post.Close()
			continue
		}
		post.Close() // at once: the next may overtake its end
		expect(t, c, describe(i))
	}
	io.WriteString(c, okText)
	expect(t, get.r, okText)
	if st := g.Stats(); st.Open != 1 || len(st.Refused) > 0 {
		t.Errorf("%+v", st)
	}
}

// A message may begin on one POST and end on the next.
func TestMessageOverTwoPosts(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	_, post, c := tunnel(t, g, cam, "c")
	io.WriteString(post, enc(describe(1)+describe(2)[:30]))
	expect(t, c, describe(1))
	post.Close()
	dialHalf(t, g.addr, postHead("/", "c")+enc(describe(2)[30:]))
	expect(t, c, describe(2))
}

// A second POST while there is one: it waits for the other's end, for PostGrace.
func TestSecondPost(t *testing.T) {
	cam := newCamera(t)
	cfg := one(cam)
	cfg.PostGrace = 50 * time.Millisecond
	g := newGate(t, cfg)
	get, post, c := tunnel(t, g, cam, "c")
	io.WriteString(post, enc(optionsText))
	expect(t, c, optionsText)
	second := dialHalf(t, g.addr, postHead("/", "c")+enc("TEARDOWN rtsp://camera/ RTSP/1.0\r\nCSeq: 9\r\n\r\n"))
	if line, _ := second.answer(t); !strings.HasSuffix(line, "409 Conflict") {
		t.Error(line)
	}
	io.WriteString(post, enc(describe(2)))
	expect(t, c, describe(2))
	io.WriteString(c, okText)
	expect(t, get.r, okText)
}

func TestSecondPostTakesOver(t *testing.T) {
	cam := newCamera(t)
	cfg := one(cam)
	cfg.PostGrace = patience
	g := newGate(t, cfg)
	_, post, c := tunnel(t, g, cam, "c")
	io.WriteString(post, enc(optionsText))
	expect(t, c, optionsText)
	for range 2 { // one waits, one is refused
		dialHalf(t, g.addr, postHead("/", "c")+enc(describe(2)))
	}
	wait(t, "one of two is refused", func() bool { return g.Stats().Refused["second_post"] == 1 })
	post.Close()
	expect(t, c, describe(2))
}

func TestSecondGet(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	get, post, c := tunnel(t, g, cam, "c")
	for range 3 {
		second := dialHalf(t, g.addr, getHead("/", "c"))
		if line, _ := second.answer(t); !strings.HasSuffix(line, "409 Conflict") {
			t.Error(line)
		}
	}
	io.WriteString(post, enc(optionsText))
	expect(t, c, optionsText)
	io.WriteString(c, okText)
	expect(t, get.r, okText)
}

func TestCookieIsSingleUse(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	get := openGet(t, g.addr, "/", "c")
	cam.next(t)
	get.Close()
	g.ended(t, "viewer_gone", 1)
	for _, head := range []string{getHead("/", "c"), postHead("/", "c")} {
		if line, _ := dialHalf(t, g.addr, head).answer(t); !strings.HasSuffix(line, "409 Conflict") {
			t.Error(line)
		}
	}
}

// GET and POST on one connection: the POST is not HTTP any more, and the tunnel waits for another.
func TestGetAndPostOnOneConnection(t *testing.T) {
	cam := newCamera(t)
	g := newGate(t, one(cam))
	h := dialHalf(t, g.addr, getHead("/", "c")+postHead("/", "c")+enc(describe(1)))
	h.answer(t)
	c := cam.next(t)
	if st := g.Stats(); st.Pending != 1 {
		t.Errorf("%+v", st)
	}
	dialHalf(t, g.addr, postHead("/", "c")+enc(optionsText))
	expect(t, c, optionsText)
}

func TestPostLinger(t *testing.T) {
	cam := newCamera(t)
	cfg := one(cam)
	cfg.PostLinger = 20 * time.Millisecond
	g := newGate(t, cfg)
	get, post, c := tunnel(t, g, cam, "c")
	io.WriteString(post, enc(optionsText))
	expect(t, c, optionsText)
	post.Close()
	expectEnd(t, get.r, "")
	expectEnd(t, c, "")
	g.ended(t, "post_timeout", 1)
}

func TestPairTimeout(t *testing.T) {
	cam := newCamera(t)
	cfg := one(cam)
	cfg.PairTimeout = 50 * time.Millisecond
	g := newGate(t, cfg)
	get := openGet(t, g.addr, "/", "get")
	expectEnd(t, get.r, "")
	post := dialHalf(t, g.addr, postHead("/", "post"))
	if line, _ := post.answer(t); line != "HTTP/1.0 408 Request Timeout" {
		t.Error(line)
	}
	g.ended(t, "pair_timeout", 1)
	if st := g.Stats(); st.Pending != 0 || st.Open != 0 {
		t.Errorf("%+v", st)
	}
	if line, _ := dialHalf(t, g.addr, postHead("/", "get")).answer(t); !strings.HasSuffix(line, "409 Conflict") {
		t.Error(line)
	}
}

func TestPendingLimits(t *testing.T) {
	cam := newCamera(t)
	cfg := one(cam)
	cfg.MaxPendingPerIP = 3
	g := newGate(t, cfg)
	for i := range 3 {
		dialHalf(t, g.addr, postHead("/", fmt.Sprint("c", i)))
	}
	wait(t, "three wait", func() bool { return g.Stats().Pending == 3 })
	h := dialHalf(t, g.addr, getHead("/", "more"))
	if line, fields := h.answer(t); !strings.HasSuffix(line, "503 Service Unavailable") || fields.Get("Retry-After") == "" {
		t.Error(line, fields)
	}
	openGet(t, g.addr, "/", "c0") // which one of those waits for
	if st := g.Stats(); st.Pending != 2 {
		t.Errorf("%+v", st)
	}
	openGet(t, g.addr, "/", "more")
}

func TestSessionLimit(t *testing.T) {
	cam := newCamera(t)
	cfg := one(cam)
	cfg.MaxSessions = 2
	g := newGate(t, cfg)
	tunnel(t, g, cam, "a")
	get, _, _ := tunnel(t, g, cam, "b")
	if line, _ := dialHalf(t, g.addr, getHead("/", "c")).answer(t); !strings.HasSuffix(line, "503 Service Unavailable") {
		t.Error(line)
	}
	get.Close()
	g.ended(t, "viewer_gone", 1)
	openGet(t, g.addr, "/", "c")
}
