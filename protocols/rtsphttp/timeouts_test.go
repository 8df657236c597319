package rtsphttp

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/reactor/reactortest"
)

// memTunnel opens a tunnel in memory, in a bubble.
func memTunnel(t *testing.T, gate, cam *reactortest.Listener, withPost bool) (get, post, c net.Conn) {
	t.Helper()
	dial := func(head string) net.Conn {
		h, err := gate.Dial()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Close() })
		play(t, h, [][]byte{[]byte(head)})
		return h
	}
	get = dial(getHead("/", "c"))
	c, err := cam.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	synctest.Wait()
	drain(get)
	if withPost {
		post = dial(postHead("/", "c"))
	}
	return get, post, c
}

// TestDefaultTimes: each time-out comes at its default, in the time of a bubble.
func TestDefaultTimes(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		want         time.Duration
		post         bool
		prepare      func(get, post, cam net.Conn)
	}{
		{"no POST comes", "pair_timeout", defaultPairTimeout, false, func(_, _, _ net.Conn) {}},
		{"nothing comes", "idle", defaultIdle, true, func(_, _, _ net.Conn) {}},
		{"the camera does not answer", "no_reply", defaultReplyTimeout, true, func(_, post, _ net.Conn) { io.WriteString(post, enc(optionsText)) }},
		{"no POST follows", "post_timeout", defaultPostLinger, true, func(_, post, _ net.Conn) { post.Close() }},
		{"no POST follows a TEARDOWN", "post_timeout", afterTeardown, true, func(_, post, cam net.Conn) {
			io.WriteString(post, enc("TEARDOWN rtsp://camera/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"))
			synctest.Wait()
			io.WriteString(cam, okText)
			synctest.Wait()
			post.Close()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, gate, cam := inMemory(t, Config{})
				get, post, conn := memTunnel(t, gate, cam, c.post)
				c.prepare(get, post, conn)
				began := time.Now()
				io.Copy(io.Discard, get) // until the tunnel ends
				if d := time.Since(began); d < c.want-100*time.Millisecond || d > c.want+100*time.Millisecond {
					t.Errorf("after %v; want %v", d, c.want)
				}
				synctest.Wait()
				if st := g.Stats(); st.Ended[c.reason] != 1 || st.Open != 0 || st.Pending != 0 {
					t.Errorf("%+v", st)
				}
			})
		})
	}
}

// Bytes either way keep a tunnel from being idle.
func TestMediaIsNotIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, gate, cam := inMemory(t, Config{})
		get, _, conn := memTunnel(t, gate, cam, true)
		for range 10 {
			<-time.After(defaultIdle * 9 / 10)
			io.WriteString(conn, frame(0, "media"))
			synctest.Wait()
			if got := drain(get); got != frame(0, "media") {
				t.Fatalf("%q", got)
			}
		}
		if g.Stats().Open != 1 {
			t.Error("the tunnel has ended")
		}
	})
}
