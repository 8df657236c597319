package hub_test

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/hub"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
)

// numbered puts a message's number in front of it.
func numbered(m hub.Message) []byte { return fmt.Appendf(nil, "%d %s", m.Seq, m.Data) }

func parse(t *testing.T, s string) (seq uint64, rest string) {
	t.Helper()
	n, rest, _ := strings.Cut(s, " ")
	seq, err := strconv.ParseUint(n, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return seq, rest
}

// Several publishers at once: every subscriber, compressing or not, gets all messages once, in the topic's order, and those of
// each publisher in its own.
func TestOrder(t *testing.T) {
	const publishers = 4
	each := size(300, 60, 3000)
	r := newReactor(t, reactor.Config{})
	h := newHub(t, hub.Config{Render: numbered, MaxPending: -1, MaxUnsent: -1})
	pack := &websocket.Deflate{Deflate: wire.Deflate{ServerMaxWindowBits: 10}, MinBytes: -1}
	addr := serve(t, r, &websocket.Server{Config: websocket.Config{Deflate: pack, MaxQueue: -1}}, func(c *websocket.Conn) {
		if _, err := h.Subscribe(c, "news", hub.Since{}); err != nil {
			t.Error(err)
		}
	})
	var all []*collector
	for i := range 24 {
		d := pack
		if i%2 == 0 {
			d = nil
		}
		_, k := join(t, r, addr, d)
		all = append(all, k)
	}
	eventually(t, "all are there", func() bool { return h.Count("news") == len(all) })
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			for i := range each {
				if _, err := h.Publish("news", websocket.Text, fmt.Appendf(nil, "%d %d %s", p, i, strings.Repeat("x", i%700))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, k := range all {
		next := [publishers]int{}
		for i, m := range k.wait(t, publishers*each) {
			seq, rest := parse(t, m)
			var p, n int
			fmt.Sscanf(rest, "%d %d", &p, &n)
			if seq != uint64(i)+1 || n != next[p] {
				t.Fatalf("message %d has number %d and is the %d. of publisher %d; want %d", i, seq, n, p, next[p])
			}
			next[p]++
		}
	}
	if s := h.Stats(); s.Published != publishers*uint64(each) || s.Delivered != s.Published*uint64(len(all)) || s.Pending != 0 || s.Subscriptions != len(all) {
		t.Errorf("stats %+v", s)
	}
}

// Subscribers that come and go in the middle of publishes, on loops that send in turns, see no gap and nothing twice.
func TestComeAndGo(t *testing.T) {
	r := newReactor(t, reactor.Config{Loops: 1})
	h := newHub(t, hub.Config{Render: numbered, MaxPending: -1, History: 4})
	addr := serve(t, r, &websocket.Server{}, func(c *websocket.Conn) {
		if _, err := h.Subscribe(c, "t", hub.Since{Last: 2}); err != nil {
			t.Error(err)
		}
	})
	for range size(520, 60, 1500) { // more than one turn of a loop
		join(t, r, addr, nil)
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				h.Publish("t", websocket.Binary, []byte("m"))
				eventually(t, "room", func() bool { return h.Stats().Pending < 8 })
			}
		}
	}()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range size(8, 4, 400) {
				c, k := join(t, r, addr, nil)
				got := k.wait(t, 6)
				first, _ := parse(t, got[0])
				for i, m := range got {
					if seq, _ := parse(t, m); seq != first+uint64(i) {
						t.Errorf("after %d messages from %d on came %d", i, first, seq)
						break
					}
				}
				c.Close(websocket.NormalClosure, "")
			}
		})
	}
	wg.Wait()
	close(stop)
	<-done
}

// A message is framed once, whoever gets it: subscribers hold the same bytes.
func TestPublishOnLoop(t *testing.T) {
	r := newReactor(t, reactor.Config{})
	h := newHub(t, hub.Config{})
	addr := serve(t, r, &websocket.Server{}, func(c *websocket.Conn) {
		if _, err := h.Subscribe(c, "t", hub.Since{}); err != nil {
			t.Error(err)
		}
		if seq, err := h.Publish("t", websocket.Text, []byte("hello")); err != nil || seq == 0 { // from the loop itself
			t.Error(seq, err)
		}
	})
	_, first := join(t, r, addr, nil)
	first.wait(t, 1)
	_, second := join(t, r, addr, nil)
	if got := append(first.wait(t, 2), second.wait(t, 1)...); strings.Join(got, " ") != "hello hello hello" {
		t.Errorf("got %q", got)
	}
}

// Unsubscribing ends what is sent, and a topic that nobody wants and that has no history is gone.
func TestUnsubscribe(t *testing.T) {
	r := newReactor(t, reactor.Config{})
	h := newHub(t, hub.Config{History: -1, MaxSubscriptions: 2})
	subs := make(chan *hub.Subscription, 1)
	addr := serve(t, r, &websocket.Server{}, func(c *websocket.Conn) {
		s, err := h.Subscribe(c, "a", hub.Since{})
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := h.Subscribe(c, "a", hub.Since{}); !errors.Is(err, hub.ErrSubscribed) {
			t.Error("twice:", err)
		}
		if _, err := h.Subscribe(c, "b", hub.Since{}); err != nil {
			t.Error(err)
		}
		if _, err := h.Subscribe(c, "c", hub.Since{}); !errors.Is(err, hub.ErrSubscriptions) {
			t.Error("a third:", err)
		}
		s.Close()
		s.Close()
		if s.Topic() != "a" {
			t.Error(s.Topic())
		}
		subs <- s
	})
	c, k := join(t, r, addr, nil)
	<-subs
	h.Publish("a", websocket.Text, []byte("for nobody"))
	h.Publish("b", websocket.Text, []byte("for us"))
	if got := k.wait(t, 1); got[0] != "for us" {
		t.Errorf("got %q", got)
	}
	c.Close(websocket.NormalClosure, "")
	k.waitEnd(t)
	eventually(t, "the topics are gone", func() bool { s := h.Stats(); return s.Subscriptions == 0 && len(h.Topics()) <= 1 })
}

func TestRefused(t *testing.T) {
	h := newHub(t, hub.Config{MaxTopicBytes: 5})
	for name, call := range map[string]func() error{
		"no name":   func() error { _, err := h.Publish("", websocket.Text, nil); return err },
		"long name": func() error { _, err := h.Publish("123456", websocket.Text, nil); return err },
		"listen":    func() error { _, err := h.Listen("", func(hub.Message) {}); return err },
	} {
		if err := call(); !errors.Is(err, hub.ErrTopic) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.Publish("a", 9, nil); !errors.Is(err, hub.ErrOpcode) {
		t.Error(err)
	}
	h.Close()
	if _, err := h.Publish("a", websocket.Text, nil); !errors.Is(err, hub.ErrClosed) {
		t.Error(err)
	}
}

// Publish copies: what the caller does with its slice afterwards is its own affair.
func TestPublishCopies(t *testing.T) {
	h := newHub(t, hub.Config{})
	p := []byte("before")
	h.Publish("a", websocket.Text, p)
	copy(p, "AFTER!")
	if got := h.History("a"); len(got) != 1 || !bytes.Equal(got[0].Data, []byte("before")) {
		t.Errorf("history %v", got)
	}
}
