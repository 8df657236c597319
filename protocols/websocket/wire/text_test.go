package wire

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// utf8Cases are after Markus Kuhn's stress test, in the order of its sections, and the cases of group 6 of the Autobahn
// test suite that go beyond it: the text, and the length of its longest start that may still become valid.
var utf8Cases = []struct {
	text string
	good int // -1: all of it
}{
	{"κόσμε", -1}, // 1
	{"\x00", -1},
	{"\u0080", -1},
	{"\u0800", -1},
	{"\U00010000", -1}, // 2.1: first of each length
	{"\xf8\x88\x80\x80\x80", 0},
	{"\xfc\x84\x80\x80\x80\x80", 0},
	{"\x7f", -1},
	{"\u07ff", -1},
	{"\uffff", -1},
	{"\xf7\xbf\xbf\xbf", 0}, // 2.2: last of each length
	{"\xfb\xbf\xbf\xbf\xbf", 0},
	{"\xfd\xbf\xbf\xbf\xbf\xbf", 0},
	{"\ud7ff", -1},
	{"\ue000", -1},
	{"\ufffd", -1},
	{"\U0010ffff", -1},
	{"\xf4\x90\x80\x80", 1}, // 2.3
	{"\x80", 0},
	{"\xbf", 0},
	{"\x80\xbf", 0},
	{"a\x80", 1}, // 3.1: unexpected continuation
	{"\xc0 ", 0},
	{"\xdf ", 1},
	{"\xe0 ", 1},
	{"\xef ", 1},
	{"\xf0 ", 1},
	{"\xf4 ", 1},
	{"\xf5 ", 0}, // 3.2: lonely starts
	{"\xe0\xa0 ", 2},
	{"\xf0\x90\x80 ", 3},
	{"\xef\xbf ", 2},
	{"\xf4\x8f\xbf ", 3}, // 3.3: last byte missing
	{"\xfe", 0},
	{"\xff", 0},
	{"\xfe\xfe\xff\xff", 0}, // 3.5: impossible bytes
	{"\xc0\xaf", 0},
	{"\xe0\x80\xaf", 1},
	{"\xf0\x80\x80\xaf", 1},
	{"\xc1\xbf", 0},
	{"\xe0\x9f\xbf", 1}, // 4: overlong
	{"\xf0\x8f\xbf\xbf", 1},
	{"\xc0\x80", 0},
	{"\xe0\x80\x80", 1},
	{"\xed\xa0\x80", 1},
	{"\xed\xad\xbf", 1},
	{"\xed\xbf\xbf", 1},
	{"\xed\xa0\x80\xed\xb0\x80", 1}, // 5: surrogates
	{"\ufffe", -1},
	{"\U0001fffe", -1}, // 5.3: non-characters are valid
	{"Hello-µ@ßöäüàá-UTF-8!!", -1},
	{"κόσμε\xf4\x90\x80\x80edited", 11},
	{"κόσμε\xed\xa0\x80edited", 11},
	{strings.Repeat("x", 100) + "\xc3\xa4\xff", 102},
}

// TestUTF8 cuts each case everywhere: bytes are taken as long as they may become valid, and no longer.
func TestUTF8(t *testing.T) {
	for _, c := range utf8Cases {
		good := c.good
		if good < 0 {
			good = len(c.text)
		}
		if whole := utf8.ValidString(c.text); whole != (c.good < 0) {
			t.Fatalf("%q: the table is wrong", c.text)
		}
		for i := range len(c.text) + 1 {
			for j := i; j <= len(c.text); j++ {
				var u utf8Check
				for _, part := range []struct{ from, to int }{{0, i}, {i, j}, {j, len(c.text)}} {
					if got, want := u.push([]byte(c.text[part.from:part.to])), part.to <= good; got != want {
						t.Fatalf("%q at %d, %d: %v after %d bytes", c.text, i, j, got, part.to)
					} else if !got {
						break
					}
				}
			}
		}
	}
}

// TestUTF8Strings: every string of up to three bytes out of those where the rules change.
func TestUTF8Strings(t *testing.T) {
	edges := []byte("\x00\x7f\x80\x8f\x90\x9f\xa0\xbf\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef\xf0\xf1\xf3\xf4\xf5\xff")
	for _, a := range edges {
		for _, b := range edges {
			for _, c := range edges {
				for _, d := range edges {
					s := []byte{a, b, c, d}
					var u, v utf8Check
					whole := u.push(s) && u.done()
					single := true
					for i := range s {
						single = single && v.push(s[i:i+1])
					}
					if single = single && v.done(); whole != utf8.Valid(s) || single != whole {
						t.Fatalf("% x: %v, %v", s, whole, single)
					}
				}
			}
		}
	}
}

// TestUTF8InFrames plays the cases as messages.
func TestUTF8InFrames(t *testing.T) {
	for _, c := range utf8Cases {
		got := playAll(t, setup{role: Server}, frame(Server, 0x81, c.text))
		if want := c.good >= 0; (got.err == errUTF8) != want || got.err != nil && got.err.Code != 1007 {
			t.Errorf("%q: %v", c.text, got)
		}
		if c.good >= 0 { // fail-fast: the rest of the frame need not come
			b := frame(Server, 0x01, c.text)
			if got := play(t, setup{role: Server}, b[:6+c.good+1]); got.err != errUTF8 {
				t.Errorf("%q: %v at its byte %d", c.text, got, c.good)
			}
			if got := play(t, setup{role: Server}, b[:6+c.good]); got.err != nil {
				t.Errorf("%q: %v before its byte %d", c.text, got, c.good)
			}
		}
	}
}
