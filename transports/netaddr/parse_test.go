package netaddr_test

import (
	"errors"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/calandria-go/calandria/transports/netaddr"
)

const spamhaus = "\xef\xbb\xbf; Spamhaus DROP List 2026/01/01\r\n" +
	"; https://www.spamhaus.org/drop/drop.txt\r\n" +
	"1.10.16.0/20 ; SBL256894\r\n" +
	"1.19.0.0/16 ; SBL434604\r\n" +
	"\r\n" +
	"2001:db8:1::/48 ; SBL1\r\n"

const fireholText = "#\n# firehol_level1\n#\n   \n0.0.0.0/8\n5.8.37.0/24\t# botnet\n10.0.0.1\n192.0.2.10-192.0.2.20\n2001:db8::5"

func networks(s *netaddr.Set) (all []string) {
	for p := range s.Prefixes() {
		all = append(all, p.String())
	}
	return all
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       []string
		lines      int
	}{
		{"spamhaus", spamhaus, []string{"1.10.16.0/20", "1.19.0.0/16", "2001:db8:1::/48"}, 6},
		{
			"firehol", fireholText,
			[]string{"0.0.0.0/8", "5.8.37.0/24", "10.0.0.1/32", "192.0.2.10/31", "192.0.2.12/30", "192.0.2.16/30", "192.0.2.20/32", "2001:db8::5/128"},
			9,
		},
		{"empty", "", nil, 0},
		{"comments alone", "# nobody today\n", nil, 1},
		{"host bits and twice the same", "10.1.2.3/8\n10.0.0.0/8\n", []string{"10.0.0.0/8"}, 2},
	} {
		for how, r := range map[string]io.Reader{
			"whole": strings.NewReader(c.text), "byte by byte": iotest.OneByteReader(strings.NewReader(c.text)),
			"with its end": iotest.DataErrReader(strings.NewReader(c.text)),
		} {
			s, report, err := netaddr.Parse(r, netaddr.ParseConfig{Strict: true})
			if err != nil || !slices.Equal(networks(s), c.want) || report.Lines != c.lines || report.BadLines != 0 {
				t.Errorf("%s, %s: %v, %+v, %v", c.name, how, networks(s), report, err)
			}
		}
	}
}

func TestParseBadLines(t *testing.T) {
	t.Parallel()
	lines := []struct{ text, why string }{
		{"10.0.0.0/33", "bits"},
		{"10.0.0.0/", "bits"},
		{"10.0.0.0/08", "bits"},
		{"2001:db8::/129", "bits"},
		{"10.0.0", "neither"},
		{"010.0.0.1", "neither"}, // octal to some: refused by all who are careful
		{"example.com", "neither"},
		{"10.0.0.0/8 SBL1", "bits"},
		{"10.0.0.1 10.0.0.2", "neither"},
		{"fe80::1%eth0", "zone"},
		{"10.0.0.9-10.0.0.1", "before its start"},
		{"10.0.0.1-2001:db8::1", "other"},
		{"10.0.0.1-", "neither"},
		{"10.0.0.1-10.0.0.2-10.0.0.3", "neither"},
		{"-", "neither"},
		{"/", "neither"},
		{"10.0.0.0/8-11.0.0.0/8", "neither"},
		{"\x00\xff", "neither"},
		{strings.Repeat("1", 1<<10+1), "too long"},
		{strings.Repeat(" ", 100<<10) + "10.0.0.1", "too long"},
	}
	var text strings.Builder
	for _, l := range lines {
		text.WriteString("192.0.2.1\n" + l.text + "\r\n")
	}
	s, report, err := netaddr.Parse(strings.NewReader(text.String()), netaddr.ParseConfig{})
	if err != nil || s.Len() != 1 || report.BadLines != len(lines) || len(report.Bad) != len(lines) || report.Entries != len(lines) {
		t.Fatalf("%d networks, %+v, %v", s.Len(), report, err)
	}
	for i, l := range lines {
		bad := report.Bad[i]
		if bad.Line != 2*i+2 || !strings.Contains(bad.Error(), l.why) || len(bad.Text) > 64 {
			t.Errorf("%.40q: %v", l.text, &bad)
		}
		var le *netaddr.LineError
		_, _, err := netaddr.Parse(strings.NewReader("192.0.2.1\n"+l.text), netaddr.ParseConfig{Strict: true})
		if !errors.As(err, &le) || le.Line != 2 {
			t.Errorf("strict, %.40q: %v", l.text, err)
		}
	}
}

func TestParseLimits(t *testing.T) {
	t.Parallel()
	page := "<html>\n<body>503 Service Unavailable</body>\n</html>\n"
	for _, c := range []struct {
		name, text string
		conf       netaddr.ParseConfig
		want       error
	}{
		{"as many networks as allowed", "10.0.0.1\n10.0.0.2\n", netaddr.ParseConfig{MaxEntries: 2}, nil},
		{"one more", "10.0.0.1\n10.0.0.2\n10.0.0.3\n", netaddr.ParseConfig{MaxEntries: 2}, netaddr.ErrTooLarge},
		{"a range that is more", "10.0.0.1-10.0.0.6\n", netaddr.ParseConfig{MaxEntries: 3}, netaddr.ErrTooLarge},
		{"as many bytes", "10.0.0.1\n", netaddr.ParseConfig{MaxBytes: 9}, nil},
		{"one byte more", "10.0.0.1\n\n", netaddr.ParseConfig{MaxBytes: 9}, netaddr.ErrTooLarge},
		{"bytes in one line", strings.Repeat(" ", 1<<20), netaddr.ParseConfig{MaxBytes: 1 << 19}, netaddr.ErrTooLarge},
		{"an error page", page, netaddr.ParseConfig{}, netaddr.ErrNoEntries},
		{"as long as allowed", "10.0.0.1 # 56789", netaddr.ParseConfig{MaxLineBytes: 16}, nil},
		{"as long as allowed, with CRLF", "10.0.0.1 # 56789\r\n", netaddr.ParseConfig{MaxLineBytes: 16}, nil},
		{"a longer one", "10.0.0.1 # 567890", netaddr.ParseConfig{MaxLineBytes: 16}, netaddr.ErrNoEntries},
		{"no limits", strings.Repeat(" ", 2<<20) + "10.0.0.1", netaddr.ParseConfig{MaxEntries: -1, MaxLineBytes: -1, MaxBytes: -1, MaxErrors: -1}, nil},
	} {
		s, _, err := netaddr.Parse(strings.NewReader(c.text), c.conf)
		if !errors.Is(err, c.want) || (err == nil) != (s != nil) {
			t.Errorf("%s: %v", c.name, err)
		}
		if err == nil && !s.Contains(netip.MustParseAddr("10.0.0.1")) {
			t.Errorf("%s: the address is not there", c.name)
		}
	}
	_, report, _ := netaddr.Parse(strings.NewReader(page), netaddr.ParseConfig{MaxErrors: 2})
	if report.BadLines != 3 || len(report.Bad) != 2 {
		t.Errorf("%+v", report)
	}
}

func TestParseReadError(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk on fire")
	s, _, err := netaddr.Parse(io.MultiReader(strings.NewReader("10.0.0.1\n"), iotest.ErrReader(broken)), netaddr.ParseConfig{})
	if s != nil || !errors.Is(err, broken) {
		t.Errorf("%v, %v", s, err)
	}
}
