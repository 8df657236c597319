package wire

import (
	"strings"
	"testing"
	"time"
)

// RFC 9110 8.8.3.2, the table of examples.
func TestEntityTagComparison(t *testing.T) {
	for _, tc := range []struct {
		a, b         string
		strong, weak bool
	}{
		{`W/"1"`, `W/"1"`, false, true},
		{`W/"1"`, `W/"2"`, false, false},
		{`W/"1"`, `"1"`, false, true},
		{`"1"`, `"1"`, true, true},
		{`""`, `""`, true, true},
		{`"a,\b"`, `"a,\b"`, true, true},
		{"", "", false, false},
		{"1", "1", false, false},
		{`w/"1"`, `w/"1"`, false, false},
		{`"a b"`, `"a b"`, false, false},
		{`"1`, `"1`, false, false},
		{`"1"x`, `"1"x`, false, false},
		{`W/W/"1"`, `W/"1"`, false, false},
	} {
		if got := StrongMatch(tc.a, tc.b); got != tc.strong {
			t.Errorf("strong %s %s: %v", tc.a, tc.b, got)
		}
		if got := WeakMatch(tc.a, tc.b); got != tc.weak {
			t.Errorf("weak %s %s: %v", tc.a, tc.b, got)
		}
		if WeakMatch(tc.a, tc.b) != WeakMatch(tc.b, tc.a) {
			t.Errorf("weak comparison of %s and %s depends on their order", tc.a, tc.b)
		}
	}
	for in, want := range map[string]string{`"1"`: `W/"1"`, `W/"1"`: `W/"1"`, "": "", "x": "x", `"`: `"`} {
		if got := WeakTag(in); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

const (
	stamp   = "Sat, 29 Oct 1994 19:43:31 GMT"
	before  = "Sat, 29 Oct 1994 19:43:30 GMT"
	after   = "Sat, 29 Oct 1994 19:43:32 GMT"
	stamp80 = "Saturday, 29-Oct-94 19:43:31 GMT"
	stampC  = "Sat Oct 29 19:43:31 1994"
)

func conditionsOf(t testing.TB, method string, fields ...string) (Conditions, bool) {
	t.Helper()
	var r Request
	in := method + " / HTTP/1.1\r\nHost: a\r\n" + strings.Join(append(fields, "", ""), "\r\n")
	if method == "CONNECT" {
		in = strings.Replace(in, " / ", " a:1 ", 1)
	}
	if n, err := r.Parse([]byte(in), nil); n != len(in) || err != nil {
		t.Fatalf("%q: %d, %v", in, n, err)
	}
	return ReadConditions(&r)
}

// The conditions of RFC 9110 13.1 in the order of 13.2.2.
func TestConditions(t *testing.T) {
	modified, _ := ParseDate(stamp, now2026)
	strong := Validators{ETag: `"x"`, Modified: modified.Add(999 * time.Millisecond)}
	weak := Validators{ETag: `W/"x"`, Modified: modified}
	bare := Validators{}
	missing := Validators{Missing: true}
	const im, inm, ims, ius = "If-Match: ", "If-None-Match: ", "If-Modified-Since: ", "If-Unmodified-Since: "
	for _, tc := range []struct {
		name   string
		method string
		v      Validators
		want   int
		fields []string
	}{
		{"none", "GET", strong, 0, nil},
		// 13.1.1
		{"match", "PUT", strong, 0, []string{im + `"x"`}},
		{"match in a list", "PUT", strong, 0, []string{im + `"a", "b,c" ,"x"`}},
		{"match over lines", "PUT", strong, 0, []string{im + `"a"`, im + `"x"`}},
		{"match, other", "PUT", strong, 412, []string{im + `"y"`}},
		{"match, GET too", "GET", strong, 412, []string{im + `"y"`}},
		{"match is strong", "PUT", weak, 412, []string{im + `W/"x"`}},
		{"match is strong 2", "PUT", strong, 412, []string{im + `W/"x"`}},
		{"match any", "PUT", bare, 0, []string{im + "*"}},
		{"match any, missing", "PUT", missing, 412, []string{im + "*"}},
		{"match, missing", "PUT", missing, 412, []string{im + `"x"`}},
		{"match, no tag", "PUT", bare, 412, []string{im + `""`}},
		{"match, empty", "PUT", strong, 412, []string{im}},
		{"match any and more", "PUT", strong, 412, []string{im + `*, "x"`}},
		{"match, malformed", "PUT", strong, 412, []string{im + "x"}},
		{"match, cut inside the tag", "PUT", Validators{ETag: `"b`}, 412, []string{im + `"a,"b`}},
		// 13.1.2
		{"none match", "GET", strong, 0, []string{inm + `"y"`}},
		{"none match, same", "GET", strong, 304, []string{inm + `"x"`}},
		{"none match, HEAD", "HEAD", strong, 304, []string{inm + `"x"`}},
		{"none match, POST", "POST", strong, 412, []string{inm + `"x"`}},
		{"none match is weak", "GET", strong, 304, []string{inm + `W/"x"`}},
		{"none match is weak 2", "GET", weak, 304, []string{inm + `"a",,"x"`}},
		{"none match, any", "GET", strong, 304, []string{inm + "*"}},
		{"none match, create", "PUT", missing, 0, []string{inm + "*"}},
		{"none match, exists", "PUT", bare, 412, []string{inm + "*"}},
		{"none match, any and more", "PUT", bare, 412, []string{inm + `"y", *`}},
		{"none match, malformed", "GET", strong, 0, []string{inm + "x"}},
		{"none match, malformed and good", "GET", strong, 304, []string{inm + `x, "x"`}},
		{"none match, something behind", "GET", strong, 0, []string{inm + `"x"y`}},
		{"none match, empty", "GET", strong, 0, []string{inm}},
		// 13.1.3
		{"modified since, same", "GET", strong, 304, []string{ims + stamp}},
		{"modified since, RFC 850", "GET", strong, 304, []string{ims + stamp80}},
		{"modified since, asctime", "GET", strong, 304, []string{ims + stampC}},
		{"modified since, later", "HEAD", strong, 304, []string{ims + after}},
		{"modified since, it was", "GET", strong, 0, []string{ims + before}},
		{"modified since, POST", "POST", strong, 0, []string{ims + stamp}},
		{"modified since, no date known", "GET", bare, 0, []string{ims + stamp}},
		{"modified since, no date", "GET", strong, 0, []string{ims + "yesterday"}},
		{"modified since, twice", "GET", strong, 0, []string{ims + stamp, ims + stamp}},
		{"modified since behind none match", "GET", strong, 0, []string{ims + stamp, inm + `"y"`}},
		{"modified since behind an empty none match", "GET", strong, 0, []string{ims + stamp, inm}},
		// 13.1.4
		{"unmodified since", "PUT", strong, 0, []string{ius + stamp}},
		{"unmodified since, later", "PUT", strong, 0, []string{ius + after}},
		{"unmodified since, it was", "PUT", strong, 412, []string{ius + before}},
		{"unmodified since, GET too", "GET", strong, 412, []string{ius + before}},
		{"unmodified since, no date", "PUT", strong, 0, []string{ius + "x"}},
		{"unmodified since, no date known", "PUT", bare, 0, []string{ius + before}},
		{"unmodified since behind match", "PUT", strong, 0, []string{ius + before, im + `"x"`}},
		// 13.2.2: step 1 comes before step 3, and does not hide it.
		{"both hold", "GET", strong, 0, []string{im + `"x"`, inm + `"y"`}},
		{"match fails first", "GET", strong, 412, []string{im + `"y"`, inm + `"x"`}},
		{"match holds, none match does not", "GET", strong, 304, []string{im + `"x"`, inm + `"x"`}},
		{"unmodified holds, modified does not", "GET", strong, 304, []string{ius + stamp, ims + stamp}},
		// 13.2.1
		{"OPTIONS", "OPTIONS", strong, 0, []string{im + `"y"`}},
		{"TRACE", "TRACE", strong, 0, []string{im + `"y"`}},
		{"CONNECT", "CONNECT", strong, 0, []string{im + `"y"`}},
		{"letter case", "GET", strong, 304, []string{`iF-nOnE-mAtCh: "x"`}},
	} {
		c, ok := conditionsOf(t, tc.method, tc.fields...)
		if !ok && tc.want != 0 {
			t.Errorf("%s: not found", tc.name)
		}
		if got := c.Evaluate(tc.v, now2026); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}

// RFC 9110 13.1.5.
func TestIfRange(t *testing.T) {
	modified, _ := ParseDate(stamp, now2026)
	strong := Validators{ETag: `"x"`, Modified: modified}
	for _, tc := range []struct {
		value string
		v     Validators
		want  bool
	}{
		{`"x"`, strong, true},
		{`"y"`, strong, false},
		{`W/"x"`, Validators{ETag: `W/"x"`}, false},
		{`W/"x"`, strong, false},
		{`"x", "y"`, strong, false},
		{stamp, strong, true},
		{stampC, strong, true},
		{after, strong, false},
		{before, strong, false},
		{stamp, Validators{ETag: `"x"`}, false},
		{"", strong, false},
		{`"x"`, Validators{Missing: true}, false},
	} {
		c, _ := conditionsOf(t, "GET", "If-Range: "+tc.value, "Range: bytes=0-1")
		if got := c.RangeHolds(tc.v, now2026); got != tc.want {
			t.Errorf("%s: %v", tc.value, got)
		}
	}
	// In the second of the change its date is no strong validator yet (8.8.2.2).
	c, _ := conditionsOf(t, "GET", "If-Range: "+stamp, "Range: bytes=0-1")
	if c.RangeHolds(strong, modified.Add(900*time.Millisecond)) || !c.RangeHolds(strong, modified.Add(time.Second)) {
		t.Error("the second in which the representation changed")
	}
	for _, method := range []string{"GET", "HEAD", "PUT"} {
		c, _ := conditionsOf(t, method, `If-Range: "y"`)
		if !c.RangeHolds(strong, now2026) {
			t.Errorf("%s without Range: If-Range counts", method)
		}
	}
}

func TestConditionsAllocs(t *testing.T) {
	var r Request
	in := []byte("GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: x\r\nAccept: */*\r\nIx-x-x-x-x: y\r\n\r\n")
	if _, err := r.Parse(in, nil); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { ReadConditions(&r) }); n != 0 {
		t.Errorf("%v allocations without a condition", n)
	}
	c, _ := conditionsOf(t, "GET", `If-None-Match: "a", W/"b", "c"`, "If-Match: *")
	v := Validators{ETag: `W/"c"`}
	if n := testing.AllocsPerRun(100, func() { c.Evaluate(v, now2026) }); n != 0 {
		t.Errorf("%v allocations to evaluate", n)
	}
}

// FuzzConditions checks what holds for every list of tags and every date.
func FuzzConditions(f *testing.F) {
	f.Add(`"x"`, `W/"y", "z"`, stamp)
	f.Add("*", `*, "x"`, stamp80)
	f.Add(`"a,b" , ,`, "", stampC)
	f.Add(`"x"y, "x`, `\"`, "Sat")
	modified, _ := ParseDate(stamp, now2026)
	f.Fuzz(func(t *testing.T, match, none, date string) {
		v := Validators{ETag: `"x"`, Modified: modified}
		c := Conditions{Get: true, IfMatch: match, IfNoneMatch: none, IfModifiedSince: date, IfUnmodifiedSince: date}
		got := c.Evaluate(v, now2026)
		if got != 0 && got != 304 && got != 412 {
			t.Fatal(got)
		}
		// Whatever stands before a tag without quotes does not hide it.
		if none != "" && !strings.Contains(none, `"`) {
			d := Conditions{Get: true, IfNoneMatch: none + `,"x"`}
			if got := d.Evaluate(v, now2026); got != 304 {
				t.Fatalf("%q: %d", none, got)
			}
		}
		// What strong comparison finds, weak comparison finds too.
		a := Conditions{IfMatch: match}
		b := Conditions{Get: true, IfNoneMatch: match}
		if match != "" && a.Evaluate(v, now2026) == 0 && b.Evaluate(v, now2026) != 304 {
			t.Fatalf("%q: strong but not weak", match)
		}
		// An unsafe request is never told that the client has it.
		c.Get = false
		if c.Evaluate(v, now2026) == 304 {
			t.Fatal("304 for an unsafe method")
		}
	})
}

func BenchmarkReadConditions(b *testing.B) {
	var r Request
	in := []byte("GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: x\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nIf-None-Match: \"0123456789abcdef\"\r\n\r\n")
	r.Parse(in, nil)
	v := Validators{ETag: `"0123456789abcdef"`}
	b.ReportAllocs()
	for b.Loop() {
		c, _ := ReadConditions(&r)
		if c.Evaluate(v, now2026) != 304 {
			b.Fatal()
		}
	}
}
