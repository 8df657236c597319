package nats

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/calandria-go/calandria/protocols/websocket"
)

const sample = "01" + "02" + "0102030405060708" + "0000000a" + "00000000000000ff" + "6869"

func TestEnvelope(t *testing.T) {
	want, err := hex.DecodeString(sample)
	if err != nil {
		t.Fatal(err)
	}
	e := envelope{op: websocket.Binary, from: origin{[8]byte{1, 2, 3, 4, 5, 6, 7, 8}, 10}, seq: 255, data: []byte("hi")}
	if got := e.append(nil); !bytes.Equal(got, want) {
		t.Errorf("got %x; want %x", got, want)
	}
	back, err := parseEnvelope(want)
	if err != nil || back.op != e.op || back.from != e.from || back.seq != e.seq || string(back.data) != "hi" {
		t.Errorf("%+v, %v", back, err)
	}
	for n := range headSize {
		if _, err := parseEnvelope(want[:n]); err == nil {
			t.Errorf("%d bytes were taken", n)
		}
	}
	for i, v := range map[int]byte{0: 2, 1: 9} {
		bad := bytes.Clone(want)
		bad[i] = v
		if _, err := parseEnvelope(bad); err == nil {
			t.Errorf("byte %d as %d was taken", i, v)
		}
	}
	if _, err := parseEnvelope(make([]byte, headSize)); err == nil {
		t.Error("zeros were taken")
	}
}

func FuzzEnvelope(f *testing.F) {
	b, _ := hex.DecodeString(sample)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseEnvelope(b)
		if err == nil && !bytes.Equal(e.append(nil), b) {
			t.Errorf("%x is read as %x", b, e.append(nil))
		}
	})
}

// What the numbers of another hub say.
func TestJudge(t *testing.T) {
	a, b, c := origin{stream: 1}, origin{stream: 2}, origin{stream: 3}
	at := &topic{last: map[origin]uint64{}}
	for i, step := range []struct {
		from  origin
		seq   uint64
		lost  uint64
		fresh bool
	}{
		{a, 5, 0, true}, // the first that is seen
		{a, 6, 0, true},
		{a, 6, 0, false}, // again
		{a, 4, 0, false}, // late
		{a, 10, 3, true},
		{b, 1, 0, true},
		{b, 2, 0, true},
		{c, 9, 0, true}, // one of a and b is forgotten
	} {
		if lost, fresh := at.judge(step.from, step.seq, 2); lost != step.lost || fresh != step.fresh {
			t.Errorf("step %d: %d lost, fresh %v", i, lost, fresh)
		}
	}
	if len(at.last) != 2 {
		t.Errorf("%d are known", len(at.last))
	}
}

func TestSubject(t *testing.T) {
	b := &Broker{cfg: Config{Prefix: "p"}}
	for _, topic := range []string{"a", "room one", "a.b>*", "\x00\xff", "日本"} {
		s := b.subject(topic)
		if back, ok := b.name(s); !ok || back != topic {
			t.Errorf("%q: %q, %v", topic, s, ok)
		}
	}
	if _, ok := b.name("other.YQ"); ok {
		t.Error("a subject of others was taken")
	}
}
