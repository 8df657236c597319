package nats_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/hub"
	"github.com/calandria-go/calandria/protocols/websocket/hub/nats"
)

const patience = 30 * time.Second

// server is a NATS server that can be killed and started again.
type server interface {
	url() string
	start(t *testing.T)
	kill()
}

// node is a hub behind a broker, and what it was told.
type node struct {
	t      *testing.T
	hub    *hub.Hub
	broker *nats.Broker

	mu      sync.Mutex
	got     []string // of topic "t"
	lost    uint64   // counted
	unknown int      // losses without a count
	up      bool
	change  chan struct{}
}

func newNode(t *testing.T, cfg nats.Config) *node {
	t.Helper()
	n := &node{t: t, change: make(chan struct{}, 1)}
	cfg.ReconnectMin, cfg.ReconnectMax = 10*time.Millisecond, 100*time.Millisecond
	var err error
	if n.broker, err = nats.New(cfg); err != nil {
		t.Fatal(err)
	}
	n.hub, err = hub.New(hub.Config{
		Broker: n.broker,
		OnLoss: func(l hub.Loss) {
			n.note(func() {
				if l.Topic == "t" {
					n.lost += l.Count
				}
				if l.Count == 0 {
					n.unknown++
				}
			})
		},
		OnBroker: func(up bool, err error) { n.note(func() { n.up = up }) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.hub.Close() })
	if _, err := n.hub.Listen("t", func(m hub.Message) { n.note(func() { n.got = append(n.got, string(m.Data)) }) }); err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *node) note(f func()) {
	n.mu.Lock()
	f()
	n.mu.Unlock()
	select {
	case n.change <- struct{}{}:
	default:
	}
}

// until waits for something that the node is told.
func (n *node) until(what string, ok func() bool) {
	n.t.Helper()
	limit := time.After(patience)
	for {
		n.mu.Lock()
		done := ok()
		n.mu.Unlock()
		if done {
			return
		}
		select {
		case <-n.change:
		case <-limit:
			n.mu.Lock()
			defer n.mu.Unlock()
			n.t.Fatalf("not within %v: %s; %d messages, %d lost, %d times unknown, up %v; %+v", patience, what, len(n.got), n.lost, n.unknown, n.up, n.broker.Stats())
		}
	}
}

func (n *node) say(text string) {
	n.t.Helper()
	if _, err := n.hub.Publish("t", websocket.Text, []byte(text)); err != nil {
		n.t.Errorf("publish %s: %v", text, err)
	}
}

// meet waits until what each of them publishes reaches the other: subscriptions take their time.
func meet(a, b *node) {
	a.t.Helper()
	for _, n := range []*node{a, b} {
		n.until("a connection", func() bool { return n.up })
	}
	ping := func(from, to *node, name string) {
		stop, got := make(chan struct{}), make(chan struct{}, 1)
		end, err := to.hub.Listen("meet", func(m hub.Message) {
			if m.Remote && string(m.Data) == name {
				select {
				case got <- struct{}{}:
				default:
				}
			}
		})
		if err != nil {
			a.t.Fatal(err)
		}
		defer end()
		var wg sync.WaitGroup
		wg.Go(func() {
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			for {
				from.hub.Publish("meet", websocket.Text, []byte(name))
				select {
				case <-tick.C:
				case <-stop:
					return
				}
			}
		})
		select {
		case <-got:
		case <-time.After(patience):
			a.t.Error("they do not meet")
		}
		close(stop)
		wg.Wait()
	}
	ping(a, b, "a")
	ping(b, a, "b")
}

// inOrder checks that the messages of each publisher are in order and there once, and counts them.
func inOrder(t *testing.T, got []string) map[int]int {
	t.Helper()
	last, count := map[int]int{}, map[int]int{}
	for _, m := range got {
		var p, i int
		if _, err := fmt.Sscanf(m, "%d %d", &p, &i); err != nil {
			t.Fatal(m, err)
		}
		if i <= last[p] {
			t.Errorf("publisher %d: %d after %d", p, i, last[p])
		}
		last[p] = i
		count[p]++
	}
	return count
}

func TestBroker(t *testing.T) { twoHubs(t, newTiny(t)) }

// twoHubs: what is published at one reaches the other once, in the order of each publisher; while the broker is away each hub
// goes on by itself; when it is back what was published meanwhile follows, and what does not come is counted.
func twoHubs(t *testing.T, s server) {
	a, b := newNode(t, nats.Config{URL: s.url()}), newNode(t, nats.Config{URL: s.url()})
	meet(a, b)
	const each = 500
	speak := func(n *node, publisher, from, to int) {
		for i := from; i <= to; i++ {
			n.say(fmt.Sprintf("%d %d", publisher, i))
		}
	}
	var wg sync.WaitGroup
	for p, n := range []*node{a, a, b, b} {
		wg.Go(func() { speak(n, p, 1, each) })
	}
	wg.Wait()
	for _, n := range []*node{a, b} {
		n.until("all messages", func() bool { return len(n.got) == 4*each })
		for p, c := range inOrder(t, n.got) {
			if c != each {
				t.Errorf("%d messages of publisher %d", c, p)
			}
		}
		if n.lost != 0 {
			t.Errorf("%d lost", n.lost)
		}
	}

	// Killed in the middle of publishes, and away for a while.
	for p, n := range []*node{a, b} {
		wg.Go(func() { speak(n, 2*p, each+1, 2*each) })
	}
	s.kill()
	wg.Wait()
	for _, n := range []*node{a, b} {
		n.until("the end of the connection", func() bool { return !n.up })
	}
	speak(a, 0, 2*each+1, 2*each+10) // for the own subscribers, and for later
	s.start(t)
	for _, n := range []*node{a, b} {
		n.until("the connection, and word of it", func() bool { return n.up && n.unknown == 1 })
	}
	meet(a, b)
	speak(a, 0, 2*each+11, 2*each+11) // shows what is missing before it
	speak(b, 2, 2*each+1, 2*each+1)
	for _, n := range []*node{a, b} {
		n.until("all messages but those that were lost", func() bool { return uint64(len(n.got))+n.lost == 6*each+12 })
		inOrder(t, n.got)
		if n.unknown != 1 {
			t.Errorf("told %d times that something may be missing", n.unknown)
		}
		st := n.broker.Stats()
		t.Logf("%d messages, %d lost: %+v", len(n.got), n.lost, st)
		if st.Reconnects != 1 || st.Duplicates != 0 || st.Lost < n.lost {
			t.Errorf("%+v", st)
		}
	}
}

// While the server is away what is published waits within its bound, and then Publish says so.
func TestQueueFull(t *testing.T) {
	n := newNode(t, nats.Config{URL: "nats://127.0.0.1:1", MaxQueue: 10})
	n.say("0123456789")
	_, err := n.hub.Publish("t", websocket.Text, []byte("x"))
	if !errors.Is(err, hub.ErrBroker) || !errors.Is(err, nats.ErrQueueFull) {
		t.Error(err)
	}
	if len(n.got) != 2 {
		t.Errorf("%d messages for the own subscribers", len(n.got))
	}
	if st := n.broker.Stats(); st.Refused != 1 || st.Queued != 10 {
		t.Errorf("%+v", st)
	}
}

func TestConfig(t *testing.T) {
	for _, cfg := range []nats.Config{{}, {URL: "nats://a", Prefix: "a.>"}, {URL: "nats://a", Prefix: "a."}} {
		if _, err := nats.New(cfg); err == nil {
			t.Errorf("%+v was taken", cfg)
		}
	}
	b, err := nats.New(nats.Config{URL: "nats://127.0.0.1:x y"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hub.New(hub.Config{Broker: b}); err == nil {
		t.Error("a bad URL was taken")
	}
}
