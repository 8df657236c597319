package wire

import (
	"os"
	"strconv"
	"testing"
	"time"
)

const wrkRequest = "GET /plaintext HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"

func chromeRequest(tb testing.TB) []byte {
	b, err := os.ReadFile("testdata/chrome.txt")
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// tokens runs the scanner only: lines, names and values, with every check of
// characters, and no check of what they mean.
func (r *Request) tokens(b []byte) bool {
	r.Reset()
	r.buf = b
	if !r.takeLine(b, defaultTargetBytes) {
		return false
	}
	for {
		ev, _ := r.takeLines(b, defaultFields)
		if ev == eMore {
			ev, _, _ = r.scan(b, defaultFields)
		}
		switch ev {
		case eDone:
			return true
		case eMore, eError:
			return false
		}
	}
}

func BenchmarkTokensChrome(b *testing.B) { benchmarkTokens(b, chromeRequest(b)) }
func BenchmarkTokensWrk(b *testing.B)    { benchmarkTokens(b, []byte(wrkRequest)) }
func BenchmarkParseChrome(b *testing.B)  { benchmarkParse(b, chromeRequest(b)) }
func BenchmarkParseWrk(b *testing.B)     { benchmarkParse(b, []byte(wrkRequest)) }

func benchmarkTokens(b *testing.B, head []byte) {
	b.SetBytes(int64(len(head)))
	b.ReportAllocs()
	var r Request
	for b.Loop() {
		if !r.tokens(head) {
			b.Fatal("refused")
		}
	}
}

func benchmarkParse(b *testing.B, head []byte) {
	b.SetBytes(int64(len(head)))
	b.ReportAllocs()
	var r Request
	for b.Loop() {
		r.Reset()
		if n, err := r.Parse(head, nil); n != len(head) || err != nil {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkParseByteByByteChrome(b *testing.B) {
	head := chromeRequest(b)
	b.SetBytes(int64(len(head)))
	b.ReportAllocs()
	var r Request
	for b.Loop() {
		r.Reset()
		for i := range head {
			r.Parse(head[:i+1], nil)
		}
	}
}

func BenchmarkParseResponse(b *testing.B) {
	head := []byte("HTTP/1.1 200 OK\r\nServer: calandria\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\n")
	b.SetBytes(int64(len(head)))
	b.ReportAllocs()
	var r Response
	for b.Loop() {
		r.Reset()
		if n, err := r.Parse(head, nil); n != len(head) || err != nil {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkChunked(b *testing.B) {
	for _, size := range []int{16, 1024, 16 << 10} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			var body []byte
			for range 8 {
				body = AppendChunk(body, make([]byte, size))
			}
			body, _ = AppendLastChunk(body, nil)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			var c Chunked
			for b.Loop() {
				c.Reset()
				for rest := body; !c.Done(); {
					_, n, err := c.Next(rest, nil)
					if n == 0 || err != nil {
						b.Fatal(n, err)
					}
					rest = rest[n:]
				}
			}
		})
	}
}

func BenchmarkAppendHead(b *testing.B) {
	b.ReportAllocs()
	dst := make([]byte, 0, 512)
	for b.Loop() {
		h := AppendStatusLine(dst, 200)
		h, _ = AppendField(h, "Server", "calandria")
		h, _ = AppendField(h, "Content-Type", "text/plain; charset=utf-8")
		h = AppendContentLength(h, 13)
		if len(h) == 0 {
			b.Fatal()
		}
	}
}

func BenchmarkAppendDate(b *testing.B) {
	b.ReportAllocs()
	dst := make([]byte, 0, 64)
	at := time.Unix(784111777, 0)
	for b.Loop() {
		AppendDate(dst, at)
	}
}
