package nats_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// tiny is as much of a NATS server as a broker needs, so that these tests run everywhere; those with the tag interop take a real one.
type tiny struct {
	addr string

	mu    sync.Mutex
	ln    net.Listener
	conns map[*tinyConn]bool
	wg    sync.WaitGroup
}

type tinyConn struct {
	nc     net.Conn
	w      sync.Mutex
	subs   map[string]string // subject by sid; guarded by tiny.mu
	noEcho bool
}

func newTiny(t *testing.T) *tiny {
	s := &tiny{addr: "127.0.0.1:0"}
	s.start(t)
	t.Cleanup(s.kill)
	return s
}

func (s *tiny) url() string { return "nats://" + s.addr }

// start listens, at the same address as before.
func (s *tiny) start(t *testing.T) {
	t.Helper()
	ln, err := net.Listen("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addr, s.ln, s.conns = ln.Addr().String(), ln, map[*tinyConn]bool{}
	s.wg.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			c := &tinyConn{nc: nc, subs: map[string]string{}}
			s.mu.Lock()
			s.conns[c] = true
			s.mu.Unlock()
			s.wg.Go(func() { s.serve(c) })
		}
	})
}

// kill ends it with all connections.
func (s *tiny) kill() {
	s.mu.Lock()
	s.ln.Close()
	for c := range s.conns {
		c.nc.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

func (s *tiny) serve(c *tinyConn) {
	defer func() {
		c.nc.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	c.write(`INFO {"server_id":"T","version":"2.10.0","proto":1,"max_payload":1048576,"headers":true}` + "\r\n")
	r := bufio.NewReader(c.nc)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		switch strings.ToUpper(f[0]) {
		case "CONNECT":
			var o struct{ Echo *bool }
			json.Unmarshal([]byte(strings.TrimPrefix(line, "CONNECT ")), &o)
			c.noEcho = o.Echo != nil && !*o.Echo
		case "PING":
			c.write("PONG\r\n")
		case "SUB":
			s.mu.Lock()
			c.subs[f[len(f)-1]] = f[1]
			s.mu.Unlock()
		case "UNSUB":
			s.mu.Lock()
			delete(c.subs, f[1])
			s.mu.Unlock()
		case "PUB":
			n, err := strconv.Atoi(f[len(f)-1])
			p := make([]byte, n+2)
			if _, rerr := io.ReadFull(r, p); err != nil || rerr != nil {
				return
			}
			s.publish(c, f[1], p)
		}
	}
}

func (s *tiny) publish(from *tinyConn, subject string, p []byte) {
	s.mu.Lock()
	type place struct {
		c   *tinyConn
		sid string
	}
	var to []place
	for c := range s.conns {
		for sid, subj := range c.subs {
			if subj == subject && (c != from || !c.noEcho) {
				to = append(to, place{c, sid})
			}
		}
	}
	s.mu.Unlock()
	for _, t := range to {
		t.c.write(fmt.Sprintf("MSG %s %s %d\r\n%s", subject, t.sid, len(p)-2, p))
	}
}

func (c *tinyConn) write(text string) {
	c.w.Lock()
	defer c.w.Unlock()
	io.WriteString(c.nc, text)
}
