package main

import (
	"net/http"
	"runtime"
	"time"

	"github.com/lesismal/nbio/logging"
	"github.com/lesismal/nbio/nbhttp"
	"github.com/lesismal/nbio/nbhttp/websocket"
)

// serveNbio uses nbio's engine, non-blocking, with the handlers on its pollers: its least memory and CPU.
func serveNbio(addr string, deflate bool) error {
	logging.SetLevel(logging.LevelNone)
	var cast room[*websocket.Conn]
	upgrader := func(onMessage func(*websocket.Conn, websocket.MessageType, []byte)) *websocket.Upgrader {
		u := websocket.NewUpgrader()
		u.KeepaliveTime = time.Hour
		u.MessageLengthLimit = maxMessage
		if deflate {
			u.EnableCompression(true)
		}
		u.OnMessage(onMessage)
		return u
	}
	echo := upgrader(func(c *websocket.Conn, op websocket.MessageType, p []byte) { _ = c.WriteMessage(op, p) })
	all := upgrader(func(_ *websocket.Conn, op websocket.MessageType, p []byte) {
		cast.each(func(c *websocket.Conn) { _ = c.WriteMessage(op, p) })
	})
	all.OnOpen(cast.join)
	all.OnClose(func(c *websocket.Conn, _ error) { cast.leave(c) })
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) { _, _ = echo.Upgrade(w, r, nil) })
	mux.HandleFunc("/broadcast", func(w http.ResponseWriter, r *http.Request) { _, _ = all.Upgrade(w, r, nil) })
	engine := nbhttp.NewEngine(nbhttp.Config{
		Network: "tcp", Addrs: []string{addr}, NPoller: runtime.GOMAXPROCS(0), KeepaliveTime: time.Hour,
		ReleaseWebsocketPayload: true, Handler: mux, ServerExecutor: func(f func()) { f() },
	})
	if err := engine.Start(); err != nil {
		return err
	}
	select {}
}
