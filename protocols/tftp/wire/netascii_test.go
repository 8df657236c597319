package wire

import (
	"bytes"
	"strings"
	"testing"
)

// encode translates s with pieces of in bytes, into buffers of out bytes.
func encode(s string, in, out int) string {
	var e NetasciiEncoder
	var b []byte
	src := []byte(s)
	buf := make([]byte, out)
	for len(src) > 0 || e.Pending() {
		n, read := e.Transform(buf, src[:min(in, len(src))])
		src = src[read:]
		b = append(b, buf[:n]...)
	}
	return string(b)
}

func decode(s string, in, out int) string {
	var d NetasciiDecoder
	var b []byte
	src := []byte(s)
	buf := make([]byte, out)
	for len(src) > 0 {
		n, read := d.Transform(buf, src[:min(in, len(src))])
		src = src[read:]
		b = append(b, buf[:n]...)
	}
	return string(append(b, buf[:d.Flush(buf)]...))
}

var netascii = []struct{ local, wire string }{
	{"", ""},
	{"a", "a"},
	{"\n", "\r\n"},
	{"\r", "\r\x00"},
	{"\r\n", "\r\x00\r\n"},
	{"\n\r", "\r\n\r\x00"},
	{"\x00", "\x00"},
	{"\r\x00", "\r\x00\x00"},
	{"line 1\nline 2\n", "line 1\r\nline 2\r\n"},
	{"a\rb\n\n\r\rc", "a\r\x00b\r\n\r\n\r\x00\r\x00c"},
	{"caf\xc3\xa9\n\xff", "caf\xc3\xa9\r\n\xff"},
	{strings.Repeat("x", 511) + "\n", strings.Repeat("x", 511) + "\r\n"},
}

// TestNetascii cuts texts everywhere, on both sides.
func TestNetascii(t *testing.T) {
	for _, c := range netascii {
		for _, in := range []int{1, 2, 3, 7, 1000} {
			for _, out := range []int{1, 2, 3, 5, 512, 2000} {
				if got := encode(c.local, in, out); got != c.wire {
					t.Errorf("encode %q by %d and %d: %q; want %q", c.local, in, out, got, c.wire)
				}
				if got := decode(c.wire, in, out); got != c.local {
					t.Errorf("decode %q by %d and %d: %q; want %q", c.wire, in, out, got, c.local)
				}
			}
		}
	}
}

// TestNetasciiOfOthers: what is no netascii passes as it is.
func TestNetasciiOfOthers(t *testing.T) {
	for in, want := range map[string]string{
		"\n": "\n", "a\rb": "a\rb", "\r": "\r", "\r\r\n": "\r\n", "\r\r": "\r\r", "\r\r\x00": "\r\r", "\x00\r": "\x00\r",
	} {
		for size := 1; size < 5; size++ {
			if got := decode(in, size, size); got != want {
				t.Errorf("%q by %d: %q; want %q", in, size, got, want)
			}
		}
	}
}

func FuzzNetascii(f *testing.F) {
	for _, c := range netascii {
		f.Add([]byte(c.local), uint8(3), uint8(2))
		f.Add([]byte(c.wire), uint8(1), uint8(1))
	}
	f.Fuzz(func(t *testing.T, b []byte, in, out uint8) {
		if len(b) > 2000 {
			return
		}
		s, i, o := string(b), 1+int(in), 1+int(out)
		net := encode(s, i, o)
		if net != encode(s, len(s)+1, 2*len(s)+1) {
			t.Fatalf("%q: the cuts matter", s)
		}
		if want := strings.NewReplacer("\r", "\r\x00", "\n", "\r\n").Replace(s); net != want {
			t.Fatalf("%q: %q; want %q", s, net, want)
		}
		if got := decode(net, o, i); got != s {
			t.Fatalf("%q came back as %q", s, got)
		}
		if decode(s, i, o) != decode(s, len(s)+1, len(s)+1) {
			t.Fatalf("%q: the cuts matter to the decoder", s)
		}
		var d NetasciiDecoder
		if _, read := d.Transform(make([]byte, len(b)+1), b); read != len(b) {
			t.Fatalf("%d of %d read", read, len(b))
		}
	})
}

func BenchmarkNetascii(b *testing.B) {
	text := bytes.Repeat([]byte("a line of text of the usual length, more or less\n"), 100)
	dst := make([]byte, 2*len(text))
	b.Run("encode", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			var e NetasciiEncoder
			e.Transform(dst, text)
		}
	})
	b.Run("decode", func(b *testing.B) {
		var e NetasciiEncoder
		n, _ := e.Transform(dst, text)
		out := make([]byte, n+1)
		b.SetBytes(int64(n))
		for b.Loop() {
			var d NetasciiDecoder
			d.Transform(out, dst[:n])
		}
	})
}
