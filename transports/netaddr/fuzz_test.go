package netaddr_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/calandria-go/calandria/transports/netaddr"
)

// FuzzParse has any text parsed, whole and byte by byte; what comes out, written down, has to come in again.
func FuzzParse(f *testing.F) {
	f.Add(spamhaus, "1.10.16.1")
	f.Add(fireholText, "::ffff:192.0.2.15")
	f.Add("10.0.0.1-10.0.0.6\r\n::1-::f;\n#", "::2%lo")
	f.Fuzz(func(t *testing.T, text, addr string) {
		conf := netaddr.ParseConfig{MaxEntries: 5000, MaxLineBytes: 64, MaxBytes: 1 << 20}
		s, report, err := netaddr.Parse(strings.NewReader(text), conf)
		s2, report2, err2 := netaddr.Parse(iotest.OneByteReader(strings.NewReader(text)), conf)
		if (err == nil) != (err2 == nil) || report.Entries != report2.Entries || report.BadLines != report2.BadLines {
			t.Fatalf("byte by byte: %v, %+v; whole: %v, %+v", err2, report2, err, report)
		}
		if err != nil {
			return
		}
		all := slices.Collect(s.Prefixes())
		if !slices.Equal(all, slices.Collect(s2.Prefixes())) {
			t.Fatal("byte by byte it is another set")
		}
		var again strings.Builder
		for _, p := range all {
			again.WriteString(p.String() + "\n")
		}
		s3, _, err := netaddr.Parse(strings.NewReader(again.String()), netaddr.ParseConfig{Strict: true})
		if err != nil || !slices.Equal(all, slices.Collect(s3.Prefixes())) {
			t.Fatalf("written down and read again: %v", err)
		}
		a, err := netip.ParseAddr(addr)
		if err != nil {
			return
		}
		if got, want := s.Contains(a), naive(all, a); got != want {
			t.Fatalf("%v in %v: %v", a, all, got)
		}
	})
}
