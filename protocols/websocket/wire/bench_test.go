package wire

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"
)

func BenchmarkCipher(b *testing.B) {
	for _, n := range []int{16, 125, 1 << 10, 64 << 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := make([]byte, n)
			b.SetBytes(int64(n))
			for b.Loop() {
				Cipher(p, [4]byte{1, 2, 3, 4}, 1)
			}
		})
	}
}

func BenchmarkUTF8(b *testing.B) {
	for name, unit := range map[string]string{"ascii": "abcdefgh", "mixed": "añ€😀 and so on"} {
		b.Run(name, func(b *testing.B) {
			p := []byte(strings.Repeat(unit, 64<<10/len(unit)))
			b.SetBytes(int64(len(p)))
			var u utf8Check
			for b.Loop() {
				if !u.push(p) {
					b.Fatal("invalid")
				}
			}
		})
	}
}

// BenchmarkDecode decodes 64 KiB of frames at a time, as a server; an op is a frame.
func BenchmarkDecode(b *testing.B) {
	for _, n := range []int{16, 1 << 10, 64 << 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			one := frame(Server, 0x81, fill(n))
			// The mask is zero, so that unmasking, which is done as ever, leaves the frames as they were.
			h := Header{Fin: true, Op: Text, Masked: true, Length: int64(n)}
			one = append(AppendHeader(one[:0], h), fill(n)...)
			in := bytes.Repeat(one, max(1, 64<<10/n))
			var d Decoder
			b.SetBytes(int64(n))
			b.ReportAllocs()
			rest := in
			for b.Loop() {
				ev, m, err := d.Next(rest)
				if err != nil || !ev.Last {
					b.Fatal(ev, err)
				}
				if rest = rest[m:]; len(rest) == 0 {
					rest = in
				}
			}
		})
	}
}

func BenchmarkInflate(b *testing.B) {
	p := samples()[8]
	packed := NewDeflater(15, false).Append(nil, p)
	b.Run("ours", func(b *testing.B) {
		z := NewInflater(15, false)
		b.SetBytes(int64(len(p)))
		b.ReportAllocs()
		for b.Loop() {
			z.begin()
			in := packed
			for {
				n, _ := z.write(in)
				in = in[n:]
				z.take()
				if len(in) == 0 && !z.full() {
					break
				}
			}
			if ok, err := z.finish(); !ok || err != nil {
				b.Fatal(err)
			}
			z.settle()
		}
	})
	b.Run("klauspost", func(b *testing.B) {
		full := append(bytes.Clone(packed), "\x00\x00\xff\xff\x01\x00\x00\xff\xff"...)
		r := flate.NewReader(nil)
		b.SetBytes(int64(len(p)))
		for b.Loop() {
			_ = r.(flate.Resetter).Reset(bytes.NewReader(full), nil)
			_, _ = io.Copy(io.Discard, r)
		}
	})
}

func BenchmarkDeflate(b *testing.B) {
	for _, n := range []int{100, 1 << 10, 64 << 10} {
		for _, takeover := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d/%v", n, takeover), func(b *testing.B) {
				d := NewDeflater(15, takeover)
				p := samples()[8][:n]
				var out []byte
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					out = d.Append(out[:0], p)
				}
				b.ReportMetric(float64(len(out)), "out/op")
			})
		}
	}
}
