package main

import (
	"bufio"
	"net"
	"net/http"
	"sync"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

type bufioReader = bufio.Reader

type gobwasConn struct {
	mu sync.Mutex
	c  net.Conn
}

// serveGobwas uses gobwas/ws over net/http; its compression has no context, and is left out.
func serveGobwas(addr string, _ bool) error {
	var cast room[*gobwasConn]
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		c, _, _, err := ws.UpgradeHTTP(r, w)
		if err != nil {
			return
		}
		defer c.Close()
		for {
			p, op, err := wsutil.ReadClientData(c)
			if err != nil || wsutil.WriteServerMessage(c, op, p) != nil {
				return
			}
		}
	})
	mux.HandleFunc("/broadcast", func(w http.ResponseWriter, r *http.Request) {
		c, _, _, err := ws.UpgradeHTTP(r, w)
		if err != nil {
			return
		}
		defer c.Close()
		g := &gobwasConn{c: c}
		cast.join(g)
		defer cast.leave(g)
		for {
			p, op, err := wsutil.ReadClientData(c)
			if err != nil {
				return
			}
			frame := ws.MustCompileFrame(ws.NewFrame(op, true, p))
			cast.each(func(g *gobwasConn) {
				g.mu.Lock()
				defer g.mu.Unlock()
				_, _ = g.c.Write(frame)
			})
		}
	})
	return http.ListenAndServe(addr, mux)
}
