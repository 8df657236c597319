package main

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/hub"
)

const (
	// joinTime is how long a client may take to say who it is.
	joinTime = 10 * time.Second
	// burst is how many messages a client may say at once; then there is one more for each pace. One that is faster is not read from
	// until then.
	burst = 20
	pace  = 200 * time.Millisecond
	// codeReplaced closes a connection whose client has come back by another one.
	codeReplaced = 4001
)

// client is one connection's end of the chat. All of it runs on the connection's loop, but for what the presence reads.
type client struct {
	chat  *chat
	c     *websocket.Conn
	first *incoming // to be done when it opens

	room, name, key string // as of the last join; the presence's
	sub, who        *hub.Subscription
	allowed         int
	paused          bool
	refillAt        time.Duration
}

// OnOpen is part of websocket.Handler.
func (m *client) OnOpen(c *websocket.Conn) {
	m.c, m.allowed = c, burst
	if m.first != nil {
		m.join(m.first)
		return
	}
	c.Reactor().AfterFunc(joinTime, func() {
		if m.sub == nil {
			c.Close(websocket.PolicyViolation, "nobody joined")
		}
	})
}

// OnMessage is part of websocket.Handler.
func (m *client) OnMessage(c *websocket.Conn, op websocket.Opcode, p []byte) {
	if op != websocket.Text {
		c.Close(websocket.UnsupportedData, "text only")
		return
	}
	in, err := parseIncoming(p)
	if err != nil {
		m.fail("", err.Error())
		return
	}
	switch in.T {
	case "join":
		m.join(in)
	case "say":
		m.say(in)
	case "ping":
		m.send(outgoing{T: "pong"})
	default:
		m.fail(in.ID, "unknown message")
	}
}

// OnClose is part of websocket.Handler. The hub notices by itself.
func (m *client) OnClose(*websocket.Conn, error) { m.chat.presence.leave(m) }

// join enters a room: first its name and epoch, then what was missed, then the word that this was all.
func (m *client) join(in *incoming) {
	room, name, err := cleanJoin(in)
	if err != nil {
		m.fail("", err.Error())
		return
	}
	m.leave()
	name, err = m.chat.presence.join(m, room, name, in.Key)
	if err != nil {
		m.fail("", err.Error())
		return
	}
	epoch := m.chat.hub.Epoch()
	m.send(outgoing{T: "joined", Room: room, Name: name, Epoch: epoch})
	since := hub.Since{Last: -1}
	if in.Since != nil {
		since = hub.Since{Epoch: in.Since.Epoch, Seq: in.Since.Seq}
	}
	if m.sub, err = m.chat.hub.Subscribe(m.c, room, since); err == nil {
		m.who, err = m.chat.who.Subscribe(m.c, room, hub.Since{Last: 1})
	}
	if err != nil {
		m.leave()
		m.fail("", "cannot join: "+err.Error())
		return
	}
	n, gap := m.sub.Replayed()
	m.send(outgoing{T: "ready", Room: room, Seq: m.sub.Seq(), Count: n, Gap: gap})
}

// leave leaves the room.
func (m *client) leave() {
	m.chat.presence.leave(m)
	for _, s := range []*hub.Subscription{m.sub, m.who} {
		if s != nil {
			s.Close()
		}
	}
	m.sub, m.who = nil, nil
}

// say publishes a text. The one who says it gets it as the others do, by which it knows that it was said.
func (m *client) say(in *incoming) {
	if m.sub == nil {
		m.fail(in.ID, "join a room first")
		return
	}
	text, err := cleanText(in.Text)
	if err != nil {
		m.fail(in.ID, err.Error())
		return
	}
	m.spend()
	id := in.ID
	if id == "" {
		id = newID()
	}
	if m.chat.seen(m.room, id) {
		m.send(outgoing{T: "ack", ID: id})
		return
	}
	data, err := json.Marshal(said{ID: id, From: m.name, At: time.Now().UnixMilli(), Text: text})
	if err != nil {
		m.fail(id, err.Error())
		return
	}
	if _, err = m.chat.hub.Publish(m.room, websocket.Text, data); err != nil && !errors.Is(err, hub.ErrBroker) {
		m.fail(id, "not sent: "+err.Error())
	}
}

// spend pauses a client that says more than it may, so that nothing of it is lost and nobody else has to wait.
func (m *client) spend() {
	now := m.c.Reactor().Clock()
	if n := int((now - m.refillAt) / pace); n > 0 {
		m.allowed = min(m.allowed+n, burst)
		m.refillAt = now
	}
	m.allowed--
	if m.allowed > 0 || m.paused {
		return
	}
	m.paused = true
	m.c.Pause()
	m.c.Reactor().AfterFunc(pace, func() {
		m.paused = false
		m.c.Resume()
	})
}

func (m *client) fail(id, text string) { m.send(outgoing{T: "error", ID: id, Text: text}) }

func (m *client) send(o outgoing) {
	b, err := json.Marshal(o)
	if err == nil {
		m.c.Send(websocket.Text, b)
	}
}
