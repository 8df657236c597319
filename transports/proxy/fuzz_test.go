package proxy_test

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/calandria-go/calandria/transports/proxy"
)

// FuzzParse has any bytes parsed. A shorter part of a good header is never anything but unfinished, and what was parsed can be
// written and read again.
func FuzzParse(f *testing.F) {
	for _, c := range good {
		f.Add([]byte(c.text))
	}
	for _, c := range bad {
		f.Add([]byte(c.text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bytes.Clone(b)
		h, n, err := proxy.Parse(in, 0)
		if !bytes.Equal(in, b) {
			t.Fatal("Parse has written into its input")
		}
		if n < 0 || n > len(b) || err != nil && n != 0 {
			t.Fatalf("%d of %d, %v", n, len(b), err)
		}
		if n == 0 {
			return
		}
		for _, k := range []int{0, 1, 5, 6, 11, 12, 13, 15, 16, n / 2, n - 1} {
			if k >= n {
				continue
			}
			if _, m, err := proxy.Parse(b[:k], 0); m != 0 || err != nil {
				t.Fatalf("%d bytes of %d: %d, %v", k, n, m, err)
			}
		}
		h.SSL()
		var again []byte
		if h.Version == 1 {
			again, err = proxy.AppendV1(nil, h.Source, h.Destination)
		} else {
			again, err = proxy.AppendV2(nil, &h)
		}
		if err != nil {
			t.Fatalf("%+v cannot be written: %v", h, err)
		}
		h2, m, err := proxy.Parse(again, 1<<17)
		if err != nil || m != len(again) {
			t.Fatalf("%q: %v", again, err)
		}
		if h.Version == 1 { // a mapped address goes as what it is
			h.Family, h2.Family = 0, 0
			if h.Source.Addr().Unmap() != h2.Source.Addr().Unmap() || h.Source.Port() != h2.Source.Port() {
				t.Fatalf("%+v became %+v", h, h2)
			}
			return
		}
		if !reflect.DeepEqual(h, h2) {
			t.Fatalf("%+v became %+v", h, h2)
		}
	})
}
