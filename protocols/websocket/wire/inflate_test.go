package wire

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	kflate "github.com/klauspost/compress/flate"
)

// samples are texts of different natures: their matches, codes and sizes differ.
var samples = sync.OnceValue(func() [][]byte {
	r := rand.New(rand.NewPCG(7, 692))
	noise := make([]byte, 70000)
	var skew []byte
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	for k := range 15 { // codes of up to 15 bits: second tables
		skew = append(skew, bytes.Repeat([]byte{byte(k * 17)}, 1<<(14-k))...)
	}
	skew = skew[1<<14-1000:]
	r.Shuffle(len(skew), func(i, j int) { skew[i], skew[j] = skew[j], skew[i] })
	var words strings.Builder
	for words.Len() < 90000 {
		fmt.Fprintf(&words, `{"id":%d,"room":"r%d","text":"hello"},`, r.IntN(1e6), r.IntN(50))
	}
	return [][]byte{
		nil,
		[]byte("a"),
		[]byte("Hello"),
		bytes.Repeat([]byte("a"), 66000),
		bytes.Repeat([]byte("abc"), 300),
		noise[:100], noise,
		skew,
		[]byte(words.String()),
	}
})

// stdDeflate compresses as a peer would, by the standard library: the payload without the tail, or nil.
func stdDeflate(tb testing.TB, level int, history, p []byte) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriterDict(&b, level, history)
	if err != nil {
		tb.Fatal(err)
	}
	_, _ = w.Write(p)
	_ = w.Flush()
	return bytes.TrimSuffix(b.Bytes(), deflateTail[:])
}

// stdInflate decompresses payloads as a peer would, by the standard library, each with the output before it as history.
func stdInflate(tb testing.TB, history, payload []byte) []byte {
	tb.Helper()
	all := append(append([]byte(nil), payload...), "\x00\x00\xff\xff\x01\x00\x00\xff\xff"...)
	out, err := io.ReadAll(flate.NewReaderDict(bytes.NewReader(all), history))
	if err != nil {
		tb.Fatalf("compress/flate: %v", err)
	}
	return out
}

// inflateAll decompresses one message in pieces of the given size.
func inflateAll(z *Inflater, payload []byte, piece int) (out []byte, err error) {
	z.begin()
	for len(payload) > 0 {
		p := payload[:min(piece, len(payload))]
		payload = payload[len(p):]
		for {
			n, err := z.write(p)
			if err != nil {
				return append(out, z.take()...), err
			}
			p = p[n:]
			out = append(out, z.take()...)
			if len(p) == 0 && !z.full() {
				break
			}
		}
	}
	for {
		done, err := z.finish()
		if err != nil {
			return append(out, z.take()...), err
		}
		out = append(out, z.take()...)
		if done {
			z.settle()
			return out, nil
		}
		if _, err := z.write(nil); err != nil {
			return append(out, z.take()...), err
		}
		out = append(out, z.take()...)
	}
}

// TestInflateStd: what compress/flate writes, at each kind of level, in pieces of every small size.
func TestInflateStd(t *testing.T) {
	t.Parallel()
	for i, p := range samples() {
		for _, level := range []int{flate.HuffmanOnly, 0, 1, 9} {
			packed := stdDeflate(t, level, nil, p)
			for _, piece := range []int{1, 7, 31, 1 << 30} {
				if len(packed) > 30000 && piece < 31 {
					continue // slow, and the others have the same codes
				}
				z := NewInflater(15, false)
				got, err := inflateAll(z, packed, piece)
				if err != nil || !bytes.Equal(got, p) {
					t.Fatalf("sample %d level %d in pieces of %d: %d bytes of %d, %v", i, level, piece, len(got), len(p), err)
				}
				if z.Memory() != 0 {
					t.Fatalf("keeps %d bytes without takeover", z.Memory())
				}
			}
		}
	}
}

// TestDeflateWindows: for each window, with takeover and without, a stream of messages goes to the standard library and to
// our own inflater, which refuses every reference beyond the window.
func TestDeflateWindows(t *testing.T) {
	for bits := 8; bits <= 15; bits++ {
		for _, takeover := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d takeover %v", bits, takeover), func(t *testing.T) {
				t.Parallel()
				d, z := NewDeflater(bits, takeover), NewInflater(bits, takeover)
				var history []byte
				for round := range 2 {
					for i, p := range samples() {
						p = p[:min(len(p), 2500<<(bits-8)>>(2*round)+100, 34000)]
						packed := d.Append([]byte("before"), p)
						if !bytes.HasPrefix(packed, []byte("before")) {
							t.Fatal("not appended")
						}
						packed = packed[6:]
						if got := stdInflate(t, history, packed); !bytes.Equal(got, p) {
							t.Fatalf("round %d sample %d: compress/flate gives %d bytes of %d", round, i, len(got), len(p))
						}
						if got, err := inflateAll(z, packed, 1000+round); err != nil || !bytes.Equal(got, p) {
							t.Fatalf("round %d sample %d: %d bytes of %d, %v", round, i, len(got), len(p), err)
						}
						if takeover {
							history = append(history, p...)
							history = history[max(0, len(history)-32<<10):]
							if z.Memory() > max(1<<bits, firstWindow) {
								t.Fatalf("keeps %d bytes", z.Memory())
							}
						}
						if i == 4 && round == 1 {
							d.Release() // forgets; the peer needs not know
							if d.Memory() != 0 {
								t.Fatal("keeps memory")
							}
						}
					}
				}
				z.Release()
				if z.Memory() != 0 {
					t.Fatal("keeps memory")
				}
			})
		}
	}
}

// TestTakeoverGains: a message like one before it is short, if contexts are kept.
func TestTakeoverGains(t *testing.T) {
	noise := samples()[5]
	noise = append(slices.Clone(noise), noise[:60]...)
	for _, takeover := range []bool{false, true} {
		d := NewDeflater(15, takeover)
		first, second := len(d.Append(nil, noise)), len(d.Append(nil, noise))
		if gains := second < first/2; gains != takeover {
			t.Errorf("takeover %v: %d bytes, then %d", takeover, first, second)
		}
	}
}

// TestWindowExceeded: a distance one beyond the agreed window is refused, one at it is not, for every window.
func TestWindowExceeded(t *testing.T) {
	for bits := 8; bits <= 15; bits++ {
		for over := range 2 {
			r := rand.New(rand.NewPCG(1, 2))
			history := make([]byte, 1<<bits+over)
			for i := range history {
				history[i] = byte(r.Uint32())
			}
			z := NewInflater(bits, true)
			if out, err := inflateAll(z, stored(history), 1<<30); err != nil || !bytes.Equal(out, history) {
				t.Fatal(len(out), err)
			}
			out, err := inflateAll(z, match(len(history)), 1)
			switch {
			case over == 0 && (err != nil || !bytes.Equal(out, history[:3])):
				t.Errorf("%d bits: %x, %v", bits, out, err)
			case over == 1 && err != error(errDistance) && bits < 15: // 32,769 has no code
				t.Errorf("%d bits: %x, %v", bits, out, err)
			}
		}
	}
}

// stored is p in stored blocks, without the tail.
func stored(p []byte) (b []byte) {
	for ; len(p) > 0; p = p[min(len(p), 65535):] {
		n := min(len(p), 65535)
		b = append(b, 0, byte(n), byte(n>>8), ^byte(n), ^byte(n>>8))
		b = append(b, p[:n]...)
	}
	return append(b, 0)
}

// match is a block with the fixed code: one match of three bytes at a distance.
func match(dist int) []byte {
	var v, n uint64
	put := func(x, bits uint64) { v |= x << n; n += bits }
	put(0b010, 3)     // not last, fixed code
	put(0b1000000, 7) // 257 is 0000001, its first bit first
	sym, base, extra := 0, 1, 0
	for sym < 29 && dist >= base+1<<extra {
		base += 1 << extra
		sym++
		extra = max(0, sym/2-1)
	}
	for i := 4; i >= 0; i-- {
		put(uint64(sym>>i&1), 1)
	}
	put(uint64(dist-base), uint64(extra))
	put(0, 7) // end of block
	put(0, 3) // the stored block whose rest was taken away
	var b []byte
	for i := uint64(0); i < n; i += 8 {
		b = append(b, byte(v>>i))
	}
	return b
}

// TestInflateBad: each way to be no DEFLATE; cut at every point the verdict is the same.
func TestInflateBad(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     *Error
	}{
		{"empty", "", errDeflateEnd},
		{"reserved block type", "\x06", errDeflate},
		{"stored lengths differ", "\x00\x01\x00\xff\xff", errDeflate},
		{"stored, truncated", "\x00\x09\x00\xf6\xffHel", errDeflateEnd},
		{"no end of block", "\xf2\x48\xcd\xc9\xc9", errDeflateEnd},
		{"before the first byte", string(match(1)), errDeflate},
		{"HLIT 287", "\xf4\x05", errDeflate},
		{"HDIST 31", "\x04\x1e", errDeflate},
		{"no code for lengths", "\x04\x00\x00\x00", errDeflate},
		{"code for lengths over-subscribed", "\x04\xe0\x24\x49", errDeflate},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := playAll(t, setup{role: Server, deflate: true}, frame(Server, 0xc2, c.in))
			if got.err != c.want {
				t.Errorf("%v; want %v", got, c.want)
			}
		})
	}
}

// inflateBoth compares ours with compress/flate on any input, history and pieces.
func inflateBoth(tb testing.TB, in []byte, piece int) {
	const most = 1 << 18
	full := append(append([]byte(nil), in...), deflateTail[:]...)
	std, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(full)), most))
	var corrupt flate.CorruptInputError
	if len(std) == most {
		return
	}
	z := NewInflater(15, false)
	defer z.Release()
	got, ours := inflateAll(z, in, piece)
	switch {
	case err == nil: // it met a final block; we go on behind it
		if !bytes.HasPrefix(got, std) {
			tb.Fatalf("%d bytes, compress/flate %d; %v", len(got), len(std), ours)
		}
	case errors.As(err, &corrupt):
		if ours == nil {
			tb.Fatalf("taken; compress/flate: %v", err)
		}
	case ours == nil && !bytes.Equal(got, std): // unexpected EOF: no final block, which is usual here
		tb.Fatalf("%d bytes, compress/flate %d", len(got), len(std))
	}
}

// TestInflateDamaged compares with compress/flate on damaged streams.
func TestInflateDamaged(t *testing.T) {
	r := rand.New(rand.NewPCG(19, 51))
	for _, p := range samples() {
		p = p[:min(len(p), 3000)]
		for _, level := range []int{kflate.HuffmanOnly, 1, 6} {
			packed := stdDeflate(t, level, nil, p)
			for range 30 {
				bad := append([]byte(nil), packed...)
				for range 1 + r.IntN(3) {
					bad[r.IntN(min(len(bad), 1+r.IntN(200)))] ^= 1 << r.IntN(8)
				}
				inflateBoth(t, bad[:1+r.IntN(len(bad))], 1+r.IntN(100))
			}
		}
	}
}

// TestBombs: what grows a thousandfold ends at the limit, with 1009 and no more memory than a window.
func TestBombs(t *testing.T) {
	t.Parallel()
	d := NewDeflater(15, false)
	packed := d.Append(nil, make([]byte, 4<<20))
	for _, takeover := range []bool{false, true} {
		s := setup{role: Server, deflate: true, takeover: takeover, lim: &Limits{MaxMessage: 1 << 20}}
		in := frame(Server, 0xc2, string(packed))
		var dec Decoder
		z := NewInflater(15, takeover)
		dec.Reset(s.role, s.lim, z)
		got := 0
		for b := in; ; {
			ev, n, err := dec.Next(b)
			if err != nil {
				if err != error(errMessageBig) || got > 1<<20 || errMessageBig.Code != 1009 {
					t.Fatalf("%v after %d bytes", err, got)
				}
				break
			}
			if got += len(ev.Data); ev.Kind == None || ev.Last {
				t.Fatal("taken")
			}
			b = b[n:]
		}
		dec.Release()
		if z.Memory() > 32<<10 {
			t.Errorf("keeps %d bytes", z.Memory())
		}
	}
	// Exactly the limit is taken.
	s := setup{role: Server, deflate: true, lim: &Limits{MaxMessage: 4 << 20}}
	if got := play(t, s, frame(Server, 0xc2, string(packed))); got.err != nil || len(got.msgs[0]) != 4<<20 {
		t.Error(got)
	}
	// Empty blocks for ever: bounded on the wire.
	empty := frame(Client, 0x42, strings.Repeat("\x00\x00\x00\xff\xff", 8000))
	more := frame(Client, 0x00, strings.Repeat("\x00\x00\x00\xff\xff", 8000))
	in := append(empty, bytes.Repeat(more, 10)...)
	if got := play(t, setup{role: Client, deflate: true, lim: &Limits{MaxMessage: 1000}}, in); got.err != errPackedBig {
		t.Error(got)
	}
}

// TestCompressedMessages goes through whole decoders: fragments, control frames between them, every cut, text checked
// after decompression, windows that wrap.
func TestCompressedMessages(t *testing.T) {
	roles(t, func(t *testing.T, to Role) {
		for bits := 8; bits <= 15; bits += 7 {
			s := setup{role: to, deflate: true, bits: bits, takeover: true}
			d := NewDeflater(bits, true)
			var in []byte
			var want []string
			for i, text := range []string{"Hello", "", strings.Repeat("añ€😀", 200), fill(700), "Hello"} {
				packed := string(d.Append(nil, []byte(text)))
				cut := len(packed) * i / 5
				in = append(in, frames(to, 0x41, packed[:cut], 0x89, "p", 0x00, packed[cut:], 0x80, "", 0x81, "plain")...)
				want = append(want, "ping:p", "text:"+brief([]byte(text)), "text:plain")
			}
			if got := playAll(t, s, in).String(); got != strings.Join(want, " ") {
				t.Errorf("%s; want %s", got, want)
			}
			bad := string(NewDeflater(bits, true).Append(nil, []byte("abc\xed\xa0\x80")))
			if got := playAll(t, s, frame(to, 0xc1, bad)); got.err != errUTF8 {
				t.Error(got)
			}
		}
	})
}

// TestDeflaterMemory: what a kept compressor takes is about what [Deflater.Memory] says.
func TestDeflaterMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p := newPacker(15)
	_, _ = p.w.Write(make([]byte, 1000))
	_ = p.w.Flush()
	runtime.ReadMemStats(&after)
	got := int(after.TotalAlloc - before.TotalAlloc)
	t.Logf("%d bytes", got)
	if got < packerMemory/2 || got > 2*packerMemory {
		t.Errorf("%d bytes; said %d", got, packerMemory)
	}
}
