package wire

import (
	"fmt"
	"strings"
	"testing"
)

func TestRefusedResponses(t *testing.T) {
	for _, c := range []struct{ section, head, reason string }{
		{"9112 4", "HTTP/1.1", "bad_status_line"},
		{"9112 4", "HTTP/1.1 ", "bad_status_code"},
		{"9112 4", "HTTP/1.1  200 OK", "bad_status_code"},
		{"9112 4", "HTTP/1.1\t200 OK", "bad_status_line"},
		{"9112 4", "HTTP/1.1 200\tOK", "bad_status_line"},
		{"9112 4", "HTTP/1.1 20", "bad_status_code"},
		{"9112 4", "HTTP/1.1 2000 OK", "bad_status_line"},
		{"9112 4", "HTTP/1.1 20x OK", "bad_status_code"},
		{"9112 4", "HTTP/1.1 +20 OK", "bad_status_code"},
		{"9112 4", "HTTP/1.1 -20 OK", "bad_status_code"},
		{"9112 4", "HTTP/1.1 200OK", "bad_status_line"},
		{"9110 15", "HTTP/1.1 099 OK", "bad_status_code"},
		{"9110 15", "HTTP/1.1 000 OK", "bad_status_code"},
		{"9112 4", "HTTP/1.1 200 O\x00K", "bad_status_line"},
		{"9112 4", "HTTP/1.1 200 O\x7fK", "bad_status_line"},
		{"9112 2.2", "HTTP/1.1 200 OK\nA: b", "bare_lf"},
		{"9112 2.2", "HTTP/1.1 200\nA: b", "bare_lf"},
		{"9112 2.2", "HTTP/1.1\n200", "bare_lf"},
		{"9112 2.2", "HTTP/1.1 2\n", "bare_lf"},
		{"9112 2.2", "HTTP/1.1 200 OK\rA: b", "bare_cr"},
		{"9112 2.2", "HTTP/1.1 200\rA: b", "bare_cr"},
		{"9112 2.2", "\r\nHTTP/1.1 200 OK", "bad_version"},
		{"9112 2.3", "HTTP/2.0 200 OK", "unsupported_version"},
		{"9112 2.3", "HTTP/1.10 200 OK", "bad_status_line"},
		{"9112 2.3", "http/1.1 200 OK", "bad_version"},
		{"9112 2.3", "HTTP/1 200 OK", "bad_version"},
		{"9112 2.3", "HTTP/\x00.1 200 OK", "bad_version"},
		{"9112 2.3", "HTTP/1.\x00 200 OK", "bad_version"},
		{"9112 2.3", "ICY 200 OK", "bad_version"},
		{"9112 2.3", "GET / HTTP/1.1", "bad_version"},
		{"9112 2.2", "HTTP/1.1 200 OK\r\n A: b", "space_before_field"},
		{"9112 5.1", "HTTP/1.1 200 OK\r\nA : b", "space_before_colon"},
		{"9112 5.2", "HTTP/1.1 200 OK\r\nA: b\r\n c", "obs_fold"},
		{"9110 5.5", "HTTP/1.1 200 OK\r\nA: \x00", "ctl_in_value"},
		{"9110 8.6", "HTTP/1.1 200 OK\r\nContent-Length: +1", "bad_content_length"},
		{"9112 6.3", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1", "repeated_content_length"},
		{"9112 6.3", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked", "both_cl_and_te"},
		{"9112 6.1", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked", "te_on_http10"},
		{"9112 6.1", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip", "unknown_transfer_coding"},
		{"9112 6.1", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked", "unknown_transfer_coding"},
		{"9112 6.3", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip", "chunked_not_last"},
		{"9112 6.1", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked", "te_with_status"},
		{"9112 6.1", "HTTP/1.1 101 Switching Protocols\r\nTransfer-Encoding: chunked", "te_with_status"},
	} {
		b := []byte(c.head + "\r\n\r\n")
		if got := splitResponse(t, b, nil); got.err == nil || got.err.Reason != c.reason {
			t.Errorf("RFC %s: %q: %v, want %s", c.section, b, got, c.reason)
		}
	}
}

func TestAcceptedResponses(t *testing.T) {
	for _, c := range []struct{ head, want string }{
		{"HTTP/1.1 200 OK", `200 "OK" 1.1 keep GET:until-close,0 HEAD:none,0 CONNECT:none,0`},
		{"HTTP/1.0 200 OK", `200 "OK" 1.0 close GET:until-close,0 HEAD:none,0 CONNECT:none,0`},
		{"HTTP/1.3 200 OK", `200 "OK" 1.1 keep GET:until-close,0 HEAD:none,0 CONNECT:none,0`},
		{"HTTP/1.1 200 ", `200 "" 1.1 keep GET:until-close,0 HEAD:none,0 CONNECT:none,0`},
		{"HTTP/1.1 200", `200 "" 1.1 keep GET:until-close,0 HEAD:none,0 CONNECT:none,0`},
		{"HTTP/1.1 404  Not\tfound \xe9 ", "404 \" Not\\tfound \\xe9 \" 1.1 keep GET:until-close,0 HEAD:none,0 CONNECT:until-close,0"},
		{"HTTP/1.1 999 x", `999 "x" 1.1 keep GET:until-close,0 HEAD:none,0 CONNECT:until-close,0`},
		{"HTTP/1.1 300 x", `300 "x" 1.1 keep GET:until-close,0 HEAD:none,0 CONNECT:until-close,0`},
		{"HTTP/1.1 299 x", `299 "x" 1.1 keep GET:until-close,0 HEAD:none,0 CONNECT:none,0`},
		{"HTTP/1.1 100 Continue", `100 "Continue" 1.1 keep GET:none,0 HEAD:none,0 CONNECT:none,0`},
		{"HTTP/1.1 101 x\r\nContent-Length: 5", `101 "x" 1.1 length=5 keep GET:none,0 HEAD:none,0 CONNECT:none,0`},
		{"HTTP/1.1 204 x\r\nContent-Length: 0", `204 "x" 1.1 length=0 keep GET:none,0 HEAD:none,0 CONNECT:none,0`},
		{"HTTP/1.1 304 x\r\nContent-Length: 5", `304 "x" 1.1 length=5 keep GET:none,0 HEAD:none,0 CONNECT:none,0`},
		{"HTTP/1.1 304 x\r\nTransfer-Encoding: chunked", `304 "x" 1.1 chunked keep GET:none,0 HEAD:none,0 CONNECT:none,0`},
		{"HTTP/1.1 200 x\r\nContent-Length: 5", `200 "x" 1.1 length=5 keep GET:fixed,5 HEAD:none,0 CONNECT:none,0`},
		{"HTTP/1.1 205 x\r\nContent-Length: 0", `205 "x" 1.1 length=0 keep GET:fixed,0 HEAD:none,0 CONNECT:none,0`},
		{"HTTP/1.1 502 x\r\nContent-Length: 5\r\nConnection: close", `502 "x" 1.1 length=5 close GET:fixed,5 HEAD:none,0 CONNECT:fixed,5`},
		{"HTTP/1.1 200 x\r\ntransfer-encoding: CHUNKED", `200 "x" 1.1 chunked keep GET:chunked,0 HEAD:none,0 CONNECT:none,0`},
		{"HTTP/1.1 407 x\r\nTransfer-Encoding: chunked", `407 "x" 1.1 chunked keep GET:chunked,0 HEAD:none,0 CONNECT:chunked,0`},
		{"HTTP/1.0 200 x\r\nConnection: keep-alive\r\nContent-Length: 5", `200 "x" 1.0 length=5 keep GET:fixed,5 HEAD:none,0 CONNECT:none,0`},
		{"HTTP/1.1 200 x\r\nHost: a b\r\nHost: c\r\nExpect: 7", `200 "x" 1.1 keep GET:until-close,0 HEAD:none,0 CONNECT:none,0`},
	} {
		b := []byte(c.head + "\r\n\r\n")
		got, _, _ := strings.Cut(splitResponse(t, append(b[:len(b):len(b)], "body"...), nil).String(), " | ")
		if want := fmt.Sprintf("%d bytes: %s", len(b), c.want); got != want {
			t.Errorf("%q:\n got %s\nwant %s", b, got, want)
		}
	}
}
