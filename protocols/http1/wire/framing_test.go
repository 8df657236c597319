package wire

import (
	"fmt"
	"strings"
	"testing"
)

// A framingLine is a field line that says how long the body is.
type framingLine struct {
	text string
	bad  string // why it is refused on its own, in HTTP/1.1
	kind byte   // L: a length; C: chunked; O: another coding; P: that, then chunked; X: other lists; !: not even a value
}

var framingLines = []framingLine{
	{"", "", 0},
	{"Content-Length: 0", "", 'L'},
	{"Content-Length: 5", "", 'L'},
	{"Content-Length:5", "", 'L'},
	{"Content-Length: 005", "", 'L'},
	{"Content-Length:", "bad_content_length", 'L'},
	{"Content-Length: +5", "bad_content_length", 'L'},
	{"Content-Length: -5", "bad_content_length", 'L'},
	{"Content-Length: 5 5", "bad_content_length", 'L'},
	{"Content-Length: 5, 5", "bad_content_length", 'L'},
	{"Content-Length: 5,6", "bad_content_length", 'L'},
	{"Content-Length: 5,", "bad_content_length", 'L'},
	{"Content-Length: ,5", "bad_content_length", 'L'},
	{"Content-Length: 0x5", "bad_content_length", 'L'},
	{"Content-Length: 5e1", "bad_content_length", 'L'},
	{"Content-Length: 5.0", "bad_content_length", 'L'},
	{"Content-Length: 5_0", "bad_content_length", 'L'},
	{"Content-Length: \"5\"", "bad_content_length", 'L'},
	{"Content-Length: 5;a=b", "bad_content_length", 'L'},
	{"Content-Length: \xb2", "bad_content_length", 'L'},
	{"Content-Length: a", "bad_content_length", 'L'},
	{"Content-Length: 9223372036854775808", "bad_content_length", 'L'},
	{"Content-Length: 18446744073709551621", "bad_content_length", 'L'},
	{"Content-Length: 00000000000000000005", "bad_content_length", 'L'},
	{"Content-Length: 99999999999999999999999999", "bad_content_length", 'L'},
	{"Transfer-Encoding: chunked", "", 'C'},
	{"Transfer-Encoding: CHUNKED", "", 'C'},
	{"Transfer-Encoding:chunked\t", "", 'C'},
	{"Transfer-Encoding: identity", "unknown_transfer_coding", 'O'},
	{"Transfer-Encoding: gzip", "unknown_transfer_coding", 'O'},
	{"Transfer-Encoding: gzip;a=\"\"", "unknown_transfer_coding", 'O'},
	{"Transfer-Encoding: xchunked", "unknown_transfer_coding", 'O'},
	{"Transfer-Encoding: chunkedx", "unknown_transfer_coding", 'O'},
	{"Transfer-Encoding: gzip;a=b ; c=\"d\\\"e\"", "unknown_transfer_coding", 'O'},
	{"Transfer-Encoding: gzip, chunked", "unknown_transfer_coding", 'P'},
	{"Transfer-Encoding: gzip;a=\",\",chunked", "unknown_transfer_coding", 'P'},
	{"Transfer-Encoding: identity , chunked", "unknown_transfer_coding", 'P'},
	{"Transfer-Encoding: chunked, gzip", "chunked_not_last", 'X'},
	{"Transfer-Encoding: chunked, identity", "chunked_not_last", 'X'},
	{"Transfer-Encoding: chunked, chunked", "chunked_repeated", 'X'},
	{"Transfer-Encoding: gzip, chunked, chunked", "chunked_repeated", 'X'},
	{"Transfer-Encoding:", "bad_transfer_encoding", 'X'},
	{"Transfer-Encoding: ,", "bad_transfer_encoding", 'X'},
	{"Transfer-Encoding: ,chunked", "bad_transfer_encoding", 'X'},
	{"Transfer-Encoding: chunked,", "bad_transfer_encoding", 'C'},
	{"Transfer-Encoding: chunked, ", "bad_transfer_encoding", 'C'},
	{"Transfer-Encoding: gzip,, chunked", "bad_transfer_encoding", 'O'},
	{"Transfer-Encoding: chunked;a=b", "bad_transfer_encoding", 'X'},
	{"Transfer-Encoding: chunked;", "bad_transfer_encoding", 'X'},
	{"Transfer-Encoding: gzip;", "bad_transfer_encoding", 'X'},
	{"Transfer-Encoding: gzip;a", "bad_transfer_encoding", 'X'},
	{"Transfer-Encoding: gzip;a=", "bad_transfer_encoding", 'X'},
	{"Transfer-Encoding: gzip;a=\"b", "bad_transfer_encoding", 'X'},
	{"Transfer-Encoding: gzip;a=\"b\\\"", "bad_transfer_encoding", 'X'},
	{"Transfer-Encoding: gzip;a=\"b\"c", "bad_transfer_encoding", 'O'},
	{"Transfer-Encoding: \"chunked\"", "bad_transfer_encoding", 'X'},
	{"Transfer-Encoding: 'chunked'", "unknown_transfer_coding", 'O'},
	{"Transfer-Encoding: chunked chunked", "bad_transfer_encoding", 'C'},
	{"Transfer-Encoding: chunked gzip", "bad_transfer_encoding", 'C'},
	{"Transfer-Encoding: \xa0chunked", "bad_transfer_encoding", 'X'},
	{"Transfer-Encoding: chunked\xa0", "bad_transfer_encoding", 'C'},
	{"Transfer-Encoding: chunked\x00", "ctl_in_value", '!'},
	{"Transfer-Encoding: \x0bchunked", "ctl_in_value", '!'},
	{"Transfer-Encoding: chunked\x0c", "ctl_in_value", '!'},
	{"Transfer-Encoding: chunked\x85", "bad_transfer_encoding", 'C'},
	{"Transfer-Encoding: chunked\r", "bare_cr", '!'},
	{"Transfer-Encoding: \rchunked", "bare_cr", '!'},
}

func (l framingLine) isLength() bool { return l.kind == 'L' }
func (l framingLine) isCoding() bool { return l.kind != 0 && l.kind != 'L' }

// framingVerdict is what becomes of a request with two of these lines.
func framingVerdict(minor int, a, b framingLine) string {
	if reason := lineVerdict(minor, framingLine{}, a); reason != "" {
		return reason
	}
	if reason := lineVerdict(minor, a, b); reason != "" {
		return reason
	}
	if a.bad != "" {
		return a.bad // known only at the end
	}
	return b.bad
}

// lineVerdict says why line l, with prev before it, is refused at its end.
func lineVerdict(minor int, prev, l framingLine) string {
	switch {
	case l.kind == 0:
		return ""
	case l.kind == '!':
		return l.bad
	case l.isCoding() && minor == 0:
		return "te_on_http10"
	case l.isLength() && prev.isLength():
		return "repeated_content_length"
	case prev.kind != 0 && l.isLength() != prev.isLength():
		return "both_cl_and_te"
	case l.isCoding() && (prev.kind == 'C' || prev.kind == 'P'):
		// The list goes on behind chunked: its first coding decides, if it has one.
		switch {
		case l.kind == 'C', l.bad == "chunked_not_last":
			return "chunked_repeated"
		case l.kind == 'O', l.kind == 'P', strings.HasPrefix(l.text, "Transfer-Encoding: gzip, chunked, chunked"):
			return "chunked_not_last"
		}
		return l.bad
	case l.bad == "unknown_transfer_coding":
		return ""
	}
	return l.bad
}

// TestFraming is the full product of what Content-Length and Transfer-Encoding
// fields, none, one or two of them, in each order, can say in a request of either
// version (RFC 9112 6): only what has one reading is taken.
func TestFraming(t *testing.T) {
	total, taken := 0, 0
	for minor := range 2 {
		for _, a := range framingLines {
			for _, b := range framingLines {
				head := fmt.Sprintf("POST / HTTP/1.%d\r\nHost: h\r\n", minor)
				for _, l := range []framingLine{a, b} {
					if l.text != "" {
						head += l.text + "\r\n"
					}
				}
				head += "\r\n"
				var r Request
				got := requestOutcome(t, &r, []byte(head), []int{len(head)}, nil)
				if step := requestOutcome(t, &r, []byte(head), allCuts(len(head)), nil); got != step {
					t.Fatalf("%q: whole %v, byte by byte %v", head, got, step)
				}
				reason := ""
				if got.err != nil {
					reason = got.err.Reason
				} else {
					taken++
				}
				if want := framingVerdict(minor, a, b); reason != want {
					t.Errorf("%q: %q, want %q", head, reason, want)
				}
				total++
			}
		}
	}
	for _, l := range framingLines {
		if l.text != "" {
			splitRequest(t, []byte("POST / HTTP/1.1\r\nHost: h\r\n"+l.text+"\r\n\r\n"), nil)
		}
	}
	// In each version none, or one of four good lengths; in 1.1 also one of three
	// good codings; each of these before or behind nothing.
	if want := 2*(1+2*4) + 2*3; taken != want {
		t.Errorf("%d of %d taken, want %d", taken, total, want)
	}
}

func allCuts(n int) []int {
	cuts := make([]int, n)
	for i := range cuts {
		cuts[i] = i + 1
	}
	return cuts
}

// TestDeclaredLength: what a peer declares costs nothing before it comes.
func TestDeclaredLength(t *testing.T) {
	head := []byte("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9223372036854775807\r\n\r\n")
	size := []byte("7fffffffffffffff\r\nabc")
	var r Request
	var c Chunked
	r.Parse(head, nil)
	if n := testing.AllocsPerRun(100, func() {
		r.Reset()
		if _, err := r.Parse(head, nil); err != nil || r.ContentLength() != 1<<63-1 {
			t.Fatal(err, r.ContentLength())
		}
		c.Reset()
		if data, n, err := c.Next(size, nil); string(data) != "abc" || n != len(size) || err != nil {
			t.Fatalf("%q %d %v", data, n, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	// The same where the trailer section grows: by what came, not by what may.
	c.Reset()
	c.Next([]byte("0\r\nA"), &Limits{MaxTrailerBytes: 1 << 30})
	if n := cap(c.tail.bytes); n > 64 {
		t.Errorf("%d bytes for one", n)
	}
}
