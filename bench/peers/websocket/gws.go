package main

import (
	"net"
	"net/http"

	"github.com/lxzan/gws"
)

// gwsEcho and gwsRoom are gws's event handlers.
type gwsEcho struct{ gws.BuiltinEventHandler }

func (gwsEcho) OnPing(c *gws.Conn, p []byte) { _ = c.WritePong(p) }

func (gwsEcho) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	_ = c.WriteMessage(m.Opcode, m.Bytes())
}

type gwsRoom struct {
	gws.BuiltinEventHandler
	room room[*gws.Conn]
}

func (r *gwsRoom) OnOpen(c *gws.Conn)           { r.room.join(c) }
func (r *gwsRoom) OnClose(c *gws.Conn, _ error) { r.room.leave(c) }

func (r *gwsRoom) OnMessage(_ *gws.Conn, m *gws.Message) {
	defer m.Close()
	b := gws.NewBroadcaster(m.Opcode, m.Bytes())
	defer b.Close()
	r.room.each(func(c *gws.Conn) { _ = b.Broadcast(c) })
}

// serveGws uses gws's own server, its least memory.
func serveGws(addr string, deflate bool) error {
	o := &gws.ServerOption{ReadMaxPayloadSize: maxMessage, WriteMaxPayloadSize: maxMessage}
	if deflate {
		o.PermessageDeflate = gws.PermessageDeflate{Enabled: true, Threshold: 256}
	}
	s := gws.NewServer(gwsEcho{}, o)
	echo, cast := s.GetUpgrader(), gws.NewUpgrader(&gwsRoom{}, o)
	s.OnRequest = func(nc net.Conn, br *bufioReader, r *http.Request) {
		up := echo
		if r.URL.Path == "/broadcast" {
			up = cast
		}
		c, err := up.UpgradeFromConn(nc, br, r)
		if err != nil {
			return
		}
		c.ReadLoop()
	}
	return s.Run(addr)
}
