package download

import (
	"encoding/json"
	"math"
	"testing"
)

func TestContentRange(t *testing.T) {
	for in, want := range map[string][3]int64{
		"bytes 0-0/1": {0, 0, 1}, "bytes 5-9/10": {5, 9, 10}, "Bytes 5-9/*": {5, 9, -1},
		"bytes 0-9223372036854775806/9223372036854775807": {0, math.MaxInt64 - 1, math.MaxInt64},
	} {
		first, last, total, ok := parseContentRange([]string{in})
		if got := [3]int64{first, last, total}; !ok || got != want {
			t.Errorf("%s: %v, %v", in, got, ok)
		}
	}
	for _, in := range []string{
		"", "bytes", "bytes ", "bytes 0-0", "bytes */1", "bytes 0-/1", "bytes -0/1", "bytes 1-0/2", "bytes 0-1/1", "bytes 0-0/0", "items 0-0/1", "bytes=0-0/1", "bytes +0-0/1",
		"bytes 0-0/1 ", "bytes  0-0/1", "bytes 0-0/1, 2-3/4", "bytes 0-0x1/2", "bytes 0-9223372036854775808/*", "bytes 0-0/-1",
	} {
		if _, _, _, ok := parseContentRange([]string{in}); ok {
			t.Errorf("%q was taken", in)
		}
	}
	if _, _, _, ok := parseContentRange([]string{"bytes 0-0/1", "bytes 0-0/1"}); ok {
		t.Error("two were taken")
	}
}

func FuzzContentRange(f *testing.F) {
	f.Add("bytes 0-9/10")
	f.Add("bytes 5-9/*")
	f.Fuzz(func(t *testing.T, s string) {
		first, last, total, ok := parseContentRange([]string{s})
		if ok && (first < 0 || last < first || total >= 0 && total <= last) {
			t.Fatal(first, last, total)
		}
	})
}

// states are notes of a file of 100 bytes; ok: they can be used.
var states = []struct {
	name, in string
	ok       bool
}{
	{"one", `{"etag":"\"1\"","size":200,"spans":[[0,100,200]]}`, true},
	{"nothing yet", `{"etag":"\"1\"","size":200,"spans":[[0,0,200]]}`, true},
	{"two", `{"etag":"\"1\"","size":200,"spans":[[0,50,100],[100,100,200]]}`, true},
	{"size not known", `{"etag":"\"1\"","size":-1,"spans":[[0,50,-1]]}`, true},
	{"a date", `{"last_modified":"Sat, 01 Jan 2000 00:00:00 GMT","date":"Sat, 01 Jan 2000 00:00:01 GMT","size":200,"spans":[[0,50,200]]}`, true},
	{"a date of the same second", `{"last_modified":"Sat, 01 Jan 2000 00:00:00 GMT","date":"Sat, 01 Jan 2000 00:00:00 GMT","size":200,"spans":[[0,50,200]]}`, false},
	{"weak", `{"etag":"W/\"1\"","size":200,"spans":[[0,50,200]]}`, false},
	{"no tag", `{"etag":"1","size":200,"spans":[[0,50,200]]}`, false},
	{"line end in the tag", `{"etag":"\"1\r\nX: y\"","size":200,"spans":[[0,50,200]]}`, false},
	{"no validator", `{"size":200,"spans":[[0,50,200]]}`, false},
	{"more than there is", `{"etag":"\"1\"","size":200,"spans":[[0,101,200]]}`, false},
	{"more than there is, in the second", `{"etag":"\"1\"","size":400,"spans":[[0,50,200],[200,201,400]]}`, false},
	{"nothing in the second, which is not there", `{"etag":"\"1\"","size":400,"spans":[[0,50,200],[200,200,400]]}`, true},
	{"a gap", `{"etag":"\"1\"","size":200,"spans":[[0,50,90],[91,91,200]]}`, false},
	{"an overlap", `{"etag":"\"1\"","size":200,"spans":[[0,50,90],[89,91,200]]}`, false},
	{"not from 0", `{"etag":"\"1\"","size":200,"spans":[[1,50,200]]}`, false},
	{"not to the end", `{"etag":"\"1\"","size":200,"spans":[[0,50,199]]}`, false},
	{"backwards", `{"etag":"\"1\"","size":200,"spans":[[0,-1,200]]}`, false},
	{"beyond its end", `{"etag":"\"1\"","size":80,"spans":[[0,90,80]]}`, false},
	{"no end in the middle", `{"etag":"\"1\"","size":200,"spans":[[0,50,-1],[100,100,200]]}`, false},
	{"no end, and a size", `{"etag":"\"1\"","size":200,"spans":[[0,50,-1]]}`, false},
	{"no spans", `{"etag":"\"1\"","size":200}`, false},
	{"no object", `[]`, false},
}

func withURL(t testing.TB, in string) []byte {
	var m map[string]any
	if json.Unmarshal([]byte(in), &m) != nil {
		return []byte(in)
	}
	m["format"], m["url_sha256"] = stateFormat, urlSum("u")
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestState(t *testing.T) {
	for _, tt := range states {
		s, ok := decodeState(withURL(t, tt.in), "u", 100)
		if ok != tt.ok {
			t.Errorf("%s: %v", tt.name, ok)
			continue
		}
		if !ok {
			continue
		}
		if again, ok := decodeState(s.encode("u"), "u", 100); !ok || again.version != s.version || len(again.spans) != len(s.spans) {
			t.Errorf("%s: %+v became %+v", tt.name, s, again)
		}
		if _, ok := decodeState(s.encode("u"), "v", 100); ok {
			t.Errorf("%s: taken for another URL", tt.name)
		}
	}
	if _, ok := decodeState([]byte(`{"format":2,"etag":"\"1\"","url_sha256":"`+urlSum("u")+`","size":200,"spans":[[0,1,200]]}`), "u", 100); ok {
		t.Error("another format was taken")
	}
}

// FuzzState: what is taken hangs together.
func FuzzState(f *testing.F) {
	for _, tt := range states {
		f.Add(tt.in, int64(100))
	}
	f.Fuzz(func(t *testing.T, in string, have int64) {
		s, ok := decodeState(withURL(t, in), "u", have)
		if !ok {
			return
		}
		next := int64(0)
		for i, sp := range s.spans {
			at := sp.at.Load()
			if sp.begin != next || at < sp.begin || at > sp.begin && at > have || sp.end >= 0 && at > sp.end {
				t.Fatalf("span %d: %d %d %d", i, sp.begin, at, sp.end)
			}
			next = sp.end
		}
		if next != s.size || s.strong() == "" {
			t.Fatal(next, s.size, s.strong())
		}
	})
}
