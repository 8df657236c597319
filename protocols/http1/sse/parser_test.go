package sse_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/sse"
)

// parse feeds pieces, and gives the events.
func parse(t testing.TB, p *sse.Parser, pieces ...string) []sse.Event {
	t.Helper()
	var all []sse.Event
	for _, b := range pieces {
		if err := p.Feed([]byte(b), func(e sse.Event) { all = append(all, e) }); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// The examples of the HTML standard, sections 9.2.4 and 9.2.6, and what is around them.
var streams = []struct {
	in   string
	want []sse.Event
	id   string
}{
	{"data: This is the first message.\n\ndata: This is the second\ndata: of two lines.\n\n", []sse.Event{
		{Data: "This is the first message."}, {Data: "This is the second\nof two lines."},
	}, ""},
	{"data: YHOO\ndata: +2\ndata: 10\n\n", []sse.Event{{Data: "YHOO\n+2\n10"}}, ""},
	{": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n", []sse.Event{
		{Data: "first event", ID: "1"}, {Data: "second event"}, {Data: " third event"},
	}, ""},
	{"data\n\ndata\ndata\n\ndata:", []sse.Event{{Data: ""}, {Data: "\n"}}, ""},
	{"data:test\n\ndata: test\n\n", []sse.Event{{Data: "test"}, {Data: "test"}}, ""},
	{"event: add\ndata: 1\n\nevent: gone\n\ndata: 2\n\n", []sse.Event{{Name: "add", Data: "1"}, {Data: "2"}}, ""},
	{"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", []sse.Event{{Data: "a"}}, ""}, // one mark, at the start
	{"data: a\r\rdata: b\r\n\r\ndata: c\n\r\n", []sse.Event{{Data: "a"}, {Data: "b"}, {Data: "c"}}, ""},
	{"id: 7\n\n", nil, "7"},
	{"id: a\x00b\ndata: x\n\n", []sse.Event{{Data: "x"}}, ""},
	{"id: 1\ndata: x\n\ndata: y\n\n", []sse.Event{{ID: "1", Data: "x"}, {ID: "1", Data: "y"}}, "1"},
	{"id: 1\ndata: not complete\n", nil, ""},
	{"retry: 1500\ndata: a\n\nretry: x\nretry: -1\ndata: b\n\n", []sse.Event{{Data: "a", Retry: 1500 * time.Millisecond}, {Data: "b"}}, ""},
	{"unknown: x\nDATA: x\n data: x\ndata : x\ndata: a:b\n\n", []sse.Event{{Data: "a:b"}}, ""},
	{"data: \xff\n\n", []sse.Event{{Data: "\ufffd"}}, ""},
}

func TestParser(t *testing.T) {
	for _, tt := range streams {
		for cut := range len(tt.in) + 1 {
			var p sse.Parser
			if got := parse(t, &p, tt.in[:cut], tt.in[cut:]); !reflect.DeepEqual(got, tt.want) || p.LastEventID() != tt.id {
				t.Fatalf("%q cut at %d: %+v, last ID %q", tt.in, cut, got, p.LastEventID())
			}
		}
		var p sse.Parser
		if got := parse(t, &p, strings.Split(tt.in, "")...); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q byte by byte: %+v", tt.in, got)
		}
	}
	var p sse.Parser
	parse(t, &p, "retry: 2000\n")
	if p.Retry() != 2*time.Second {
		t.Error(p.Retry())
	}
}

func TestParserLimits(t *testing.T) {
	for _, in := range []string{"data: " + strings.Repeat("x", 100), strings.Repeat("data: 12345678\n", 20)} {
		p := sse.Parser{MaxEvent: 64}
		err := p.Feed([]byte(in), func(sse.Event) {})
		if !errors.Is(err, sse.ErrTooLarge) || !errors.Is(p.Feed([]byte("\n"), nil), sse.ErrTooLarge) {
			t.Errorf("%.20q: %v", in, err)
		}
	}
	p := sse.Parser{MaxEvent: 64}
	if n := len(parse(t, &p, strings.Repeat("data: "+strings.Repeat("x", 50)+"\n\n", 100))); n != 100 {
		t.Errorf("%d events", n)
	}
}

func TestAppend(t *testing.T) {
	for _, tt := range []struct {
		e    sse.Event
		want string
		err  error
	}{
		{sse.Event{}, "\n", nil},
		{sse.Event{Data: "a"}, "data: a\n\n", nil},
		{sse.Event{ID: "1", Name: "n", Data: "a\nb\r\nc\rd\n", Retry: 1}, "event: n\nid: 1\nretry: 1\ndata: a\ndata: b\ndata: c\ndata: d\ndata: \n\n", nil},
		{sse.Event{Data: "a\n\nevent: evil\nid: 9"}, "data: a\ndata: \ndata: event: evil\ndata: id: 9\n\n", nil},
		{sse.Event{ID: "1\ndata: x"}, "", sse.ErrID},
		{sse.Event{ID: "1\r"}, "", sse.ErrID},
		{sse.Event{ID: "\x00"}, "", sse.ErrID},
		{sse.Event{Name: "n\n\ndata: x"}, "", sse.ErrName},
		{sse.Event{Name: "\r"}, "", sse.ErrName},
		{sse.Event{Retry: -1}, "", sse.ErrRetry},
	} {
		got, err := tt.e.Append(nil)
		if string(got) != tt.want || err != tt.err {
			t.Errorf("%+v: %q, %v", tt.e, got, err)
		}
	}
	if got := sse.AppendComment(nil, "a\ndata: b"); string(got) != ": a\n: data: b\n\n" {
		t.Errorf("%q", got)
	}
}

// FuzzParser: cuts make no difference, and what is sent comes out as it was.
func FuzzParser(f *testing.F) {
	for _, tt := range streams {
		f.Add(tt.in, 3, "1", "name")
	}
	f.Fuzz(func(t *testing.T, in string, cut int, id, name string) {
		whole := sse.Parser{MaxEvent: 1 << 10}
		var want []sse.Event
		werr := whole.Feed([]byte(in), func(e sse.Event) { want = append(want, e) })
		cut = min(max(cut, 0), len(in))
		p := sse.Parser{MaxEvent: 1 << 10}
		var got []sse.Event
		err := p.Feed([]byte(in[:cut]), func(e sse.Event) { got = append(got, e) })
		if err == nil {
			err = p.Feed([]byte(in[cut:]), func(e sse.Event) { got = append(got, e) })
		}
		if err != werr || !reflect.DeepEqual(got, want) || p.LastEventID() != whole.LastEventID() {
			t.Fatalf("%q at %d: %+v, %v; whole: %+v, %v", in, cut, got, err, want, werr)
		}
		e := sse.Event{ID: id, Name: name, Data: in}
		b, err := e.Append(nil)
		if err != nil || in == "" {
			return
		}
		var back sse.Parser
		events := parse(t, &back, string(b))
		e.Data = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(in)
		for _, s := range []*string{&e.ID, &e.Name, &e.Data} {
			*s = strings.ToValidUTF8(*s, "\ufffd")
		}
		if len(events) == 1 && strings.Contains(events[0].Data, "\ufffd") {
			return // runs of what is not UTF-8 are replaced line by line
		}
		if len(events) != 1 || events[0] != e {
			t.Fatalf("%+v came back as %+v", e, events)
		}
	})
}
