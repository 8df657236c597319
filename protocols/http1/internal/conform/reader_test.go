package conform_test

import (
	"bufio"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/internal/conform"
)

func date() string {
	return "Date: " + time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") + "\r\n"
}

func read(raw string, want conform.Answer) (*conform.Response, error) {
	return conform.ReadResponse(bufio.NewReader(strings.NewReader(raw)), &want)
}

// TestReaderRefuses feeds the reader what no server may send. Each row is
// valid but for one thing.
func TestReaderRefuses(t *testing.T) {
	ok := "HTTP/1.1 200 OK\r\n" + date()
	for _, c := range []struct {
		name, raw string
		want      conform.Answer
		says      string
	}{
		{"nothing", "", conform.Answer{}, "without an answer"},
		{"status line alone", "HTTP/1.1 200 OK\r\n", conform.Answer{}, "half-way"},
		{"lower-case version", "http/1.1 200 OK\r\n" + date() + "\r\n", conform.Answer{}, "status line"},
		{"other version", "HTTP/2.0 200 OK\r\n" + date() + "\r\n", conform.Answer{}, "status line"},
		{"no reason and no space", "HTTP/1.1 200\r\n" + date() + "\r\n", conform.Answer{}, "status line"},
		{"two-digit status", "HTTP/1.1 20 OK\r\n" + date() + "\r\n", conform.Answer{}, "status line"},
		{"status 099", "HTTP/1.1 099 OK\r\n" + date() + "\r\n", conform.Answer{}, "status code"},
		{"status +20", "HTTP/1.1 +20 OK\r\n" + date() + "\r\n", conform.Answer{}, "status code"},
		{"control in reason", "HTTP/1.1 200 O\x01K\r\n" + date() + "\r\n", conform.Answer{}, "reason"},
		{"bare LF", "HTTP/1.1 200 OK\n" + date() + "\r\n", conform.Answer{}, "bare LF"},
		{"bare CR", ok + "X: a\rb\r\n\r\n", conform.Answer{}, "bare CR"},
		{"bare LF in fields", ok + "X: a\nY: b\r\n\r\n", conform.Answer{}, "bare LF"},
		{"no colon", ok + "X\r\n\r\n", conform.Answer{}, "field line"},
		{"empty name", ok + ": x\r\n\r\n", conform.Answer{}, "field line"},
		{"space before colon", ok + "X : x\r\n\r\n", conform.Answer{}, "field name"},
		{"obs-fold", ok + "X: x\r\n y: z\r\n\r\n", conform.Answer{}, "field name"},
		{"control in value", ok + "X: \x00\r\n\r\n", conform.Answer{}, "field value"},
		{"both framings", ok + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", conform.Answer{}, "both"},
		{"two lengths", ok + "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", conform.Answer{}, "Content-Length"},
		{"length +1", ok + "Content-Length: +1\r\n\r\na", conform.Answer{}, "Content-Length"},
		{"other coding", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", conform.Answer{}, "Transfer-Encoding"},
		{"short body", ok + "Content-Length: 5\r\n\r\nabc", conform.Answer{}, "after 3 of 5"},
		{"chunk size", ok + "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n", conform.Answer{}, "chunk size"},
		{"chunk zeros", ok + "Transfer-Encoding: chunked\r\n\r\n05\r\nhello\r\n0\r\n\r\n", conform.Answer{}, "chunk size"},
		{"chunk data", ok + "Transfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n", conform.Answer{}, "followed by"},
		{"no last chunk", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", conform.Answer{}, "half-way"},
		{"no final CRLF", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", conform.Answer{}, "half-way"},
		{"chunked to 1.0", ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", conform.Answer{HTTP10: true}, "HTTP/1.0"},
		{"length on 204", "HTTP/1.1 204 No Content\r\n" + date() + "Content-Length: 0\r\n\r\n", conform.Answer{}, "framing"},
		{"coding on 100", "HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n", conform.Answer{}, "framing"},
		{"100 to 1.0", "HTTP/1.1 100 Continue\r\n\r\n", conform.Answer{HTTP10: true}, "interim"},
		{"hidden answer", ok + "\r\nhelloHTTP/1.1 200 OK\r\n\r\n", conform.Answer{}, "second answer"},
		{"no date", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", conform.Answer{}, "no Date"},
		{"two dates", ok + date() + "Content-Length: 0\r\n\r\n", conform.Answer{}, "Date sent 2 times"},
		{"old date", "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n", conform.Answer{}, "off by"},
		{"wrong weekday", "HTTP/1.1 200 OK\r\nDate: Mon, 06 Nov 1994 08:49:37 GMT\r\n\r\n", conform.Answer{}, "IMF-fixdate"},
		{"RFC 850 date", "HTTP/1.1 200 OK\r\nDate: Sunday, 06-Nov-94 08:49:37 GMT\r\n\r\n", conform.Answer{}, "IMF-fixdate"},
		{"zone", "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 UTC\r\n\r\n", conform.Answer{}, "IMF-fixdate"},
		{"405 without Allow", "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n", conform.Answer{}, "Allow"},
		{"close and keep-alive", ok + "Connection: close, keep-alive\r\nContent-Length: 0\r\n\r\n", conform.Answer{}, "both close"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := read(c.raw, c.want)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error is %v, want one that says %q", err, c.says)
			}
		})
	}
}

// TestReaderReads feeds the reader answers that are right.
func TestReaderReads(t *testing.T) {
	ok := "HTTP/1.1 200 OK\r\n" + date()
	for _, c := range []struct {
		name, raw string
		want      conform.Answer
		body      string
		framing   conform.Framing
	}{
		{"length", ok + "Content-Length: 5\r\n\r\nhello", conform.Answer{}, "hello", conform.ByLength},
		{
			"chunked", ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n",
			conform.Answer{},
			"hello0123456789", conform.ByChunks,
		},
		{"until close", ok + "\r\nhello", conform.Answer{}, "hello", conform.UntilClose},
		{"head", ok + "Content-Length: 5\r\n\r\n", conform.Answer{Method: "HEAD"}, "", conform.NoBody},
		{"empty reason", "HTTP/1.1 200 \r\n" + date() + "Content-Length: 0\r\n\r\n", conform.Answer{}, "", conform.ByLength},
		{"204", "HTTP/1.1 204 No Content\r\n" + date() + "\r\n", conform.Answer{}, "", conform.NoBody},
		{"100", "HTTP/1.1 100 Continue\r\n\r\n", conform.Answer{}, "", conform.NoBody},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\n" + date() + "Content-Length: 0\r\n\r\n", conform.Answer{HTTP10: true}, "", conform.ByLength},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := read(c.raw, c.want)
			if err != nil {
				t.Fatal(err)
			}
			if r.Body != c.body || r.Framing != c.framing {
				t.Errorf("got %q by %q, want %q by %q", r.Body, r.Framing, c.body, c.framing)
			}
		})
	}
}
