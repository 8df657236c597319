package main

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/hub"
	"github.com/calandria-go/calandria/protocols/websocket/hub/nats"
)

const (
	// roomHistory is how many messages a room keeps, and roomBytes how many bytes of them.
	roomHistory = 200
	roomBytes   = 256 << 10
	// maxRooms bounds the rooms; the one that was empty for longest makes room.
	maxRooms = 1000
	// presenceTopic is what the nodes of a chat tell one another who is there by. It is no name of a room.
	presenceTopic = "#presence"
)

// chat is the chat: an http1.Handler for its WebSockets.
type chat struct {
	log      *slog.Logger
	ws       *websocket.Server
	hub      *hub.Hub // the rooms
	who      *hub.Hub // who is in them: of this process, the latest only
	presence *presence
	journal  *journal // nil without one

	mu     sync.Mutex
	recent map[string]*recent // the ids of a room's latest messages
}

func newChat(o *options, ws *websocket.Server, log *slog.Logger) (*chat, error) {
	c := &chat{log: log, ws: ws, recent: map[string]*recent{}}
	cfg := hub.Config{History: roomHistory, HistoryBytes: roomBytes, MaxTopics: maxRooms + 1, MaxSubscriptions: 2, Render: c.render}
	if o.nats != "" {
		broker, err := nats.New(nats.Config{URL: o.nats, Prefix: "calandria.chat"})
		if err != nil {
			return nil, err
		}
		cfg.Broker = broker
		cfg.OnLoss = func(l hub.Loss) {
			log.Warn("messages of other servers are missing", "room", l.Topic, "from", l.From, "count", l.Count, "known", l.Count > 0)
		}
		cfg.OnBroker = func(up bool, err error) { log.Info("nats", "connected", up, "err", err) }
	}
	var err error
	if c.hub, err = hub.New(cfg); err != nil {
		return nil, err
	}
	if c.who, err = hub.New(hub.Config{History: 1, MaxTopics: maxRooms, Slow: websocket.Drop}); err != nil {
		return nil, err
	}
	c.openJournal(o)
	c.presence, err = newPresence(c.hub, c.who, o.nats != "")
	return c, err
}

// openJournal brings back the history of the run before, and keeps this one's. A file that cannot be used is no reason not to
// chat.
func (c *chat) openJournal(o *options) {
	name, err := o.historyFile()
	if name == "" && err == nil {
		return
	}
	var j *journal
	if err == nil {
		j, err = openJournal(name, c.hub, c.log)
	}
	if err != nil {
		c.log.Warn("history is kept in memory only", "err", err)
		return
	}
	c.log.Info("history", "file", name)
	c.journal = j
}

// render makes what clients get: the message with its number. The journal gets it here, too, in the order of the numbers.
func (c *chat) render(m hub.Message) []byte {
	if m.Topic == presenceTopic {
		return nil
	}
	if c.journal != nil { // not yet, while the history is brought back
		c.journal.add(m)
	}
	b := append(make([]byte, 0, len(m.Data)+80), `{"t":"msg","room":"`...) // the name of a room needs no escapes
	b = append(append(b, m.Topic...), `","seq":`...)
	b = strconv.AppendUint(b, m.Seq, 10)
	b = append(append(b, `,"m":`...), m.Data...)
	return append(b, '}')
}

// Handle is part of http1.Handler. With room and name in the query the client has joined when it connects.
func (c *chat) Handle(x *http1.Exchange) {
	q, err := url.ParseQuery(string(x.Request().RawQuery()))
	if err != nil {
		x.Respond(http.StatusBadRequest, "text/plain; charset=utf-8", []byte("bad query\n"))
		return
	}
	m := &client{chat: c}
	if q.Has("room") || q.Has("name") {
		m.first = &incoming{T: "join", Room: q.Get("room"), Name: q.Get("name")}
	}
	c.ws.Upgrade(x, m)
}

// close ends what runs beside the connections, which are gone.
func (c *chat) close() error {
	if c.presence != nil {
		c.presence.close()
	}
	if c.journal != nil {
		c.journal.close()
	}
	return errors.Join(c.hub.Close(), c.who.Close())
}

// recent knows the ids of a room's latest messages, so that one that a client sends again is not said twice.
type recent struct {
	ids   map[string]bool
	order []string
}

// seen says whether an id was there before, and keeps it.
func (c *chat) seen(room, id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.recent[room]
	if r == nil {
		if len(c.recent) > maxRooms {
			clear(c.recent) // they are made again from the history
		}
		r = &recent{ids: map[string]bool{}}
		for _, m := range c.hub.History(room) {
			r.add(saidID(m.Data))
		}
		c.recent[room] = r
	}
	return !r.add(id)
}

// add keeps an id; false if it was there.
func (r *recent) add(id string) bool {
	if r.ids[id] {
		return false
	}
	r.ids[id] = true
	r.order = append(r.order, id)
	if len(r.order) > 2*roomHistory {
		delete(r.ids, r.order[0])
		r.order = r.order[1:]
	}
	return true
}
