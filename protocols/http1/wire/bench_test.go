package wire

import (
	"os"
	"testing"
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
	if done, err := r.scanLine(b, defaultTargetBytes); !done || err != nil {
		return false
	}
	for {
		switch ev, _, _ := r.next(b, defaultFields); ev {
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
