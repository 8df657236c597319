package wire

import (
	"bytes"
	"testing"
)

// FuzzParse: what is taken lies within its limits, and written again it is the same packet.
func FuzzParse(f *testing.F) {
	for _, c := range accepted {
		f.Add([]byte(c.in[:min(len(c.in), 1000)]))
	}
	for _, c := range refused {
		f.Add([]byte(c.in[:min(len(c.in), 1000)]))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err != nil {
			if _, ok := err.(*Error); !ok {
				t.Fatalf("%T", err)
			}
			return
		}
		var again []byte
		switch p.Op {
		case OpData:
			again, err = AppendData(nil, p.Block, p.Data)
			if !bytes.Equal(again, b) {
				t.Fatalf("%q became %q", b, again)
			}
		case OpAck:
			again = AppendAck(nil, p.Block)
		case OpError:
			_ = NewRemoteError(&p).Error()
			return
		case OpOACK:
			again = append(AppendOACK(nil), p.Options...)
		default:
			if len(b) > MaxRequestSize || len(p.Filename) == 0 || bytes.IndexByte(p.Filename, 0) >= 0 {
				t.Fatalf("%q: %+v", b, p)
			}
			again, err = AppendRequest(nil, p.Op, string(p.Filename), p.Mode)
			again = append(again, p.Options...)
		}
		if err != nil {
			t.Fatalf("%q cannot be written: %v", b, err)
		}
		q, err := Parse(again)
		if err != nil || q.Op != p.Op || q.Mode != p.Mode || q.Block != p.Block || !bytes.Equal(q.Filename, p.Filename) ||
			!bytes.Equal(q.Options, p.Options) || !bytes.Equal(q.Data, p.Data) {
			t.Fatalf("%+v became %+v, %v", p, q, err)
		}
		count := 0
		for name := range p.Options.All() {
			count++
			o, known := LookupOption(name)
			if _, spelt, _ := p.Options.Get(o); known && !bytes.Equal(spelt, name) {
				t.Fatalf("%q: %q is not %q", b, spelt, name)
			}
		}
		if count != p.Options.Len() {
			t.Fatalf("%d options; Len is %d", count, p.Options.Len())
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for _, c := range []struct{ name, in string }{
		{"ACK", "\x00\x04\x00\x01"},
		{"DATA", "\x00\x03\x00\x01" + string(make([]byte, 1428))},
		{"RRQ", "\x00\x01boot/vmlinuz\x00octet\x00blksize\x001468\x00tsize\x000\x00windowsize\x0016\x00"},
	} {
		in := []byte(c.in)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
