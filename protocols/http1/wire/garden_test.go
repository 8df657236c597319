package wire

import "testing"

// The attacks that the HTTP Garden and its like found in other implementations,
// one by one.

func wantRefused(t *testing.T, head, reason string) {
	t.Helper()
	if got := splitRequest(t, []byte(head), nil); got.err == nil || got.err.Reason != reason {
		t.Errorf("%q: %v, want %s", head, got, reason)
	}
}

// golang/go#53188: bare CR around a coding, cut off as white space.
func TestGardenBareCRAroundChunked(t *testing.T) {
	for _, v := range []string{"\rchunked", "chunked\r", " \rchunked", "chunked \r ", "chun\rked"} {
		wantRefused(t, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "+v+"\r\n\r\n0\r\n\r\n", "bare_cr")
	}
	for _, v := range []string{"\x0bchunked", "chunked\x0b", "chunked\x0c", "\x00chunked", "chunked\x1f", "\x7fchunked"} {
		wantRefused(t, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "+v+"\r\n\r\n0\r\n\r\n", "ctl_in_value")
	}
	for _, v := range []string{"\x85chunked", "chunked\xa0", "\xc2\xa0chunked", "\xe2\x80\x83chunked"} {
		wantRefused(t, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "+v+"\r\n\r\n0\r\n\r\n", "bad_transfer_encoding")
	}
}

// golang/go#61679: a version with CRs in it.
func TestGardenVersion(t *testing.T) {
	for _, v := range []string{"HTTP/\r\r1.1", "HTTP/1.\r1", "HTTP/+1.1", "HTTP/1.+1", "HTTP/01.1", "HTTP/1.01", "HTTP/1.1.1", "HTTP/١.1", "HTTP/\x00.1", "HTTP/1.\x00"} {
		wantRefused(t, "GET / "+v+"\r\nHost: h\r\n\r\n", "bad_version")
	}
	wantRefused(t, "GET / HTTP/1.1\r\r\nHost: h\r\n\r\n", "bare_cr")
}

// golang/go#64517: an empty Content-Length, taken for none.
func TestGardenEmptyContentLength(t *testing.T) {
	for _, v := range []string{"", " ", "\t", " \t "} {
		wantRefused(t, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:"+v+"\r\n\r\nGET / HTTP/1.1\r\n", "bad_content_length")
	}
}

// golang/go#65244: more than one CRLF between two chunks.
func TestGardenExtraCRLF(t *testing.T) {
	wantChunked(t, "1\r\na\r\n\r\n1\r\nb\r\n0\r\n\r\n", "bad_chunk_size")
	wantChunked(t, "1\r\na\r\n\r\n0\r\n\r\n", "bad_chunk_size")
	wantChunked(t, "\r\n1\r\na\r\n0\r\n\r\n", "bad_chunk_size")
}

// fasthttp#2187, hertz#1497: white space before the colon, or in a name.
func TestGardenSpaceInName(t *testing.T) {
	for _, line := range []string{"Content-Length : 5", "Content-Length\t: 5", "Content Length: 5", "Transfer-Encoding : chunked", "X : Y"} {
		wantRefused(t, "POST / HTTP/1.1\r\nHost: h\r\n"+line+"\r\n\r\n", "space_before_colon")
	}
	for _, line := range []string{"Content-Length\x00: 5", "Content-Length\xa0: 5", "Transfer-Encoding\x0b: chunked", "(Content-Length): 5", "Content-Length;: 5"} {
		wantRefused(t, "POST / HTTP/1.1\r\nHost: h\r\n"+line+"\r\n\r\n", "bad_field_name")
	}
}

// hertz#1490, Crystal GHSA-wqh5-7w63-pm68, fasthttp#2303, #2294, #2330: two
// framings, or one twice.
func TestGardenTwoFramings(t *testing.T) {
	const start = "POST / HTTP/1.1\r\nHost: h\r\n"
	wantRefused(t, start+"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "both_cl_and_te")
	wantRefused(t, start+"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "both_cl_and_te")
	wantRefused(t, start+"Transfer-Encoding: x\r\nContent-Length: 5\r\n\r\n", "both_cl_and_te")
	wantRefused(t, start+"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", "chunked_not_last")
	wantRefused(t, start+"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n", "unknown_transfer_coding")
	wantRefused(t, start+"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", "repeated_content_length")
	wantRefused(t, start+"Content-Length: 5\r\nContent-Length: 5\r\n\r\n", "repeated_content_length")
	wantRefused(t, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "te_on_http10")
}

// fasthttp#2343: a length that wraps round.
func TestGardenLengthOverflow(t *testing.T) {
	for _, v := range []string{"18446744073709551621", "9223372036854775808", "36893488147419103237", "99999999999999999999"} {
		wantRefused(t, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: "+v+"\r\n\r\n", "bad_content_length")
	}
	wantChunked(t, "10000000000000005\r\nhello\r\n0\r\n\r\n", "chunk_size_too_long")
	wantChunked(t, "8000000000000005\r\nhello\r\n0\r\n\r\n", "chunk_size_overflow")
}

// fasthttp#2174: a CONNECT target that is more than host:port.
func TestGardenConnect(t *testing.T) {
	for _, v := range []string{"h:80@evil", "evil@h:80", "h:80/../", "h:80#", "h%00:80%", "h:80,evil:80", "h"} {
		reason := "bad_connect_target"
		if v == "h:80#" {
			reason = "fragment_in_target"
		}
		wantRefused(t, "CONNECT "+v+" HTTP/1.1\r\nHost: h\r\n\r\n", reason)
	}
}

// TestRebase: the bytes of a parsed head can be moved elsewhere.
func TestRebase(t *testing.T) {
	b := []byte("GET http://a/b?c HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n")
	var r Request
	if n, err := r.Parse(b, nil); n != len(b) || err != nil {
		t.Fatal(n, err)
	}
	want := describeRequest(&r)
	moved := append([]byte(nil), b...)
	clear(b)
	if r.Rebase(moved); describeRequest(&r) != want {
		t.Errorf("%s, want %s", describeRequest(&r), want)
	}
}
