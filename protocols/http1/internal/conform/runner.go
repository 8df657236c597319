package conform

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Mode is how the bytes of every case are cut into writes.
type Mode string

const (
	// Whole sends each step in one write.
	Whole Mode = "whole"
	// Bytewise sends each byte in a write of its own.
	Bytewise Mode = "bytewise"
	// Cut sends in two writes, at a few places in turn, each on a connection
	// of its own, with a pause between them that lets the server read.
	Cut Mode = "cut"
)

// Modes lists the modes in the order in which they are run.
var Modes = []Mode{Whole, Bytewise, Cut}

// Parallel is the number of conversations held at once.
const Parallel = 16

// Result is the outcome of one case in one mode.
type Result struct {
	// Case points into the table given to Evaluate.
	Case *Case
	// Mode is how the case was delivered.
	Mode Mode
	// Err is what went wrong, or nil.
	Err error
}

// Dialer opens a connection to the server under test. It is called from
// several goroutines at once.
type Dialer = func() (net.Conn, error)

// Evaluate plays every case in every mode against the server that dial
// reaches, Parallel at a time, and returns the results ordered by mode and
// then as in the table.
func Evaluate(dial Dialer, cases []Case) []Result {
	results := make([]Result, 0, len(Modes)*len(cases))
	for _, m := range Modes {
		for i := range cases {
			results = append(results, Result{Case: &cases[i], Mode: m})
		}
	}
	b := &barrier{dial: dial, idle: make(chan *sideConn, Parallel)}
	defer b.close()
	next := make(chan *Result)
	var wg sync.WaitGroup
	for range Parallel {
		wg.Go(func() {
			for r := range next {
				r.Err = play(dial, r.Case, r.Mode, b)
			}
		})
	}
	for i := range results {
		next <- &results[i]
	}
	close(next)
	wg.Wait()
	return results
}

// Run plays the whole table and reports every case as a subtest of its mode:
// "whole/9112-3-...", "bytewise/...", "cut/...". It logs the scores.
func Run(t *testing.T, dial func() (net.Conn, error)) {
	t.Helper()
	results := Evaluate(dial, Cases())
	for _, m := range Modes {
		t.Run(string(m), func(t *testing.T) {
			for _, r := range results {
				if r.Mode != m {
					continue
				}
				t.Run(r.Case.Name, func(t *testing.T) {
					if r.Err != nil {
						t.Errorf("%s, %s: %v\nsent: %.400q", r.Case.Level, r.Case.Section(), r.Err, r.Case.sent())
					}
				})
			}
		})
	}
	t.Logf("\n%s", Markdown(results))
}

// sent shows what the case sends, for reports.
func (c *Case) sent() string {
	var b strings.Builder
	for _, s := range c.Steps {
		b.WriteString(s.Send)
	}
	return b.String()
}

// play runs one case in one mode.
func play(dial Dialer, c *Case, m Mode, b *barrier) error {
	if m != Cut {
		return playOnce(dial, c, delivery{bytewise: m == Bytewise})
	}
	for _, at := range cuts(c.sent()) {
		if err := playOnce(dial, c, delivery{cut: at, pause: b.wait}); err != nil {
			return fmt.Errorf("cut after %d bytes: %w", at, err)
		}
	}
	return nil
}

func playOnce(dial Dialer, c *Case, how delivery) error {
	conn, err := dial()
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	return converse(conn, c, how)
}

// cuts picks the places where messages are cut in two: after the first byte,
// inside the CRLF of the first line, inside the empty line that ends the head,
// in the middle, and before the last byte.
func cuts(s string) []int {
	at := []int{1, len(s) / 2, len(s) - 1}
	if i := strings.Index(s, "\r\n"); i >= 0 {
		at = append(at, i+1)
	}
	if i := strings.Index(s, "\r\n\r\n"); i >= 0 {
		at = append(at, i+3)
	}
	slices.Sort(at)
	at = slices.Compact(at)
	return slices.DeleteFunc(at, func(n int) bool { return n <= 0 || n >= len(s) })
}

// barrier takes the place of a sleep between two writes: a round trip on
// another connection, which starts after the first write and ends after the
// server had a turn. Its connections are kept and used again.
type barrier struct {
	dial Dialer
	idle chan *sideConn
}

type sideConn struct {
	net.Conn
	br *bufio.Reader
}

func (b *barrier) wait() error {
	var s *sideConn
	select {
	case s = <-b.idle:
		if s.roundTrip() == nil {
			b.put(s)
			return nil
		}
		s.Close() // the server may have tired of it while it was idle
	default:
	}
	conn, err := b.dial()
	if err != nil {
		return err
	}
	s = &sideConn{conn, bufio.NewReader(conn)}
	if err := s.roundTrip(); err != nil {
		s.Close()
		return err
	}
	b.put(s)
	return nil
}

func (b *barrier) put(s *sideConn) {
	select {
	case b.idle <- s:
	default:
		s.Close()
	}
}

func (b *barrier) close() {
	for {
		select {
		case s := <-b.idle:
			s.Close()
		default:
			return
		}
	}
}

func (s *sideConn) roundTrip() error {
	if err := s.SetDeadline(time.Now().Add(caseTime)); err != nil {
		return err
	}
	if _, err := io.WriteString(s, get("/plaintext")); err != nil {
		return err
	}
	want := status(200).with(hello)
	r, err := ReadResponse(s.br, &want)
	if err != nil {
		return err
	}
	return want.judge(r)
}
