package tftp_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/calandria-go/calandria/protocols/tftp"
	"github.com/calandria-go/calandria/protocols/tftp/wire"
)

// TestMatrix: every size, block and window, both modes, both ways, on ports of their own and on one.
func TestMatrix(t *testing.T) {
	for _, single := range []bool{false, true} {
		t.Run(fmt.Sprintf("single=%v", single), func(t *testing.T) {
			s := newSite(t, func(s *tftp.Server, f *tftp.Files) {
				writable(s, f)
				s.SinglePort = single
			})
			sizes := []int{0, 1, 511, 512, 513, 1 << 20}
			for _, n := range sizes {
				s.put(t, fmt.Sprintf("noise%d", n), noise(n))
				s.put(t, fmt.Sprintf("text%d", n), text(n))
			}
			for _, block := range []int{8, 512, 1428, 8192, 65464} {
				for _, window := range []int{1, 4, 16, 64} {
					if raceEnabled && (window == 4 || window == 64 && single) {
						continue
					}
					c := s.client()
					c.BlockSize, c.WindowSize = block, window
					for _, n := range sizes {
						if n > 10_000*block || raceEnabled && n > 1000*block {
							continue
						}
						what := fmt.Sprintf("%d bytes at %d by %d", n, block, window)
						c.Mode = wire.Octet
						b, res := get(t, c, fmt.Sprintf("noise%d", n))
						same(t, what, b, noise(n))
						if res.Agreed.BlockSize != block || n > 0 && res.Agreed.Size != int64(n) || res.FellBack {
							t.Errorf("%s: %+v", what, res)
						}
						if _, err := c.Put(ctx(t), "put", bytes.NewReader(noise(n)), int64(n)); err != nil {
							t.Fatalf("put %s: %v", what, err)
						}
						same(t, "put "+what, s.file(t, "put"), noise(n))
						c.Mode = wire.Netascii
						b, _ = get(t, c, fmt.Sprintf("text%d", n))
						same(t, "text, "+what, b, text(n))
						if _, err := c.Put(ctx(t), "put", bytes.NewReader(text(n)), -1); err != nil {
							t.Fatalf("put text, %s: %v", what, err)
						}
						same(t, "put text, "+what, s.file(t, "put"), text(n))
					}
				}
			}
		})
	}
}

// TestRollover: a file of more than 65,535 blocks.
func TestRollover(t *testing.T) {
	s := newSite(t, writable)
	b := noise(size(66_000*16, 66_000*8, 40<<20))
	block := size(16, 8, 512)
	s.put(t, "big", b)
	c := s.client()
	c.BlockSize, c.WindowSize = block, 64
	got, _ := get(t, c, "big")
	same(t, "get", got, b)
	if _, err := c.Put(ctx(t), "put", bytes.NewReader(b), int64(len(b))); err != nil {
		t.Fatal(err)
	}
	same(t, "put", s.file(t, "put"), b)
}
