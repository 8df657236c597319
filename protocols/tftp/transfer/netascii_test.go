package transfer

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/tftp/wire"
)

// TestNetasciiTransfer: text with pairs cut by blocks and windows everywhere. The machines carry the encoded bytes, the
// translation is around them.
func TestNetasciiTransfer(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, block := range []int{8, 9, 512} {
		for range 50 {
			var text strings.Builder
			for range rnd.IntN(3 * block) {
				text.WriteByte("a\r\n\x00"[rnd.IntN(4)])
			}
			if got := carryText(t, text.String(), block); got != text.String() {
				t.Fatalf("blocks of %d: %q became %q", block, text.String(), got)
			}
		}
	}
}

func carryText(t *testing.T, text string, block int) string {
	var s Sender
	var r Receiver
	var enc wire.NetasciiEncoder
	var dec wire.NetasciiDecoder
	req := request(t, wire.OpRRQ, "netascii", "tsize", "0", "windowsize", "3", "blksize", fmt.Sprint(block))
	if err := r.Get(nil, "f", wire.Netascii, &Options{Size: true, BlockSize: block, WindowSize: 3}); err != nil {
		t.Fatal(err)
	}
	drain(&r, epoch)
	s.Serve(nil, req, int64(len(text)))
	if s.Agreed().Size != -1 {
		t.Fatal("a size was answered")
	}
	src, got, out := []byte(text), []byte(nil), make([]byte, block+1)
	for s.Outcome() == Running {
		for space := s.Space(); space > 0 && (len(src) > 0 || enc.Pending()); space = s.Space() {
			n, read := enc.Transform(out[:min(space, len(out))], src)
			src = src[read:]
			if s.Write(out[:n]) != n {
				t.Fatal("less space than promised")
			}
		}
		if len(src) == 0 && !enc.Pending() {
			s.Finish()
		}
		for p := s.Next(epoch); p != nil; p = s.Next(epoch) {
			b, last := r.Packet(p, epoch)
			n, _ := dec.Transform(out, b)
			got = append(got, out[:n]...)
			if last {
				got = append(got, out[:dec.Flush(out)]...)
				r.Commit()
			}
		}
		for p := r.Next(epoch); p != nil; p = r.Next(epoch) {
			s.Packet(p, epoch)
		}
	}
	if s.Outcome() != Completed {
		t.Fatal(s.Err())
	}
	return string(got)
}
