package rtsphttp

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestHijack tries to get into tunnels whose cookie is known, in every way but with their own address and in time: none may
// succeed, and the tunnel goes on.
func TestHijack(t *testing.T) {
	attempts := size(1500, 400, 100_000)
	cam := newCamera(t)
	cfg := one(cam)
	cfg.PostGrace = time.Millisecond
	cfg.MaxPendingPerIP = -1
	cfg.MaxPending = -1
	cfg.PairTimeout = 3 * time.Second
	cfg.MaxSpent = 2 * attempts
	cfg.IdleTimeout = -1
	g := newGate(t, cfg)
	get, post, c := tunnel(t, g, cam, "victim")
	io.WriteString(post, enc(optionsText))
	expect(t, c, optionsText)
	io.WriteString(c, okText)
	expect(t, get.r, okText)
	for _, c := range []net.Conn{get, post, c} { // all of it takes minutes
		c.SetDeadline(time.Time{})
	}
	expired := openGet(t, g.addr, "/", "expired")
	expiredCam := cam.next(t)
	expectEnd(t, expired.r, "")
	expectEnd(t, expiredCam, "")

	evil := enc("TEARDOWN rtsp://camera/ RTSP/1.0\r\nCSeq: 666\r\n\r\n")
	stranger := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 66)}}
	plain := net.Dialer{}
	attack := func(i int) error {
		d, head, refused := plain, "", true
		switch i % 5 {
		case 0: // another address
			d, head, refused = stranger, postHead("/", "victim")+evil, false
		case 1: // a second GET
			head = getHead("/", "victim")
		case 2: // a second POST
			head = postHead("/", "victim") + evil
		case 3: // after the deadline
			head = postHead("/", "expired") + evil
		case 4: // the GET's own connection
			head, refused = getHead("/", fmt.Sprint("own", i))+postHead("/", "victim")+evil, false
		}
		conn, err := d.Dial("tcp", g.addr)
		if err != nil {
			return err
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		if _, err := io.WriteString(conn, head); err != nil {
			return err
		}
		if !refused {
			return nil
		}
		b := make([]byte, 512)
		n, err := io.ReadAtLeast(conn, b, 12)
		if err != nil || !strings.HasPrefix(string(b[:n]), "HTTP/1.") || string(b[9:12]) != "409" {
			return fmt.Errorf("attempt %d: %q, %v", i, b[:n], err)
		}
		return nil
	}
	const parallel = 8
	errs := make(chan error, parallel)
	for w := range parallel {
		go func() {
			for i := w; i < attempts; i += parallel {
				if err := attack(i); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	var taken atomic.Int64
	go func() { // cameras of GETs of the attackers' own: nothing may come there but the end
		for conn := range cam.conns {
			go func() {
				if n, _ := io.Copy(io.Discard, conn); n > 0 {
					taken.Add(1)
				}
				conn.Close()
			}()
		}
	}()
	for range parallel {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := taken.Load(); n > 0 {
		t.Errorf("%d of %d attempts reached a camera", n, attempts)
	}
	for _, c := range []net.Conn{get, post, c} {
		c.SetDeadline(time.Now().Add(patience))
	}
	io.WriteString(post, enc(describe(2)))
	expect(t, c, describe(2))
	io.WriteString(c, okText)
	expect(t, get.r, okText)
}
