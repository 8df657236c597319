package hub_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/hub"
	"github.com/calandria-go/calandria/reactor"
)

// What one who comes gets of the history: six messages, of which four are kept.
func TestSince(t *testing.T) {
	r := newReactor(t, reactor.Config{})
	h := newHub(t, hub.Config{History: 4})
	for i := 1; i <= 6; i++ {
		h.Publish("t", websocket.Text, fmt.Append(nil, i))
	}
	for _, tc := range []struct {
		name  string
		since hub.Since
		want  string
		gap   bool
	}{
		{"nothing", hub.Since{}, "", false},
		{"the last two", hub.Since{Last: 2}, "5 6", false},
		{"all", hub.Since{Last: -1}, "3 4 5 6", false},
		{"more than are kept", hub.Since{Last: 9}, "3 4 5 6", false},
		{"after one", hub.Since{Epoch: h.Epoch(), Seq: 4}, "5 6", false},
		{"up to date", hub.Since{Epoch: h.Epoch(), Seq: 6}, "", false},
		{"just kept", hub.Since{Epoch: h.Epoch(), Seq: 2}, "3 4 5 6", false},
		{"not kept", hub.Since{Epoch: h.Epoch(), Seq: 1}, "3 4 5 6", true},
		{"from the future", hub.Since{Epoch: h.Epoch(), Seq: 7}, "3 4 5 6", true},
		{"of another run", hub.Since{Epoch: "other", Seq: 5}, "3 4 5 6", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			type outcome struct {
				n   int
				gap bool
				seq uint64
			}
			done := make(chan outcome, 1)
			addr := serve(t, r, &websocket.Server{}, func(c *websocket.Conn) {
				s, err := h.Subscribe(c, "t", tc.since)
				if err != nil {
					t.Error(err)
				}
				n, gap := s.Replayed()
				c.Send(websocket.Text, []byte("end"))
				done <- outcome{n, gap, s.Seq()}
			})
			_, k := join(t, r, addr, nil)
			want := strings.Fields(tc.want + " end")
			if got := k.wait(t, len(want)); strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("got %q; want %q", got, want)
			}
			if o := <-done; o.n != len(want)-1 || o.gap != tc.gap || o.seq != 6 {
				t.Errorf("%+v", o)
			}
		})
	}
}

// The history is bounded in bytes, too, and in topics: the one that was not used for longest makes room, and topics in use never.
func TestHistoryBounds(t *testing.T) {
	h := newHub(t, hub.Config{HistoryBytes: 10, MaxTopics: 3})
	for _, s := range []string{"1234", "5678", "90", "a"} {
		h.Publish("a", websocket.Text, []byte(s))
	}
	if got := h.History("a"); len(got) != 3 || string(got[0].Data) != "5678" {
		t.Errorf("kept %v", got)
	}
	h.Publish("a", websocket.Text, []byte("more than ten"))
	if got := h.History("a"); len(got) != 0 {
		t.Errorf("kept %v", got)
	}
	stop, err := h.Listen("b", func(hub.Message) {})
	if err != nil {
		t.Fatal(err)
	}
	h.Publish("c", websocket.Text, nil)
	h.Publish("a", websocket.Text, []byte("x"))
	h.Publish("d", websocket.Text, nil)
	if _, ok := h.Topics()["c"]; ok || len(h.Topics()) != 3 {
		t.Errorf("topics %v", h.Topics())
	}
	for _, name := range []string{"a", "d"} {
		s, err := h.Listen(name, func(hub.Message) {})
		if err != nil {
			t.Fatal(err)
		}
		defer s()
	}
	if _, err := h.Publish("e", websocket.Text, nil); !errors.Is(err, hub.ErrTopics) {
		t.Error(err)
	}
	stop()
	if _, err := h.Publish("e", websocket.Text, nil); err != nil {
		t.Error(err)
	}
}

// A hub that gets the history of an earlier run goes on where that ended.
func TestRestore(t *testing.T) {
	first := newHub(t, hub.Config{Render: numbered})
	for i := range 3 {
		first.Publish("t", websocket.Text, fmt.Append(nil, i))
	}
	second := newHub(t, hub.Config{Render: numbered})
	if err := second.Restore(first.Epoch(), map[string][]hub.Message{"t": first.History("t")}); err != nil {
		t.Fatal(err)
	}
	if seq, err := second.Publish("t", websocket.Text, []byte("3")); seq != 4 || err != nil || second.Epoch() != first.Epoch() {
		t.Error(seq, err)
	}
	r := newReactor(t, reactor.Config{})
	addr := serve(t, r, &websocket.Server{}, func(c *websocket.Conn) {
		second.Subscribe(c, "t", hub.Since{Epoch: first.Epoch(), Seq: 2})
	})
	_, k := join(t, r, addr, nil)
	if got := k.wait(t, 2); got[0] != "3 2" || got[1] != "4 3" {
		t.Errorf("got %q", got)
	}
	if err := second.Restore("x", nil); err == nil {
		t.Error("a hub in use was restored")
	}
}
