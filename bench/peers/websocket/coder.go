package main

import (
	"context"
	"net/http"

	"github.com/coder/websocket"
)

// serveCoder uses coder/websocket over net/http.
func serveCoder(addr string, deflate bool) error {
	o := &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled}
	if deflate {
		o.CompressionMode = websocket.CompressionContextTakeover
		o.CompressionThreshold = 256
	}
	var cast room[*websocket.Conn]
	serve := func(w http.ResponseWriter, r *http.Request, on func(*websocket.Conn, websocket.MessageType, []byte) error) {
		c, err := websocket.Accept(w, r, o)
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(maxMessage)
		if r.URL.Path == "/broadcast" {
			cast.join(c)
			defer cast.leave(c)
		}
		for err == nil {
			var op websocket.MessageType
			var p []byte
			if op, p, err = c.Read(context.Background()); err == nil {
				err = on(c, op, p)
			}
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		serve(w, r, func(c *websocket.Conn, op websocket.MessageType, p []byte) error {
			return c.Write(context.Background(), op, p)
		})
	})
	mux.HandleFunc("/broadcast", func(w http.ResponseWriter, r *http.Request) {
		serve(w, r, func(_ *websocket.Conn, op websocket.MessageType, p []byte) error {
			cast.each(func(c *websocket.Conn) { _ = c.Write(context.Background(), op, p) })
			return nil
		})
	})
	return http.ListenAndServe(addr, mux)
}
