package http1

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// diffCase is one handler and the bytes it is asked with, answered by net/http's server and by ours.
type diffCase struct {
	name string
	send string
	// h answers; note adds to the record what only the handler sees.
	h func(w http.ResponseWriter, r *http.Request, note func(string, ...any))
	// head is the method of the request, if it is HEAD: the reader has to know.
	head bool
	// uncalled says that one of the two servers answers itself.
	uncalled bool
	// differs is why the two answers are not the same; docs/std.md has the same words.
	differs string
}

func TestStdDiffersFromNetHTTP(t *testing.T) {
	cases := slices.Concat(diffRequests, diffAnswers, diffHeaders, diffBodies)
	if len(cases) < 80 {
		t.Errorf("only %d cases", len(cases))
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			theirs, ours := c.run(t, startNetHTTP), c.run(t, startOurs)
			switch {
			case c.differs == "" && theirs != ours:
				t.Errorf("net/http:\n%s\nours:\n%s", theirs, ours)
			case c.differs != "" && theirs == ours:
				t.Errorf("no difference any more (%s):\n%s", c.differs, ours)
			}
		})
	}
}

func startNetHTTP(t *testing.T, h http.Handler) net.Addr {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.CloseClientConnections)
	t.Cleanup(s.Close)
	return s.Listener.Addr()
}

func startOurs(t *testing.T, h http.Handler) net.Addr { return startStd(t, h).addr }

// run gives the record of one case with one server.
func (c *diffCase) run(t *testing.T, start func(*testing.T, http.Handler) net.Addr) string {
	t.Helper()
	var mu sync.Mutex
	var notes []string
	done := make(chan struct{})
	var once sync.Once
	addr := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/probe" {
			io.WriteString(w, "alive")
			return
		}
		defer once.Do(func() { close(done) })
		c.h(w, r, func(format string, args ...any) {
			mu.Lock()
			defer mu.Unlock()
			notes = append(notes, fmt.Sprintf(format, args...))
		})
	}))
	conn := dialAddr(t, addr)
	go io.WriteString(conn, c.send)
	answer := c.record(conn)
	if !c.uncalled {
		wait(t, done, "handler")
	}
	mu.Lock()
	defer mu.Unlock()
	return answer + strings.Join(notes, "\n")
}

// record reads all answers until the connection is idle or closed, and says which.
func (c *diffCase) record(conn net.Conn) string {
	var out strings.Builder
	br := bufio.NewReader(conn)
	method := http.MethodGet
	if c.head {
		method = http.MethodHead
	}
	for {
		if line, err := br.Peek(9); err == nil && string(line) == "HTTP/1.0 " {
			line[7] = '1' // the one difference that every answer to HTTP/1.0 has: see docs/std.md
		}
		res, err := http.ReadResponse(br, &http.Request{Method: method})
		if err != nil {
			return out.String() + "no answer\n"
		}
		fmt.Fprintf(&out, "%d length=%d coding=%v\n", res.StatusCode, res.ContentLength, res.TransferEncoding)
		res.Header.Del("Date")
		res.Header.Write(&out)
		if res.StatusCode < 200 && res.StatusCode != http.StatusSwitchingProtocols {
			continue
		}
		body, err := io.ReadAll(res.Body)
		if len(body) > 200 {
			body = fmt.Appendf(nil, "%d bytes %x...", len(body), body[:20])
		}
		fmt.Fprintf(&out, "body=%q", body)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			out.WriteString(" truncated")
		} else if err != nil {
			out.WriteString(" broken")
		}
		fmt.Fprintf(&out, " trailer=%v\n", res.Trailer)
		break
	}
	out.WriteString(probe(conn, br))
	return out.String()
}

// probe asks once more, to find out whether the connection is still in use.
func probe(conn net.Conn, br *bufio.Reader) string {
	go io.WriteString(conn, get("/probe"))
	res, err := http.ReadResponse(br, nil)
	if err != nil {
		return "closed\n"
	}
	body, _ := io.ReadAll(res.Body)
	return fmt.Sprintf("next: %d %s\n", res.StatusCode, body)
}
