package rest

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

var frameFixtures = []struct {
	name  string
	bytes string
	f     frame
}{
	{
		"request", "\x01\x01\x05\x90\x4e\x04POST\x02/a\x01\x01A\x01bbody",
		frame{kind: kindRequest, flags: flagEnd, id: 5, timeout: 10_000, method: "POST", target: "/a", fields: []field{{"A", "b"}}, data: []byte("body")},
	},
	{
		"request to no answer", "\x01\x05\x01\x00\x03GET\x01*\x00",
		frame{kind: kindRequest, flags: flagEnd | flagNoAnswer, id: 1, method: "GET", target: "*"},
	},
	{
		"response", "\x02\x02\xac\x02\xc8\x01\x01\x01A\x00hi",
		frame{kind: kindResponse, flags: flagAnswer, id: 300, status: 200, fields: []field{{"A", ""}}, data: []byte("hi")},
	},
	{"data", "\x03\x00\x01xyz", frame{kind: kindData, id: 1, data: []byte("xyz")}},
	{"end of an answer", "\x03\x03\x01", frame{kind: kindData, flags: flagEnd | flagAnswer, id: 1}},
	{"window", "\x04\x02\x01\x80\x80\x02", frame{kind: kindWindow, flags: flagAnswer, id: 1, n: 32768}},
	{"cancel", "\x05\x00\x01\x02late", frame{kind: kindCancel, id: 1, n: cancelDeadline, data: []byte("late")}},
	{"go away", "\x06\x00\x00", frame{kind: kindGoAway}},
}

func TestFrames(t *testing.T) {
	lim := Config{}.withDefaults()
	for _, x := range frameFixtures {
		if got := x.f.append(nil); string(got) != x.bytes {
			t.Errorf("%s: rendered as %q; want %q", x.name, got, x.bytes)
		}
		got, err := parseFrame([]byte(x.bytes), &lim)
		if len(got.data) == 0 {
			got.data = nil
		}
		if err != nil || !reflect.DeepEqual(got, x.f) {
			t.Errorf("%s: read as %+v, %v", x.name, got, err)
		}
		head := len(x.bytes) - len(x.f.data)
		for n := range head {
			var v violation
			if _, err := parseFrame([]byte(x.bytes[:n]), &lim); !errors.As(err, &v) {
				t.Errorf("%s: its first %d bytes were taken", x.name, n)
			}
		}
	}
}

func FuzzFrame(f *testing.F) {
	lim := Config{}.withDefaults()
	for _, x := range frameFixtures {
		f.Add([]byte(x.bytes))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fr, err := parseFrame(b, &lim)
		if err != nil {
			return
		}
		if got := fr.append(nil); !bytes.Equal(got, b) {
			t.Errorf("%q is rendered as %q", b, got)
		}
	})
}

func FuzzSynopse(f *testing.F) {
	for _, x := range synopseFixtures {
		f.Add([]byte(x.text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseSynopse(b)
		if err != nil {
			return
		}
		again, err := m.append(nil)
		if err != nil {
			return // text that is not UTF-8
		}
		back, err := parseSynopse(again)
		if err != nil || !same(back, m) {
			t.Errorf("%q is read as %+v, rendered as %q, and read as %+v, %v", b, m, again, back, err)
		}
	})
}
