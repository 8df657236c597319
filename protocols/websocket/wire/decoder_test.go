package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// TestRFCExamples plays the examples of RFC 6455 5.7 and RFC 7692 7.2.3.
func TestRFCExamples(t *testing.T) {
	k256 := strings.Repeat("\x01", 256)
	for _, c := range []struct {
		name    string
		role    Role
		deflate bool
		in      string
		want    string
	}{
		{"unmasked text", Client, false, "\x81\x05Hello", "text:Hello"},
		{"masked text", Server, false, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "text:Hello"},
		{"fragmented", Client, false, "\x01\x03Hel\x80\x02lo", "text:Hello"},
		{"ping", Client, false, "\x89\x05Hello", "ping:Hello"},
		{"masked pong", Server, false, "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "pong:Hello"},
		{"256 bytes", Client, false, "\x82\x7e\x01\x00" + k256, "binary:256#01010101"},
		{"64 KiB", Client, false, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + strings.Repeat(k256, 256), "binary:65536#01010101"},
		{"deflated", Client, true, "\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00", "text:Hello"},
		{"deflated, fragmented", Client, true, "\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00", "text:Hello"},
		{"window shared", Client, true, "\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00", "text:Hello text:Hello"},
		{"not compressed", Client, true, "\xc1\x0b\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", "text:Hello"},
		{"final block", Client, true, "\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "text:Hello"},
		{"final block, bare", Client, true, "\xc1\x07\xf3\x48\xcd\xc9\xc9\x07\x00", "text:Hello"},
		{"two blocks", Client, true, "\xc1\x0d\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", "text:Hello"},
		{"stored behind a code", Client, true, "\xc1\x0c\xf2\x48\x05\x00\x03\x00\xfc\xffxyz\x00", "text:Hexyz"},
		{"empty", Client, true, "\xc1\x01\x00", "text:"},
		{"empty, fixed code", Client, true, "\xc1\x02\x02\x00", "text:"},
		{"left uncompressed", Client, true, "\x81\x05Hello", "text:Hello"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := setup{role: c.role, deflate: c.deflate, bits: 15, takeover: true}
			if got := playAll(t, s, []byte(c.in)).String(); got != c.want {
				t.Errorf("%s; want %s", got, c.want)
			}
		})
	}
}

// firstByte is RFC 6455 5.2, 5.4, 5.5 and RFC 7692 6.1 in one expression each, to compare with.
func firstByte(b int, fragmented, deflate bool) *Error {
	op, rsv, fin := b&15, b>>4&7, b >= 0x80
	switch {
	case op >= 3 && op <= 7 || op >= 11:
		return errOpcode
	case rsv&3 != 0 || rsv == 4 && !deflate:
		return errRSV
	case rsv == 4 && op != 1 && op != 2:
		return errRSV1Place
	case op >= 8 && !fin:
		return errControlFin
	case op == 0 && !fragmented:
		return errUnexpected
	case op > 0 && op < 8 && fragmented:
		return errInterleaved
	}
	return nil
}

// TestEveryFirstBytes: each of the 65,536 pairs of first bytes, in both roles; inside a fragmented message, and with
// compression, each first byte with the lengths where the rules change.
func TestEveryFirstBytes(t *testing.T) {
	t.Parallel()
	roles(t, func(t *testing.T, to Role) {
		for i := range 4 {
			fragmented, deflate := i&1 != 0, i&2 != 0
			var z *Inflater
			if deflate {
				z = NewInflater(15, true)
			}
			start := frame(to, 0x02, "x")
			var d Decoder
			for b := range 1 << 16 {
				first, second := b>>8, b&0xff
				if l := second & 0x7f; i > 0 && l > 1 && l < 125 {
					continue // every length once is enough
				}
				in := []byte{byte(first), byte(second)}
				want := firstByte(first, fragmented, deflate)
				at := 1
				if want == nil {
					at = 2
					switch masked := second >= 0x80; {
					case masked && to == Client:
						want = errMasked
					case !masked && to == Server:
						want = errUnmasked
					case first&8 != 0 && second&0x7f > 125:
						want = errControlLong
					case first&0xf0 == 0xc0 && second == 0: // a compressed message has a byte at least
						want = errDeflateEnd
					}
				}
				for n := 1 + min(1, second); n <= 2; n++ { // the first byte alone, once, and both together
					d.Reset(to, nil, z)
					if fragmented {
						ev, n, err := d.Next(append([]byte(nil), start...))
						if ev.Kind != Message || n != len(start) || err != nil {
							t.Fatal(ev, n, err)
						}
					}
					_, _, err := d.Next(in[:n:n])
					got, _ := err.(*Error)
					if w := want; n >= at && got != w || n < at && got != nil {
						t.Fatalf("% x: %v; want %v", in[:n], got, w)
					}
				}
			}
		}
	})
}

// TestLengths: each form of the length, at its edges, and when a bad one is seen.
func TestLengths(t *testing.T) {
	ext := func(form byte, n uint64) []byte {
		b := []byte{0x82, form}
		switch form {
		case 126:
			return binary.BigEndian.AppendUint16(b, uint16(n))
		case 127:
			return binary.BigEndian.AppendUint64(b, n)
		}
		return b
	}
	for _, c := range []struct {
		form byte
		n    uint64
		max  int64
		want *Error
		at   int // bytes that show it
	}{
		{125, 0, 0, nil, 2},
		{125, 0, 124, errMessageBig, 2},
		{126, 0, 0, errLengthForm, 4},
		{126, 125, 0, errLengthForm, 4},
		{126, 126, 0, nil, 4},
		{126, 65535, 0, nil, 4},
		{126, 0x0100, 255, errMessageBig, 3},
		{126, 0x0100, 256, nil, 4},
		{126, 0x0101, 256, errMessageBig, 4},
		{127, 0, 0, errLengthForm, 8},
		{127, 65535, 0, errLengthForm, 8},
		{127, 65536, 0, nil, 10},
		{127, 1 << 20, 0, nil, 10},
		{127, 1<<20 + 1, 0, errMessageBig, 10},
		{127, 1<<20 + 1, -1, nil, 10},
		{127, 1 << 21, 0, errMessageBig, 8},
		{127, 1 << 62, 0, errMessageBig, 3},
		{127, 1 << 62, -1, nil, 10},
		{127, math.MaxInt64, -1, nil, 10},
		{127, 1 << 63, -1, errLengthSign, 3},
		{127, math.MaxUint64, 0, errLengthSign, 3},
	} {
		t.Run(fmt.Sprintf("%d %d max %d", c.form, c.n, c.max), func(t *testing.T) {
			in := ext(c.form, c.n)
			s := setup{role: Client, lim: &Limits{MaxMessage: c.max}}
			if got := playAll(t, s, in); got.err != c.want {
				t.Fatalf("%v; want %v", got.err, c.want)
			}
			if c.want != nil && play(t, s, in[:c.at-1]).err != nil {
				t.Errorf("refused before byte %d", c.at)
			}
			if got := play(t, s, in[:c.at]).err; got != c.want {
				t.Errorf("after %d bytes: %v", c.at, got)
			}
		})
	}
}

// TestSequences: what frames say together.
func TestSequences(t *testing.T) {
	long := fill(125)
	for _, c := range []struct {
		name string
		in   []any
		want string
	}{
		{"empty text", []any{0x81, ""}, "text:"},
		{"empty fragments", []any{0x01, "", 0x00, "", 0x80, ""}, "text:"},
		{"control inside", []any{0x01, "He", 0x89, "p", 0x00, "ll", 0x8a, "q", 0x80, "o"}, "ping:p pong:q text:Hello"},
		{"empty last", []any{0x02, "a", 0x80, ""}, "binary:a"},
		{"empty first", []any{0x02, "", 0x80, "a"}, "binary:a"},
		{"ping 125", []any{0x89, long}, "ping:125#78787878"},
		{"ping empty", []any{0x89, ""}, "ping:"},
		{"ping 126", []any{0x89, long + "x"}, "!control_too_long"},
		{"close empty", []any{0x88, ""}, "close:1005:"},
		{"close", []any{0x88, "\x03\xe8bye"}, "close:1000:bye"},
		{"close inside", []any{0x01, "He", 0x88, "\x03\xe9"}, "close:1001:"},
		{"after close", []any{0x88, "\x03\xe8", 0x81, "x", 0xff, "y"}, "close:1000:"},
		{"close 1 byte", []any{0x88, "\x03"}, "!close_length"},
		{"close reason 123", []any{0x88, "\x03\xe8" + fill(123)}, "close:1000:" + fill(123)},
		{"close reason 124", []any{0x88, "\x03\xe8" + fill(124)}, "!control_too_long"},
		{"close reason not UTF-8", []any{0x88, "\x03\xe8ab\xff"}, "!close_utf8"},
		{"close reason cut", []any{0x88, "\x03\xe8\xe2\x82"}, "!close_utf8"},
		{"stray continuation", []any{0x80, "x"}, "!unexpected_continuation"},
		{"continuation after end", []any{0x81, "x", 0x80, "y"}, "text:x !unexpected_continuation"},
		{"text inside", []any{0x01, "x", 0x81, "y"}, "!interleaved_message"},
		{"text, binary", []any{0x81, "x", 0x82, "y"}, "text:x binary:y"},
		{"binary not UTF-8", []any{0x82, "\xff"}, "binary:\xff"},
		{"text not UTF-8", []any{0x81, "\xff"}, "!bad_utf8"},
		{"binary, then text starts anew", []any{0x02, "\xe2", 0x80, "", 0x81, "\x82"}, "binary:\xe2 !bad_utf8"},
		{"character cut by frames", []any{0x01, "\xf0\x9f", 0x89, "\xff", 0x00, "\x98", 0x80, "\x80"}, "ping:\xff text:\U0001F600"},
		{"character unfinished", []any{0x01, "\xf0\x9f", 0x80, "\x98"}, "!bad_utf8"},
		{"character bad in the next frame", []any{0x01, "\xf4", 0x00, "\x90"}, "!bad_utf8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			roles(t, func(t *testing.T, to Role) {
				if got := playAll(t, setup{role: to}, frames(to, c.in...)).String(); got != c.want {
					t.Errorf("%s; want %s", got, c.want)
				}
			})
		})
	}
}

// TestCloseCodes: every code there is (RFC 6455 7.4 and the registry).
func TestCloseCodes(t *testing.T) {
	valid := map[int]bool{}
	for _, c := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014} {
		valid[c] = true
	}
	for c := 3000; c <= 4999; c++ {
		valid[c] = true
	}
	for c := range 1 << 16 {
		in := binary.BigEndian.AppendUint16([]byte{0x88, 2}, uint16(c))
		var d Decoder
		d.Reset(Client, nil, nil)
		ev, n, err := d.Next(in)
		if valid[c] {
			if err != nil || ev.Kind != Closed || int(ev.Code) != c || n != 4 {
				t.Fatalf("%d: %v %v", c, ev, err)
			}
			if got := AppendClose(nil, Server, CloseCode(c), ""); !bytes.Equal(got, in) {
				t.Fatalf("%d: written as %x", c, got)
			}
			continue
		}
		if err != error(errCloseCode) {
			t.Fatalf("%d: %v", c, err)
		}
		if got := AppendClose(nil, Server, CloseCode(c), "x"); !bytes.Equal(got, []byte{0x88, 0}) {
			t.Fatalf("%d: written as %x", c, got)
		}
	}
	// The first byte of the payload that shows it refuses it, not the whole frame.
	if got := play(t, setup{role: Client}, []byte("\x88\x7d\x03\xec")).err; got != errCloseCode {
		t.Error(got)
	}
	if got := play(t, setup{role: Client}, []byte("\x88\x7d\x03\xe8\xff")).err; got != errCloseUTF8 {
		t.Error(got)
	}
}

// TestLimits: the sum over fragments, one frame, small fragments.
func TestLimits(t *testing.T) {
	roles(t, func(t *testing.T, to Role) {
		s := setup{role: to, lim: &Limits{MaxMessage: 100, MaxFrame: 60, MaxSmallFragments: 3}}
		for _, c := range []struct {
			in   []any
			want string
		}{
			{[]any{0x02, fill(50), 0x80, fill(50)}, "binary:100#78787878"},
			{[]any{0x02, fill(50), 0x80, fill(51)}, "!message_too_big"},
			{[]any{0x82, fill(61)}, "!frame_too_big"},
			{[]any{0x82, fill(60), 0x82, fill(60)}, "binary:60#78787878 binary:60#78787878"},
			{[]any{0x02, "a", 0x00, "", 0x80, "c"}, "binary:ac"},
			{[]any{0x02, "a", 0x00, "", 0x00, "c", 0x00, ""}, "!too_many_fragments"},
			{[]any{0x82, "a", 0x82, "b", 0x82, "c", 0x82, "d"}, "binary:a binary:b binary:c binary:d"},
		} {
			if got := playAll(t, s, frames(to, c.in...)).String(); got != c.want {
				t.Errorf("%s; want %s", got, c.want)
			}
		}
	})
}

// TestFragmentFlood: a message of one-byte fragments ends at the limit.
func TestFragmentFlood(t *testing.T) {
	in := append([]byte{0x02, 1, 'x'}, bytes.Repeat([]byte{0x00, 1, 'x'}, 1e5)...)
	var d Decoder
	d.Reset(Client, nil, nil)
	taken := 0
	for {
		ev, n, err := d.Next(in[taken:])
		taken += n
		if err != nil {
			if err != error(errFragments) || taken > 3*(defaultSmallFragments+1) {
				t.Fatalf("%v after %d bytes", err, taken)
			}
			return
		}
		if ev.Kind == None {
			t.Fatal("never refused")
		}
	}
}

// TestRandomRoundTrips: messages in random fragments, control frames between them, random cuts, both roles.
func TestRandomRoundTrips(t *testing.T) {
	roles(t, func(t *testing.T, to Role) {
		r := rand.New(rand.NewPCG(5, uint64(to)))
		for range 150 {
			var in []byte
			var want []string
			for range 1 + r.IntN(4) {
				msg := []byte(strings.Repeat("añ€😀", r.IntN(60)*r.IntN(20)))
				op := Text + Opcode(r.IntN(2))
				rest, first := msg, op
				for done := false; !done; first = Continuation {
					n := r.IntN(len(rest) + 1)
					done = r.IntN(3) == 0 || n == len(rest)
					if done {
						n = len(rest)
					}
					in = AppendFrame(in, 1-to, first, done, rest[:n])
					rest = rest[n:]
					if r.IntN(3) == 0 && !done {
						in = AppendControl(in, 1-to, Ping, msg)
						want = append(want, "ping:"+brief(msg[:min(125, len(msg))]))
					}
				}
				want = append(want, op.String()+":"+brief(msg))
			}
			var cuts []int
			for at := 0; at < len(in); at += 1 + r.IntN(1+r.IntN(2000)) {
				cuts = append(cuts, at)
			}
			if got := play(t, setup{role: to}, in, cuts...).String(); got != strings.Join(want, " ") {
				t.Fatalf("%s; want %s", got, want)
			}
		}
	})
}

// TestNoCopy: a frame inside one read is delivered in place, and allocates nothing; a cut control frame costs one buffer.
func TestNoCopy(t *testing.T) {
	roles(t, func(t *testing.T, to Role) {
		one := frames(to, 0x81, fill(1000), 0x82, fill(70000), 0x89, "p")
		in := make([]byte, len(one))
		var d Decoder
		d.Reset(to, nil, nil)
		allocs := testing.AllocsPerRun(20, func() {
			copy(in, one)
			for b := in; ; {
				ev, n, err := d.Next(b)
				if err != nil {
					t.Fatal(err)
				}
				if ev.Kind == None {
					break
				}
				if len(ev.Data) > 0 && &ev.Data[0] != &b[n-len(ev.Data)] {
					t.Fatal("copied")
				}
				b = b[n:]
			}
		})
		if allocs != 0 {
			t.Errorf("%v allocations", allocs)
		}
	})
}

// TestDecoderSize: what an idle connection costs here.
func TestDecoderSize(t *testing.T) {
	if n := reflect.TypeFor[Decoder]().Size(); n >= 200 {
		t.Errorf("a decoder takes %d bytes", n)
	}
	if n := reflect.TypeFor[Inflater]().Size(); n >= 100 {
		t.Errorf("an inflater takes %d bytes", n)
	}
}
