package wire

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

var now2026 = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestParseDate(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		// RFC 9110 5.6.7: one instant in three formats.
		{"Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"},
		{"Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37Z"},
		{"Sun Nov  6 08:49:37 1994", "1994-11-06T08:49:37Z"},
		{"Wed Nov 16 08:49:37 1994", "1994-11-16T08:49:37Z"},
		{"Mon, 01 Jan 0000 00:00:00 GMT", "0000-01-01T00:00:00Z"},
		{"Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59Z"},
		{"Tue, 29 Feb 2000 00:00:00 GMT", "2000-02-29T00:00:00Z"},
		{"Sat, 31 Dec 2016 23:59:60 GMT", "2017-01-01T00:00:00Z"}, // a leap second
		{"Mon, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"}, // it was no Monday: not checked
		// Two digits: at most 50 years after now, 23 November 2026 at noon.
		{"Monday, 23-Nov-76 12:00:00 GMT", "2076-11-23T12:00:00Z"},
		{"Monday, 23-Nov-76 12:00:01 GMT", "1976-11-23T12:00:01Z"},
		{"Wednesday, 01-Jan-77 00:00:00 GMT", "1977-01-01T00:00:00Z"},
		{"Thursday, 01-Jan-26 00:00:00 GMT", "2026-01-01T00:00:00Z"},
		{"Tuesday, 29-Feb-00 00:00:00 GMT", "2000-02-29T00:00:00Z"},
	} {
		got, ok := ParseDate(tc.in, now2026)
		if !ok || got.Format(time.RFC3339) != tc.want {
			t.Errorf("%q: %v, %v, want %s", tc.in, got, ok, tc.want)
		}
		if b, ok := ParseDate([]byte(tc.in), now2026); !ok || !b.Equal(got) {
			t.Errorf("%q as bytes: %v, %v", tc.in, b, ok)
		}
	}
	// In 2060 the years reach into the next century, in which 00 is no leap year.
	if got, ok := ParseDate("Tuesday, 29-Feb-00 00:00:00 GMT", now2026.AddDate(34, 0, 0)); !ok || got.Year() != 2000 {
		t.Errorf("%v, %v", got, ok)
	}
}

func TestParseDateRefused(t *testing.T) {
	good := "Sun, 06 Nov 1994 08:49:37 GMT"
	for _, in := range []string{
		"", "0", "-1", "784111777", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 +00",
		"sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 gmt",
		"Sun, 6 Nov 1994 08:49:37 GMT", "Sun,  6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
		"Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Wed, 30 Feb 2000 00:00:00 GMT",
		"Mon, 29 Feb 1900 00:00:00 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 32 Oct 1994 08:49:37 GMT",
		"Sun, 06 ovN 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08-49-37 GMT", "Sun, 06 Nov -994 08:49:37 GMT",
		"Tuesday, 30-Feb-00 00:00:00 GMT", "Sunday, 06-Nov-1994 08:49:37 GMT", "Sunday, 06 Nov 94 08:49:37 GMT",
		"Sun Nov 6 08:49:37 1994", "Sun Nov 06 08:49:37 1994 ", "Someday, 06-Nov-94 08:49:37 GMT", "Sun Nov  x 08:49:37 1994",
		good + ", " + good, " " + good, good + " ",
	} {
		if got, ok := ParseDate(in, now2026); ok {
			t.Errorf("%q: %v", in, got)
		}
	}
	for i := range good { // at every split point
		if got, ok := ParseDate(good[:i], now2026); ok {
			t.Errorf("%q: %v", good[:i], got)
		}
	}
}

func TestParseDateAllocs(t *testing.T) {
	b := []byte("Sunday, 06-Nov-94 08:49:37 GMT")
	if n := testing.AllocsPerRun(100, func() { ParseDate(b, now2026) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzDate compares with net/http, which takes a little more, and pivots two-digit years elsewhere.
func FuzzDate(f *testing.F) {
	for _, s := range []string{
		"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Tue, 29 Feb 2000 00:00:60 GMT",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := ParseDate(s, now2026)
		if !ok {
			if len(s) == 29 {
				// What net/http writes is always read.
				if want, err := time.Parse(http.TimeFormat, s); err == nil && want.Format(http.TimeFormat) == s {
					t.Fatalf("%q refused", s)
				}
			}
			return
		}
		want, err := http.ParseTime(s)
		if err != nil {
			if strings.Contains(s, ":60") {
				return // a leap second
			}
			t.Fatalf("%q: %v, net/http: %v", s, got, err)
		}
		if got.Unix() != want.Unix() && (got.Year()-want.Year())%100 != 0 {
			t.Fatalf("%q: %v, net/http %v", s, got, want)
		}
	})
}
