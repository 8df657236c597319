package compress

import (
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1/wire"
)

var defaultOrder = []coding{zstdCoding, br, gzipCoding, deflate}

func chosen(t testing.TB, order []coding, lines ...string) coding {
	t.Helper()
	in := "GET / HTTP/1.1\r\nHost: a\r\n"
	for _, l := range lines {
		in += "accept-encoding: " + l + "\r\n"
	}
	in += "\r\n"
	var r wire.Request
	if n, err := r.Parse([]byte(in), nil); err != nil || n != len(in) {
		t.Fatalf("%q: %d, %v", in, n, err)
	}
	w := readWeights(&r)
	if !w.field {
		return identity
	}
	return w.choose(order)
}

// RFC 9110 section 12.5.3.
func TestAcceptEncoding(t *testing.T) {
	for _, tc := range []struct {
		lines []string
		want  coding
	}{
		{nil, identity}, // no field
		{[]string{""}, identity},
		// The examples of the section.
		{[]string{"compress, gzip"}, gzipCoding},
		{[]string{"*"}, zstdCoding},
		{[]string{"compress;q=0.5, gzip;q=1.0"}, gzipCoding},
		{[]string{"gzip;q=1.0, identity; q=0.5, *;q=0"}, gzipCoding},
		// What clients send.
		{[]string{"gzip, deflate, br, zstd"}, zstdCoding},
		{[]string{"gzip, deflate, br"}, br},
		{[]string{"gzip, deflate"}, gzipCoding},
		{[]string{"deflate"}, deflate},
		{[]string{"gzip"}, gzipCoding},
		{[]string{"x-gzip"}, gzipCoding},
		{[]string{"GZip"}, gzipCoding},
		{[]string{"identity"}, identity},
		{[]string{"identity", "gzip"}, gzipCoding},
		// Weights.
		{[]string{"gzip;q=0.8, br;q=0.9"}, br},
		{[]string{"gzip;q=0.9, br;q=0.8"}, gzipCoding},
		{[]string{"gzip;q=0.001"}, gzipCoding},
		{[]string{"gzip;q=0"}, identity},
		{[]string{"gzip;q=0.000, br;q=0.0, zstd;q=0"}, identity},
		{[]string{"*;q=0"}, identity},
		{[]string{"*;q=0, br"}, br},
		{[]string{"*, zstd;q=0, br;q=0"}, gzipCoding},
		{[]string{"*;q=0.5, gzip;q=0.6"}, gzipCoding},
		{[]string{"identity;q=1, gzip;q=0.5"}, identity},
		{[]string{"identity;q=0.5, gzip;q=0.5"}, gzipCoding},
		{[]string{"identity;q=0"}, identity}, // never 406
		{[]string{"identity;q=0, compress"}, identity},
		{[]string{"identity;q=0, gzip;q=0.1"}, gzipCoding},
		{[]string{"gzip;q=0, gzip"}, identity}, // excluded once is excluded
		{[]string{"gzip \t;\t q=1 , br"}, br},
		{[]string{",, gzip ,,"}, gzipCoding},
		// Malformed: not there.
		{[]string{"gzip;q=2"}, identity},
		{[]string{"gzip;q=1.001"}, identity},
		{[]string{"gzip;q=0.1234"}, identity},
		{[]string{"gzip;q=-1"}, identity},
		{[]string{"gzip;q="}, identity},
		{[]string{"gzip;q=.5"}, identity},
		{[]string{"gzip;q=1,br;x=1"}, gzipCoding},
		{[]string{"gzip;level=9"}, identity},
		{[]string{"gzip;q=0.5;q=1"}, identity},
		{[]string{";q=1"}, identity},
		{[]string{"gzip br"}, identity},
		{[]string{"gzipx, xgzip"}, identity},
	} {
		if got := chosen(t, defaultOrder, tc.lines...); got != tc.want {
			t.Errorf("%q: %s, want %s", tc.lines, codingNames[got], codingNames[tc.want])
		}
	}
	if got := chosen(t, []coding{gzipCoding}, "br, zstd"); got != identity {
		t.Errorf("not offered: %s", codingNames[got])
	}
	if got := chosen(t, []coding{gzipCoding, br}, "br, gzip"); got != gzipCoding {
		t.Errorf("the server's preference among equals: %s", codingNames[got])
	}
}

func TestQvalue(t *testing.T) {
	for in, want := range map[string]int{"0": 0, "1": 1000, "0.": 0, "1.": 1000, "0.5": 500, "0.05": 50, "0.005": 5, "1.0": 1000, "1.000": 1000} {
		if got, ok := qvalue([]byte(in)); !ok || got != want {
			t.Errorf("%s: %d, %v", in, got, ok)
		}
	}
	for _, in := range []string{"2", "1.1", "0.0000", "00", "0,5", "0.x", "a", "01", "1.01"} {
		if got, ok := qvalue([]byte(in)); ok {
			t.Errorf("%s: %d", in, got)
		}
	}
}

func FuzzAcceptEncoding(f *testing.F) {
	for _, s := range []string{"gzip, deflate, br, zstd", "*;q=0, gzip;q=0.5", "identity;q=0", ";q=,", "gzip;q=1.000\t,\tbr"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, list string) {
		if !wire.ValidFieldValue(list) || len(list) > 1000 {
			return
		}
		all := weights{star: -1, of: [codings]int{-1, -1, -1, -1, -1}}
		all.add([]byte(list))
		for _, q := range append(all.of[:], all.star) {
			if q < -1 || q > 1000 {
				t.Fatalf("%q: weight %d", list, q)
			}
		}
		got := all.choose(defaultOrder)
		if got == identity {
			return
		}
		if !strings.Contains(strings.ToLower(list), codingNames[got]) && !strings.Contains(list, "*") {
			t.Fatalf("%q: %s", list, codingNames[got])
		}
		// Excluding it takes it away.
		all.add([]byte(codingNames[got] + ";q=0"))
		if again := all.choose(defaultOrder); again == got {
			t.Fatalf("%q and %s;q=0", list, codingNames[got])
		}
	})
}

func TestTypes(t *testing.T) {
	s := newTypeSet(defaultTypes)
	for _, in := range []string{
		"text/html", "text/html; charset=utf-8", "Text/HTML ;x", "application/json", "application/problem+json", "image/svg+xml",
		"text/event-stream", "application/javascript", "application/wasm",
	} {
		if !s.has(in) {
			t.Errorf("%q is not compressed", in)
		}
	}
	for _, in := range []string{
		"", ";", "image/png", "video/mp4", "application/zip", "font/woff2", "application/octet-stream", "texts/html", "application/gzip",
	} {
		if s.has(in) {
			t.Errorf("%q is compressed", in)
		}
	}
	if n := testing.AllocsPerRun(100, func() { s.has("text/html; charset=utf-8"); s.has("image/png") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
