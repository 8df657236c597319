package conform_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1/internal/conform"
)

// brokenServer answers every request on a connection with script, which
// returns false to have the connection closed.
func brokenServer(t *testing.T, script func(c *net.TCPConn, r *http.Request) bool) func() (net.Conn, error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				br := bufio.NewReader(c)
				for {
					r, err := http.ReadRequest(br)
					if err != nil {
						return
					}
					// Not a word about bodies: the scripts are for GET.
					if !script(c.(*net.TCPConn), r) || r.Close {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		wg.Wait()
	})
	return func() (net.Conn, error) { return net.Dial("tcp", ln.Addr().String()) }
}

// say writes an answer of /plaintext with extra fields.
func say(w io.Writer, fields, body string) {
	fmt.Fprintf(w, "HTTP/1.1 200 OK\r\n%sContent-Type: text/plain\r\nContent-Length: 13\r\n%s\r\n%s", date(), fields, body)
}

func pick(t *testing.T, name string) []conform.Case {
	t.Helper()
	for _, c := range conform.Cases() {
		if c.Name == name {
			return []conform.Case{c}
		}
	}
	t.Fatalf("no case %s", name)
	return nil
}

// TestRunnerNotices plays single cases against servers with one fault each,
// and against the same server without it.
func TestRunnerNotices(t *testing.T) {
	t.Parallel()
	const text = "Hello, World!"
	closing := func(r *http.Request) string {
		if r.Close {
			return "Connection: close\r\n"
		}
		return ""
	}
	good := func(c *net.TCPConn, r *http.Request) bool {
		if r.Method == "HEAD" {
			say(c, closing(r), "")
		} else {
			say(c, closing(r), text)
		}
		return true
	}
	for _, f := range []struct {
		name, row, says string
		script          func(c *net.TCPConn, r *http.Request) bool
	}{
		{"reset in place of the end", "9112-9.6-close", "reset", func(c *net.TCPConn, r *http.Request) bool {
			say(c, closing(r), text)
			_ = c.SetLinger(0) // makes Close send a reset
			return false
		}},
		{"a second answer", "9112-3-plain-request", "the next request", func(c *net.TCPConn, r *http.Request) bool {
			say(c, "", text)
			if !r.Close {
				say(c, "", text)
			}
			return true
		}},
		{"bytes behind the last answer", "9112-9.6-close", "bytes where the stream should end", func(c *net.TCPConn, r *http.Request) bool {
			say(c, closing(r), text+"\r\n")
			return true
		}},
		{"a body to HEAD", "9110-9.3.2-head", "bad status line", func(c *net.TCPConn, r *http.Request) bool {
			say(c, closing(r), text)
			return true
		}},
		{"closing without a word", "9112-3-plain-request", "without an answer", func(*net.TCPConn, *http.Request) bool {
			return false
		}},
		{"closing half-way", "9112-3-plain-request", "after 5 of 13", func(c *net.TCPConn, _ *http.Request) bool {
			say(c, "", text[:5])
			return false
		}},
		{"a wrong body", "9112-3-plain-request", "body is", func(c *net.TCPConn, r *http.Request) bool {
			say(c, closing(r), strings.ToUpper(text))
			return true
		}},
		{"not closing", "9112-9.6-close", "timed out", func(c *net.TCPConn, _ *http.Request) bool {
			say(c, "", text)
			_, _ = io.Copy(io.Discard, c)
			return false
		}},
		{"an interim answer unasked", "9112-3-plain-request", "status 100", func(c *net.TCPConn, r *http.Request) bool {
			_, _ = io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n")
			return good(c, r)
		}},
		{"closing a connection said to live", "9112-3-plain-request", "next request", func(c *net.TCPConn, _ *http.Request) bool {
			say(c, "", text)
			return false
		}},
		{"silence about the other method", "9112-3-plain-request", "status 405", func(c *net.TCPConn, _ *http.Request) bool {
			fmt.Fprintf(c, "HTTP/1.1 405 No\r\nAllow: POST\r\nContent-Length: 0\r\n\r\n")
			return true
		}},
	} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			row := pick(t, f.row)
			for _, r := range conform.Evaluate(brokenServer(t, good), row) {
				if r.Err != nil {
					t.Errorf("without the fault: %s: %v", r.Mode, r.Err)
				}
			}
			for _, r := range conform.Evaluate(brokenServer(t, f.script), row) {
				if r.Err != nil && r.Mode == conform.Cut {
					continue // most of these faults spoil the side connection first
				}
				if r.Err == nil || !strings.Contains(r.Err.Error(), f.says) {
					t.Errorf("%s: error is %v, want one that says %q", r.Mode, r.Err, f.says)
				}
			}
		})
	}
}

// TestScores counts a case once, however many modes it fails in.
func TestScores(t *testing.T) {
	cases := []conform.Case{{Name: "9110-1-a"}, {Name: "9110-1-b", Level: conform.Security}}
	results := []conform.Result{
		{Case: &cases[0], Mode: conform.Whole},
		{Case: &cases[1], Mode: conform.Whole, Err: io.EOF},
		{Case: &cases[0], Mode: conform.Bytewise},
		{Case: &cases[1], Mode: conform.Bytewise, Err: io.EOF},
	}
	scores := conform.Scores(results)
	if s := scores[conform.Must]; s.Passed != 1 || s.Total != 1 {
		t.Errorf("MUST: %+v", s)
	}
	if s := scores[conform.Security]; s.Passed != 0 || s.Total != 1 {
		t.Errorf("SECURITY: %+v", s)
	}
	table := conform.Markdown(results)
	for _, want := range []string{"| MUST | 1 | 1 |", "| SECURITY | 0 | 1 |", "| all | 1 | 2 |", "- 9110-1-b (SECURITY, whole): EOF"} {
		if !strings.Contains(table, want) {
			t.Errorf("table lacks %q:\n%s", want, table)
		}
	}
}
