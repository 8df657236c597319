package wire

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"
)

// written checks that a refused write leaves what was there, and returns what a
// successful one added.
func written(t *testing.T, f func(dst []byte) ([]byte, error)) (string, *Error) {
	t.Helper()
	dst := append(make([]byte, 0, 100), "before"...)
	out, err := f(dst)
	s, ok := strings.CutPrefix(string(out), "before")
	if !ok || err != nil && s != "" {
		t.Fatalf("%q after %v", out, err)
	}
	return s, asError(t, err)
}

func TestAppendStatusLine(t *testing.T) {
	for status, want := range map[int]string{
		100: "HTTP/1.1 100 Continue\r\n",
		200: "HTTP/1.1 200 OK\r\n",
		404: "HTTP/1.1 404 Not Found\r\n",
		299: "HTTP/1.1 299 \r\n",
		999: "HTTP/1.1 999 \r\n",
		0:   "HTTP/1.1 500 Internal Server Error\r\n",
		99:  "HTTP/1.1 500 Internal Server Error\r\n",
		-1:  "HTTP/1.1 500 Internal Server Error\r\n",
		1e9: "HTTP/1.1 500 Internal Server Error\r\n",
	} {
		if got := string(AppendStatusLine(nil, status)); got != want {
			t.Errorf("%d: %q, want %q", status, got, want)
		}
	}
	for status := -10; status < 1100; status++ {
		if got, want := StatusText(status), http.StatusText(status); got != want {
			t.Errorf("%d: %q, net/http %q", status, got, want)
		}
		var r Response
		b := append(AppendStatusLine(nil, status), "\r\n"...)
		n, err := r.Parse(b, nil)
		if n != len(b) || err != nil || status >= 100 && status <= 999 && r.Status() != status {
			t.Errorf("%d: %q: %d, %v", status, b, n, err)
		}
	}
}

func TestAppendRequestLine(t *testing.T) {
	for _, c := range []struct{ method, target, reason string }{
		{"GET", "/", ""},
		{"get", "/a?b", ""},
		{"GET", "http://h/", ""},
		{"OPTIONS", "*", ""},
		{"CONNECT", "h:80", ""},
		{strings.Repeat("M", 32), "/", ""},
		{"GET", "/" + strings.Repeat("a", 1<<16), ""},
		{"", "/", "bad_method"},
		{"GET ", "/", "bad_request_line"},
		{"\r\nGET", "/", "bad_request_line"},
		{"GET / HTTP/1.1\r\nA: b\r\n\r\nGET", "/", "bad_request_line"},
		{"G\r\nT", "/", "bad_method"},
		{"G:T", "/", "bad_method"},
		{strings.Repeat("M", 33), "/", "method_too_long"},
		{"GET", "", "bad_request_line"},
		{"GET", " /", "bad_request_line"},
		{"GET", "/ ", "bad_version"},
		{"GET", "/a b", "bad_version"},
		{"GET", "/ HTTP/1.1\r\nA: b\r\n\r\nGET /", "bad_request_line"},
		{"GET", "/ HTTP/1.1\r\nA:", "bad_request_line"},
		{"GET", "/\r\n", "missing_version"},
		{"GET", "/\n", "bare_lf"},
		{"GET", "/\x00", "bad_target"},
		{"GET", "/é", "bad_target"},
		{"GET", "/#a", "fragment_in_target"},
		{"GET", "/%", "bad_percent_encoding"},
		{"GET", "a", "bad_target_form"},
		{"GET", "*", "asterisk_not_options"},
		{"CONNECT", "/", "bad_connect_target"},
	} {
		got, err := written(t, func(dst []byte) ([]byte, error) { return AppendRequestLine(dst, c.method, c.target) })
		if c.reason == "" {
			if want := c.method + " " + c.target + " HTTP/1.1\r\n"; got != want || err != nil {
				t.Errorf("%q %q: %q, %v", c.method, c.target, got, err)
			}
		} else if err == nil || err.Reason != c.reason {
			t.Errorf("%q %q: %q, %v, want %s", c.method, c.target, got, err, c.reason)
		}
	}
}

func TestAppendField(t *testing.T) {
	for _, c := range []struct{ name, value, want, reason string }{
		{"A", "b", "A: b\r\n", ""},
		{"A", "", "A: \r\n", ""},
		{"A", " \tb c\t ", "A: b c\r\n", ""},
		{"A", "b\tc\x80\xff\"", "A: b\tc\x80\xff\"\r\n", ""},
		{"a-1!#$%&'*+.^_`|~", "b", "a-1!#$%&'*+.^_`|~: b\r\n", ""},
		{"", "b", "", "empty_field_name"},
		{"A ", "b", "", "bad_field_name"},
		{" A", "b", "", "bad_field_name"},
		{"A:", "b", "", "bad_field_name"},
		{"A\r\nB", "b", "", "bad_field_name"},
		{"A\x00", "b", "", "bad_field_name"},
		{"é", "b", "", "bad_field_name"},
		{"A", "b\r\nC: d", "", "ctl_in_value"},
		{"A", "b\r", "", "ctl_in_value"},
		{"A", "\n", "", "ctl_in_value"},
		{"A", "\n b", "", "ctl_in_value"},
		{"A", "12345678\x00", "", "ctl_in_value"},
		{"A", "b\x7f", "", "ctl_in_value"},
		{"A", "\x0bb", "", "ctl_in_value"},
	} {
		for _, f := range []func(dst []byte) ([]byte, error){
			func(dst []byte) ([]byte, error) { return AppendField(dst, c.name, c.value) },
			func(dst []byte) ([]byte, error) { return AppendFieldBytes(dst, c.name, []byte(c.value)) },
		} {
			got, err := written(t, f)
			reason := ""
			if err != nil {
				reason = err.Reason
			}
			if got != c.want || reason != c.reason {
				t.Errorf("%q %q: %q, %q", c.name, c.value, got, reason)
			}
			if valid := ValidToken(c.name) && ValidFieldValue(c.value); valid != (err == nil) {
				t.Errorf("%q %q: valid %v, %v", c.name, c.value, valid, err)
			}
		}
	}
}

func TestAppendDate(t *testing.T) {
	for s, want := range map[string]string{
		"1994-11-06T08:49:37Z":      "Sun, 06 Nov 1994 08:49:37 GMT",
		"2024-02-29T23:59:59-01:00": "Fri, 01 Mar 2024 00:59:59 GMT",
		"0001-01-01T00:00:00Z":      "Mon, 01 Jan 0001 00:00:00 GMT",
		"9999-12-31T23:59:59Z":      "Fri, 31 Dec 9999 23:59:59 GMT",
	} {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		got := string(AppendDate([]byte("x"), at))
		if got != "x"+want {
			t.Errorf("%s: %q", s, got)
		}
		if back, err := http.ParseTime(got[1:]); err != nil || !back.Equal(at) {
			t.Errorf("%s: %v, %v", s, back, err)
		}
	}
}

func TestAppendContentLength(t *testing.T) {
	for n, want := range map[int64]string{
		0: "Content-Length: 0\r\n", 5: "Content-Length: 5\r\n", -1: "", math.MinInt64: "",
		math.MaxInt64: "Content-Length: 9223372036854775807\r\n",
	} {
		if got := string(AppendContentLength(nil, n)); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}

func TestAppendChunks(t *testing.T) {
	b := AppendChunk(nil, []byte("hello"))
	b = AppendChunk(b, nil)
	b = AppendChunkHeader(b, 0)
	b = AppendChunkHeader(b, -5)
	b = AppendChunk(b, bytes.Repeat([]byte("x"), 300))
	b = append(append(AppendChunkHeader(b, 10), "0123456789"...), "\r\n"...)
	b, err := AppendLastChunk(b, []Field{{"A", " b "}, {"C", ""}})
	want := "5\r\nhello\r\n12c\r\n" + strings.Repeat("x", 300) + "\r\na\r\n0123456789\r\n0\r\nA: b\r\nC: \r\n\r\n"
	if string(b) != want || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	got := splitChunked(t, b, nil)
	if what := fmt.Sprintf("%q", "hello"+strings.Repeat("x", 300)+"0123456789") + ` A="b" C=""`; got.what != what || got.err != nil {
		t.Errorf("%v", got)
	}
	for _, c := range []struct {
		f      Field
		reason string
	}{
		{Field{"A", "b\r\nC: d"}, "ctl_in_value"},
		{Field{"A\r\n\r\nGET", "b"}, "bad_field_name"},
		{Field{"", "b"}, "empty_field_name"},
		{Field{"content-Length", "5"}, "forbidden_trailer"},
		{Field{"Host", "h"}, "forbidden_trailer"},
		{Field{"Set-Cookie", "a=b"}, "forbidden_trailer"},
	} {
		s, err := written(t, func(dst []byte) ([]byte, error) { return AppendLastChunk(dst, []Field{{"A", "b"}, c.f}) })
		if err == nil || err.Reason != c.reason {
			t.Errorf("%v: %q, %v", c.f, s, err)
		}
	}
}
