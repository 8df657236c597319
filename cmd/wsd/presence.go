package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/hub"
)

const (
	// tellEvery bounds how often a room is told who is there, however many come and go.
	tellEvery = 100 * time.Millisecond
	// announceEvery is how often the other servers are told, and forgetAfter when one that is silent is forgotten.
	announceEvery = 5 * time.Second
	forgetAfter   = 16 * time.Second
	// maxNames bounds the names of a list; the number is always told.
	maxNames = 200
	// maxNodes bounds the other servers that are known for a room.
	maxNodes = 256
)

var errFull = errors.New("too many rooms")

// presence knows who is in which room, on this server and on the others. One goroutine tells the rooms.
type presence struct {
	node   string
	rooms  *hub.Hub
	who    *hub.Hub
	others bool // there are other servers

	mu    sync.Mutex
	in    map[string]*attendance
	dirty map[string]bool

	wake chan struct{}
	quit chan struct{}
	wg   sync.WaitGroup
	stop func() // listening to the others
}

// attendance is a room's.
type attendance struct {
	names  map[string]*client // here
	remote map[string]elsewhere
}

// elsewhere is who is in the room on another server.
type elsewhere struct {
	names []string
	at    time.Time
}

// announcement is what servers tell one another.
type announcement struct {
	Node  string   `json:"node"`
	Room  string   `json:"room"`
	Names []string `json:"names"`
}

func newPresence(rooms, who *hub.Hub, others bool) (*presence, error) {
	p := &presence{
		node: newID(), rooms: rooms, who: who, others: others, in: map[string]*attendance{}, dirty: map[string]bool{},
		wake: make(chan struct{}, 1), quit: make(chan struct{}),
	}
	if others {
		stop, err := rooms.Listen(presenceTopic, p.hear)
		if err != nil {
			return nil, err
		}
		p.stop = stop
	}
	p.wg.Go(p.run)
	return p, nil
}

func (p *presence) close() {
	close(p.quit)
	p.wg.Wait()
	if p.stop != nil {
		p.stop()
	}
}

// roomLocked finds a room's attendance, or makes it.
func (p *presence) roomLocked(room string) *attendance {
	a := p.in[room]
	if a == nil {
		if len(p.in) >= maxRooms {
			return nil
		}
		a = &attendance{names: map[string]*client{}, remote: map[string]elsewhere{}}
		p.in[room] = a
	}
	return a
}

// join enters a client under its name, or one like it if that is taken here. One that has the same key is the same person, whose
// connection before this one is closed.
func (p *presence) join(m *client, room, name, key string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.roomLocked(room)
	if a == nil {
		return "", errFull
	}
	free := name
	for n := 2; ; n++ {
		other := a.names[free]
		if other == nil {
			break
		}
		if key != "" && other.key == key {
			other.c.Close(codeReplaced, "joined again elsewhere")
			break
		}
		free = fmt.Sprintf("%s %d", name, n)
	}
	m.room, m.name, m.key = room, free, key
	a.names[free] = m
	p.changedLocked(room)
	return free, nil
}

// leave takes a client out, unless another connection has its place by now.
func (p *presence) leave(m *client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a := p.in[m.room]; a != nil && a.names[m.name] == m {
		delete(a.names, m.name)
		p.changedLocked(m.room)
	}
}

func (p *presence) changedLocked(room string) {
	p.dirty[room] = true
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// hear takes another server's announcement. It must not call the hub.
func (p *presence) hear(m hub.Message) {
	var a announcement
	if !m.Remote || json.Unmarshal(m.Data, &a) != nil || !roomName.MatchString(a.Room) || len(a.Node) > maxID || len(a.Names) > maxNames {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	room := p.roomLocked(a.Room)
	if room == nil {
		return
	}
	old, known := room.remote[a.Node]
	switch {
	case len(a.Names) == 0:
		delete(room.remote, a.Node)
	case known || len(room.remote) < maxNodes:
		room.remote[a.Node] = elsewhere{a.Names, time.Now()}
	}
	if !slices.Equal(old.names, a.Names) {
		p.changedLocked(a.Room)
	}
}

// run tells rooms whose attendance has changed, and the other servers from time to time.
func (p *presence) run() {
	announce := time.NewTicker(announceEvery)
	defer announce.Stop()
	for {
		all := false
		select {
		case <-p.quit:
			return
		case <-p.wake:
		case <-announce.C:
			all = p.others
			p.forget(time.Now())
		}
		p.tell(all)
		select {
		case <-p.quit:
			return
		case <-time.After(tellEvery):
		}
	}
}

// forget drops servers that are silent, and rooms without anybody.
func (p *presence) forget(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for room, a := range p.in {
		for node, e := range a.remote {
			if now.Sub(e.at) > forgetAfter {
				delete(a.remote, node)
				p.changedLocked(room)
			}
		}
		if len(a.names)+len(a.remote) == 0 && !p.dirty[room] {
			delete(p.in, room)
		}
	}
}

// tell sends what has changed to the rooms, and to the other servers; to those, all if it is time.
func (p *presence) tell(all bool) {
	p.mu.Lock()
	var out []outgoing
	var about []announcement
	for room, a := range p.in {
		if !p.dirty[room] && !(all && len(a.names) > 0) {
			continue
		}
		here := make([]string, 0, len(a.names))
		for name := range a.names {
			here = append(here, name)
		}
		slices.Sort(here)
		about = append(about, announcement{p.node, room, cut(here)})
		if !p.dirty[room] {
			continue
		}
		count := len(here)
		for _, e := range a.remote {
			here = append(here, e.names...)
			count += len(e.names)
		}
		slices.SortFunc(here, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
		out = append(out, outgoing{T: "who", Room: room, Names: cut(here), Count: count})
	}
	clear(p.dirty)
	p.mu.Unlock()
	for _, o := range out {
		if b, err := json.Marshal(o); err == nil {
			p.who.Publish(o.Room, websocket.Text, b)
		}
	}
	if !p.others {
		return
	}
	for _, a := range about {
		if b, err := json.Marshal(a); err == nil {
			p.rooms.Publish(presenceTopic, websocket.Text, b)
		}
	}
}

func cut(names []string) []string { return names[:min(len(names), maxNames):min(len(names), maxNames)] }
