package wire

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// TestCipher compares with RFC 6455 5.3, one byte at a time, for every length, offset and alignment that matter.
func TestCipher(t *testing.T) {
	mask := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	for n := range 140 {
		for offset := range 9 {
			for align := range 9 {
				got := make([]byte, align+n+1)
				for i := range got {
					got[i] = byte(i * 7)
				}
				want := bytes.Clone(got)
				for i := range n {
					want[align+i] ^= mask[(i+offset)%4]
				}
				if Cipher(got[align:align+n], mask, offset); !bytes.Equal(got, want) {
					t.Fatalf("%d bytes at %d from %d: %x; want %x", n, align, offset, got, want)
				}
			}
		}
	}
}

func TestMasksDiffer(t *testing.T) {
	seen := map[[4]byte]bool{}
	for range 1000 {
		seen[NewMask()] = true
	}
	if len(seen) < 999 {
		t.Error(len(seen))
	}
}

// TestHeaders: each header comes back, in its shortest form, and Size is its length.
func TestHeaders(t *testing.T) {
	for _, length := range []int64{0, 1, 125, 126, 127, 65535, 65536, 1 << 31, 1<<63 - 1} {
		for first := range 256 {
			for _, masked := range []bool{false, true} {
				h := Header{Fin: first >= 128, RSV: uint8(first >> 4 & 7), Op: Opcode(first & 15), Masked: masked, Length: length}
				if masked {
					h.Mask = [4]byte{1, 2, 3, 4}
				}
				b := AppendHeader(nil, h)
				if len(b) != h.Size() || len(b) != headerSize(b[1]) || int(b[0]) != first {
					t.Fatalf("%+v: % x", h, b)
				}
				if got := parseHeader(b); got != h {
					t.Fatalf("%+v; want %+v", got, h)
				}
			}
		}
	}
}

// TestAppendClose: reasons are cut at a character's edge.
func TestAppendClose(t *testing.T) {
	for _, c := range []struct {
		code   CloseCode
		reason string
		want   string
	}{
		{NormalClosure, "bye", "close:1000:bye"},
		{NoStatus, "bye", "close:1005:"},
		{Abnormal, "", "close:1005:"},
		{GoingAway, fill(200), "close:1001:" + fill(123)},
		{GoingAway, strings.Repeat("é", 100), "close:1001:" + strings.Repeat("é", 61)},
		{GoingAway, strings.Repeat("😀", 31), "close:1001:" + strings.Repeat("😀", 30)},
		{GoingAway, "\xff", "close:1001:"},
	} {
		roles(t, func(t *testing.T, to Role) {
			if got := playAll(t, setup{role: to}, AppendClose(nil, 1-to, c.code, c.reason)).String(); got != c.want {
				t.Errorf("%s; want %s", got, c.want)
			}
		})
	}
	code, reason, err := ParseClose(AppendClosePayload(nil, 4000, "why"))
	if code != 4000 || string(reason) != "why" || err != nil {
		t.Error(code, reason, err)
	}
	if _, _, err := ParseClose([]byte{3}); err != error(errCloseLength) {
		t.Error(err)
	}
}

// TestAppendMessage: both roles, compressed or not, behind what is in the buffer already; the payload stays as it was.
func TestAppendMessage(t *testing.T) {
	roles(t, func(t *testing.T, from Role) {
		for _, kind := range []string{"plain", "alone", "takeover"} {
			var d *Deflater
			if kind != "plain" {
				d = NewDeflater(12, kind == "takeover")
			}
			s := setup{role: 1 - from, deflate: true, bits: 12, takeover: true, lim: &Limits{MaxMessage: 1 << 20}}
			for _, p := range samples() {
				before := bytes.Clone(p)
				b := AppendMessage([]byte("xy"), from, Binary, p, d)
				if !bytes.HasPrefix(b, []byte("xy")) || !bytes.Equal(p, before) {
					t.Fatal("damage")
				}
				if d != nil && kind == "takeover" {
					d.Release() // each decoder below is new
				}
				got := play(t, s, b[2:])
				if got.err != nil || len(got.msgs) != 1 || !bytes.Equal(got.msgs[0], p) {
					t.Fatalf("%s %d: %v", kind, len(p), got)
				}
				if kind == "alone" && len(b)-2 > len(p)+MaxHeader {
					t.Errorf("%d bytes became %d", len(p), len(b)-2)
				}
			}
		}
	})
}

// TestPrepared: the frames are shared by goroutines, and can be read in every way.
func TestPrepared(t *testing.T) {
	for _, p := range samples() {
		m := Prepare(Binary, p)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for _, bits := range []int{8, 15} {
					b := m.Deflated(bits)
					s := setup{role: Client, deflate: true, bits: bits, takeover: true}
					if got := play(t, s, bytes.Clone(b)); len(got.msgs) != 1 || !bytes.Equal(got.msgs[0], p) {
						t.Errorf("%d bytes, %d bits: %v", len(p), bits, got)
					}
					if len(b) > len(m.Plain()) || &b[0] != &m.Deflated(bits)[0] {
						t.Error("not the frame that was made")
					}
				}
			})
		}
		wg.Wait()
		if got := play(t, setup{role: Client}, bytes.Clone(m.Plain())); !bytes.Equal(got.msgs[0], p) {
			t.Error(got)
		}
	}
	// Between the messages of a deflater with context, which forgets it then.
	p := samples()[8][:5000]
	d := NewDeflater(15, true)
	in := AppendMessage(nil, Server, Binary, p, d)
	in = append(in, Prepare(Binary, p[:3000]).Deflated(15)...)
	d.Release()
	in = AppendMessage(in, Server, Binary, p, d)
	in = AppendMessage(in, Server, Binary, p, d)
	got := play(t, setup{role: Client, deflate: true, takeover: true}, in)
	if len(got.msgs) != 4 || !bytes.Equal(got.msgs[2], p) || !bytes.Equal(got.msgs[3], p) {
		t.Error(got)
	}
}

// TestRandomConversations: messages through encoder and decoder with every window, some compressed, some not, with random
// cuts.
func TestRandomConversations(t *testing.T) {
	roles(t, func(t *testing.T, from Role) {
		r := rand.New(rand.NewPCG(9, uint64(from)))
		for i := range 16 {
			bits, takeover := 8+i%8, i%3 > 0
			d := NewDeflater(bits, takeover)
			var in []byte
			var want [][]byte
			for range 6 {
				p := samples()[r.IntN(9)]
				p = p[:r.IntN(min(len(p), 3000)+1)]
				use := d
				if r.IntN(4) == 0 {
					use = nil
				}
				in = AppendMessage(in, from, Binary, p, use)
				want = append(want, p)
			}
			var cuts []int
			for at := 0; at < len(in); at += 1 + r.IntN(1000) {
				cuts = append(cuts, at)
			}
			got := play(t, setup{role: 1 - from, deflate: true, bits: bits, takeover: takeover}, in, cuts...)
			if fmt.Sprintf("%q", got.msgs) != fmt.Sprintf("%q", want) {
				t.Fatalf("%d bits: %v", bits, got)
			}
		}
	})
}

func TestNames(t *testing.T) {
	if s := fmt.Sprint(Text, Opcode(3), Pong, Server, Client, GoingAway); s != "text opcode 3 pong server client 1001" {
		t.Error(s)
	}
	if !utf8.ValidString(Close.String()) || !Close.Control() || Binary.Control() || Opcode(11).Known() {
		t.Error("opcodes")
	}
}
