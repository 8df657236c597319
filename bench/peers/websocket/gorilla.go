package main

import (
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
)

type gorillaConn struct {
	mu sync.Mutex
	c  *websocket.Conn
}

// serveGorilla uses gorilla/websocket over net/http.
func serveGorilla(addr string, deflate bool) error {
	up := websocket.Upgrader{EnableCompression: deflate}
	var cast room[*gorillaConn]
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		c.SetReadLimit(maxMessage)
		for {
			op, p, err := c.ReadMessage()
			if err != nil || c.WriteMessage(op, p) != nil {
				return
			}
		}
	})
	mux.HandleFunc("/broadcast", func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		g := &gorillaConn{c: c}
		cast.join(g)
		defer cast.leave(g)
		for {
			op, p, err := c.ReadMessage()
			if err != nil {
				return
			}
			m, err := websocket.NewPreparedMessage(op, p)
			if err != nil {
				return
			}
			cast.each(func(g *gorillaConn) {
				g.mu.Lock()
				defer g.mu.Unlock()
				_ = g.c.WritePreparedMessage(m)
			})
		}
	})
	return http.ListenAndServe(addr, mux)
}
