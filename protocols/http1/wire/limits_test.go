package wire

import (
	"strings"
	"testing"
)

// headOf returns a request head of exactly n bytes, one field filling it up.
func headOf(n int) []byte {
	const start, end = "GET / HTTP/1.1\r\nHost: h\r\nA: ", "\r\n\r\n"
	return []byte(start + strings.Repeat("a", n-len(start)-len(end)) + end)
}

func lineOf(target int) []byte {
	return []byte("GET /" + strings.Repeat("a", target-1) + " HTTP/1.1\r\nHost: h\r\n\r\n")
}

func fieldsOf(n int) []byte {
	return []byte("GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("A: b\r\n", n-1) + "\r\n")
}

// TestLimits has each limit met exactly, and exceeded by one (RFC 6585 5, RFC
// 9110 15.5.15).
func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name   string
		head   []byte
		lim    *Limits
		status int // 0: taken
		reason string
	}{
		{"head, default", headOf(16 << 10), nil, 0, ""},
		{"head, default", headOf(16<<10 + 1), nil, 431, "head_too_large"},
		{"head, no limits given", headOf(16<<10 + 1), &Limits{}, 431, "head_too_large"},
		{"head", headOf(100), &Limits{MaxHeadBytes: 100}, 0, ""},
		{"head", headOf(101), &Limits{MaxHeadBytes: 100}, 431, "head_too_large"},
		{"head, counted with the empty line before it", append([]byte("\r\n"), headOf(99)...), &Limits{MaxHeadBytes: 100}, 431, "head_too_large"},
		{"head, unlimited", headOf(100 << 10), &Limits{MaxHeadBytes: -1}, 0, ""},
		{"head, never ending", []byte(strings.Repeat("A: b\r\n", 5000)), nil, 400, "bad_method"},
		{"head not complete at its limit", headOf(101)[:100], &Limits{MaxHeadBytes: 100}, 431, "head_too_large"},
		{"head within a name", []byte("GET / HTTP/1.0\r\n" + strings.Repeat("A", 100)), &Limits{MaxHeadBytes: 100}, 431, "head_too_large"},
		{"head within the version", []byte("GET / HTTP/1.0\r\n\r\n"), &Limits{MaxHeadBytes: 10}, 431, "head_too_large"},
		{"head within the target", []byte("GET /aaaaaaaaaaaaaaaa"), &Limits{MaxHeadBytes: 10}, 414, "target_too_long"},
		{"head within the query", []byte("GET /?aaaaaaaaaaaaaaa"), &Limits{MaxHeadBytes: 10}, 414, "target_too_long"},
		{"target, default", lineOf(8 << 10), nil, 0, ""},
		{"target, default", lineOf(8<<10 + 1), nil, 414, "target_too_long"},
		{"target", []byte("GET /3456789? HTTP/1.0\r\n\r\n"), &Limits{MaxTargetBytes: 9}, 0, ""},
		{"target", []byte("GET /3456789? HTTP/1.0\r\n\r\n"), &Limits{MaxTargetBytes: 8}, 414, "target_too_long"},
		{"target", []byte("GET /%41%41 HTTP/1.0\r\n\r\n"), &Limits{MaxTargetBytes: 7}, 0, ""},
		{"target", []byte("GET /%41%41 HTTP/1.0\r\n\r\n"), &Limits{MaxTargetBytes: 6}, 414, "target_too_long"},
		{"target, unlimited", lineOf(15 << 10), &Limits{MaxTargetBytes: -1}, 0, ""},
		{"target over its limit comes first", []byte("GET /aaaa\x00"), &Limits{MaxTargetBytes: 4}, 414, "target_too_long"},
		{"a bad byte comes first", []byte("GET /aaa\x00"), &Limits{MaxTargetBytes: 4}, 400, "bad_target"},
		{"fields, default", fieldsOf(100), nil, 0, ""},
		{"fields, default", fieldsOf(101), nil, 431, "too_many_fields"},
		{"fields", fieldsOf(3), &Limits{MaxFields: 3}, 0, ""},
		{"fields", fieldsOf(4), &Limits{MaxFields: 3}, 431, "too_many_fields"},
		{"fields, unlimited", fieldsOf(2000), &Limits{MaxFields: -1}, 0, ""},
		{"what is wrong before the limit comes first", []byte("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n x\r\nC: d\r\nE: f\r\n\r\n"), &Limits{MaxFields: 2}, 400, "obs_fold"},
	} {
		got := splitRequest(t, c.head, c.lim)
		if c.status == 0 {
			if got.err != nil || got.n != len(c.head) {
				t.Errorf("%s: %.100v", c.name, got)
			}
			continue
		}
		if got.err == nil || got.err.Reason != c.reason || got.err.Status != c.status {
			t.Errorf("%s: %.100v, want %d %s", c.name, got, c.status, c.reason)
		}
	}
}

func TestResponseLimits(t *testing.T) {
	head := func(n int) []byte {
		return []byte("HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", n-len("HTTP/1.1 200 OK\r\nA: \r\n\r\n")) + "\r\n\r\n")
	}
	for _, c := range []struct {
		head   []byte
		lim    *Limits
		reason string
	}{
		{head(16 << 10), nil, ""},
		{head(16<<10 + 1), nil, "head_too_large"},
		{head(50), &Limits{MaxHeadBytes: 50}, ""},
		{head(51), &Limits{MaxHeadBytes: 50}, "head_too_large"},
		{head(51)[:50], &Limits{MaxHeadBytes: 50}, "head_too_large"},
		{[]byte("HTTP/1.1 200 " + strings.Repeat("a", 100)), &Limits{MaxHeadBytes: 50}, "head_too_large"},
		{[]byte("HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 100) + "\r\n"), nil, ""},
		{[]byte("HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 101) + "\r\n"), nil, "too_many_fields"},
	} {
		got := splitResponse(t, c.head, c.lim)
		if c.reason == "" && (got.err != nil || got.n != len(c.head)) || c.reason != "" && (got.err == nil || got.err.Reason != c.reason) {
			t.Errorf("%.40q: %.100v, want %q", c.head, got, c.reason)
		}
	}
}

// TestAtOnce: what is wrong is refused at the byte after the last of these, and
// not before.
func TestAtOnce(t *testing.T) {
	for _, b := range []string{
		"\x16", "\x00", "\n", "\rG", "\r\n\r", "G\x00", "G@", "GET\t", "GET  ", "GET /\x00", "GET /#", "GET /\"",
		"GET /\r", "GET / h", "GET / HTTP/1.1 ", "GET / HTTP/1.1\n", "GET / HTTP/1.1\rH", "GET / HTTP/2.0\r",
		"GET / HTTP/x", "GET / HTTP/12", strings.Repeat("M", 33), "GET a HTTP/1.1\r\n", "GET * HTTP/1.1\r\n",
		"GET /%zz HTTP/1.1\r\n", "CONNECT / HTTP/1.1\r\n", "GET http://u@h/ HTTP/1.1\r\n",
		"GET / HTTP/1.1\r\n ", "GET / HTTP/1.1\r\n:", "GET / HTTP/1.1\r\nA ", "GET / HTTP/1.1\r\nA\x00",
		"GET / HTTP/1.1\r\nA\r", "GET / HTTP/1.1\r\nA: \x00", "GET / HTTP/1.1\r\nA: b\n", "GET / HTTP/1.1\r\nA: b\rc",
		"GET / HTTP/1.1\r\nA: b\r\n ", "GET / HTTP/1.1\r\nHost: a b\r\n", "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n",
		"GET / HTTP/1.1\r\nContent-Length: x\r\n", "GET / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
		"GET / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n", "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", "GET / HTTP/1.1\r\nA: b\r\n\r\n",
	} {
		var r Request
		n, err := r.Parse([]byte(b[:len(b)-1]), nil)
		if n != 0 || err != nil {
			t.Errorf("%q: %d, %v before the last byte", b, n, err)
		}
		if _, err = r.Parse([]byte(b), nil); err == nil {
			t.Errorf("%q: not refused", b)
		}
	}
	for _, b := range []string{
		"\r", "g", "5g", "5 ", "5\n", "5\rx", "5;;", "5;a=\"\x00", "8000000000000000", "00000000000000000",
		"1\r\nxy", "1\r\nx\rx", "0\r\n ", "0\r\nA ", "0\r\n\rx", "0\r\nHost: h\r\n",
	} {
		var c Chunked
		if got := chunkedOutcome(t, &c, []byte(b[:len(b)-1]), allCuts(len(b)-1), nil); got.err != nil {
			t.Errorf("%q: %v before the last byte", b, got)
		}
		if got := chunkedOutcome(t, &c, []byte(b), allCuts(len(b)), nil); got.err == nil {
			t.Errorf("%q: not refused: %v", b, got)
		}
	}
}

// TestWorkIsLinear: a megabyte that comes byte by byte. A scanner that began
// again at each call would look at 5*10^11 bytes.
func TestWorkIsLinear(t *testing.T) {
	lim := &Limits{MaxHeadBytes: -1, MaxTargetBytes: -1, MaxFields: -1}
	const size = 1 << 20
	heads := map[string][]byte{
		"target": lineOf(size),
		"value":  headOf(size),
		"fields": fieldsOf(size / 6),
		"name":   []byte("GET / HTTP/1.0\r\n" + strings.Repeat("n", size) + ": v\r\n\r\n"),
		"tabs":   []byte("GET / HTTP/1.0\r\nA:" + strings.Repeat("\t", size) + "\r\n\r\n"),
		"spaces": []byte("GET / HTTP/1.0\r\nA: b" + strings.Repeat(" ", size) + "\r\n\r\n"),
	}
	for name, head := range heads {
		parseByByte(t, name, head, new(Request), lim)
	}
	parseByByte(t, "reason", []byte("HTTP/1.1 200 "+strings.Repeat("r", size)+"\r\n\r\n"), new(Response), lim)
	parseByByte(t, "response", []byte("HTTP/1.1 200 OK\r\n"+strings.Repeat("A: b\r\n", size/6)+"\r\n"), new(Response), lim)
}

func parseByByte(t *testing.T, name string, b []byte, r parser, lim *Limits) {
	for i := 1; i <= len(b); i++ {
		n, err := r.Parse(b[:i], lim)
		if err != nil || n > 0 && n != len(b) {
			t.Fatalf("%s: %d of %d, %v", name, n, len(b), err)
		}
		if r.at() < i-1 { // all but the last byte are behind it
			t.Fatalf("%s: at %d with %d bytes", name, r.at(), i)
		}
		if i == len(b) && n == 0 {
			t.Fatalf("%s: wants more", name)
		}
	}
}

type parser interface {
	Parse([]byte, *Limits) (int, error)
	at() int
}

func (h *head) at() int { return int(h.pos) }
