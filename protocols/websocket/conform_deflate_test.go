package websocket_test

import (
	"fmt"
	"strings"

	"github.com/calandria-go/calandria/protocols/websocket/wire"
)

// deflateSettings are what may be agreed on.
var deflateSettings = []wire.Deflate{
	{},
	{ServerNoContextTakeover: true, ClientNoContextTakeover: true},
	{ServerNoContextTakeover: true},
	{ClientNoContextTakeover: true},
	{ServerMaxWindowBits: 8, ClientMaxWindowBits: 8},
	{ServerMaxWindowBits: 9, ClientMaxWindowBits: 15},
	{ServerMaxWindowBits: 12, ClientMaxWindowBits: 10, ServerNoContextTakeover: true},
}

// conformDeflate has compressed messages of many kinds and sizes, for all settings, several in a row.
func conformDeflate() (all []conformCase) {
	payloads := []string{
		"", "a", strings.Repeat("abcdefgh", 2), strings.Repeat("{\"key\":[1,2,3]},", 64),
		strings.Repeat("lorem ipsum dolor sit amet ", 300), strings.Repeat("0", 70_000), noise(3000),
	}
	for i, d := range deflateSettings {
		for j, p := range payloads {
			for k, first := range []byte{fText, fBin} {
				c := conformCase{id: fmt.Sprintf("12.%d.%d.%d", i+1, j+1, k+1), deflate: &d, long: len(p) > 5000}
				var want []string
				for range 3 {
					f := fr(first, p)
					f.packed = true
					c.frames = append(c.frames, f)
					if k == 0 {
						want = append(want, textBack(p))
					} else {
						want = append(want, binBack(p))
					}
				}
				c.frames = append(c.frames, fr(first, "not compressed"), closing)
				if k == 0 {
					want = append(want, textBack("not compressed"))
				} else {
					want = append(want, binBack("not compressed"))
				}
				c.want = wants(append(want, ok)...)
				all = append(all, c)
			}
		}
	}
	return all
}

// noise is printable and hardly compresses.
func noise(n int) string {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = ' ' + byte(x>>24)%95
	}
	return string(b)
}

// conformDeflateBad has what compression makes possible to do wrong, and bombs.
func conformDeflateBad() (all []conformCase) {
	d := &wire.Deflate{}
	small := &wire.Deflate{ServerMaxWindowBits: 8, ClientMaxWindowBits: 8}
	packed := func(bits int, s string) string { return string(wire.NewDeflater(bits, false).Append(nil, []byte(s))) }
	with := func(d *wire.Deflate, c conformCase) conformCase {
		c.deflate = d
		return c
	}
	hello := packed(15, "Hello, Hello, Hello")
	far := packed(15, noise(600)+noise(300))
	bomb := with(d, bad("13.9", "", 1009, fr(0xc1, packed(15, strings.Repeat("0", 100_000)))))
	bomb.limits = wire.Limits{MaxMessage: 10_000}
	blocks := with(d, bad("13.10", "", 1009, fr(0xc1, strings.Repeat("\x00\x00\x00\xff\xff", 20_000))))
	blocks.limits, blocks.long = wire.Limits{MaxMessage: 1000}, true
	return append(all,
		with(d, good("13.1", textBack("Hello, Hello, Hello"), fr(0x41, hello[:3]), fr(fCont, hello[3:]))),
		with(d, good("13.2", wants(pongBack("p"), textBack("Hello, Hello, Hello")), fr(0x41, hello[:3]), fr(fPing, "p"), fr(fCont, hello[3:]))),
		with(d, bad("13.3", "", 1002, fr(0x41, hello[:3]), fr(0xc0, hello[3:]))),
		with(d, bad("13.4", "", 1002, fr(0xc9, ""))),
		with(d, bad("13.5", "", 1002, fr(0xa1, hello))),
		with(d, bad("13.6", "", 1007, fr(0xc1, "\xff\xff\xff"))),
		with(d, bad("13.7", "", 1007, fr(0xc1, hello[:4]))),
		with(small, bad("13.8", "", 1007, fr(0xc1, far))),
		bomb, blocks,
		with(d, bad("13.11", "", 1007, fr(0xc1, packed(15, "bad \xff text")))),
		with(d, good("13.12", binBack("bad \xff text"), fr(0xc2, packed(15, "bad \xff text")))),
		with(d, good("13.13", textBack(""), fr(0xc1, "\x00"))),
		with(d, bad("13.14", "", 1002, fr(0x81|0x20, "x"))),
	)
}
