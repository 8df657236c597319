package wire

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

// eachCut calls f with ways to deliver n bytes, as ascending lengths that end
// with n: whole, byte by byte, and in two pieces, cut at every point; of a long
// input at about 300 points, the last 50 among them.
func eachCut(n int, f func(name string, cuts []int)) {
	f("whole", []int{n})
	all := make([]int, n)
	for i := range all {
		all[i] = i + 1
	}
	if n > 0 {
		f("byte by byte", all)
	}
	step := max(1, n/250)
	for i := 1; i < n; i += step {
		if n-i <= 50 {
			step = 1
		}
		f(fmt.Sprintf("cut at %d", i), []int{i, n})
	}
}

// outcome is all that a parser can say about an input.
type outcome struct {
	err  *Error
	n    int    // bytes taken
	what string // what they say
}

func (o outcome) String() string {
	if o.err != nil {
		return o.err.Reason
	}
	return fmt.Sprintf("%d bytes: %s", o.n, o.what)
}

// refusals are those that the tests have met.
var refusals = map[*Error]bool{}

func asError(tb testing.TB, err error) *Error {
	if err == nil {
		return nil
	}
	e, ok := err.(*Error)
	if !ok {
		tb.Fatalf("error is %T, not *Error", err)
	}
	refusals[e] = true
	return e
}

// TestMain fails if all tests ran and one of the refusals never came.
func TestMain(m *testing.M) {
	code := m.Run()
	for _, name := range []string{"test.run", "test.skip", "test.fuzz", "test.list"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			os.Exit(code)
		}
	}
	for _, e := range Errors() {
		if !refusals[e] {
			fmt.Printf("no test is refused with %s\n", e.Reason)
			code = 1
		}
	}
	os.Exit(code)
}

// movingParse gives parse the bytes b in the cuts, each time at another place in
// memory; the former place is overwritten. It checks what holds for every parser
// of heads.
func movingParse(tb testing.TB, b []byte, cuts []int, parse func(b []byte) (int, error)) (n int, err *Error, at []byte) {
	for i, cut := range cuts {
		if len(b) <= 1024 || i%1024 == 0 || cut == len(b) {
			next := append(make([]byte, 0, len(b)), b[:cut]...)
			for i := range at {
				at[i] = 0xff
			}
			at = next
		} else { // moving it each time would take too long
			at = append(at, b[len(at):cut]...)
		}
		got, e := parse(at)
		if err = asError(tb, e); err != nil {
			if got != 0 {
				tb.Fatalf("n=%d with error %v", got, e)
			}
			if _, again := parse(at); again != e {
				tb.Fatalf("second error %v, first %v", again, e)
			}
			return 0, err, at
		}
		if got > cut {
			tb.Fatalf("n=%d of %d bytes", got, cut)
		}
		if got > 0 {
			return got, nil, at
		}
	}
	return 0, nil, at
}

func requestOutcome(tb testing.TB, r *Request, b []byte, cuts []int, lim *Limits) outcome {
	r.Reset()
	n, err, _ := movingParse(tb, b, cuts, func(b []byte) (int, error) { return r.Parse(b, lim) })
	o := outcome{err: err, n: n}
	if n > 0 {
		o.what = describeRequest(r)
	}
	return o
}

func responseOutcome(tb testing.TB, r *Response, b []byte, cuts []int, lim *Limits) outcome {
	r.Reset()
	n, err, _ := movingParse(tb, b, cuts, func(b []byte) (int, error) { return r.Parse(b, lim) })
	o := outcome{err: err, n: n}
	if n > 0 {
		o.what = describeResponse(r)
	}
	return o
}

func chunkedOutcome(tb testing.TB, c *Chunked, b []byte, cuts []int, lim *Limits) outcome {
	c.Reset()
	var body strings.Builder
	pos := 0
	for _, cut := range cuts {
		piece := bytes.Clone(b[pos:cut])
		for {
			data, n, e := c.Next(piece, lim)
			if err := asError(tb, e); err != nil {
				if len(data) > 0 {
					tb.Fatalf("data with error %v", err)
				}
				return outcome{err: err}
			}
			if n > len(piece) || len(data) > n {
				tb.Fatalf("n=%d, %d bytes of data, of %d", n, len(data), len(piece))
			}
			body.Write(data)
			if cap(data) > len(data) {
				tb.Fatal("data can be appended to over bytes that are not the caller's")
			}
			pos, piece = pos+n, piece[n:]
			if c.Done() || n == 0 {
				break
			}
		}
		if c.Done() {
			break
		}
		if len(piece) > 0 {
			tb.Fatalf("%d bytes left, not done", len(piece))
		}
	}
	o := outcome{n: pos, what: fmt.Sprintf("%q", body.String())}
	if !c.Done() {
		o.what = "more after " + o.what
		if len(c.Trailers()) > 0 {
			tb.Fatal("trailers before the end")
		}
	}
	for _, f := range c.Trailers() {
		o.what += fmt.Sprintf(" %s=%q", f.Name, f.Value)
	}
	return o
}

// splits checks that the outcome is the same however the input is cut, and
// returns it.
func splits(tb testing.TB, n int, run func(cuts []int) outcome) outcome {
	tb.Helper()
	var whole outcome
	eachCut(n, func(name string, cuts []int) {
		got := run(cuts)
		if name == "whole" {
			whole = got
		} else if got != whole {
			tb.Fatalf("%s: %v\nwhole: %v", name, got, whole)
		}
	})
	return whole
}

func splitRequest(tb testing.TB, b []byte, lim *Limits) outcome {
	tb.Helper()
	var r Request
	return splits(tb, len(b), func(cuts []int) outcome { return requestOutcome(tb, &r, b, cuts, lim) })
}

func splitResponse(tb testing.TB, b []byte, lim *Limits) outcome {
	tb.Helper()
	var r Response
	return splits(tb, len(b), func(cuts []int) outcome { return responseOutcome(tb, &r, b, cuts, lim) })
}

func splitChunked(tb testing.TB, b []byte, lim *Limits) outcome {
	tb.Helper()
	var c Chunked
	return splits(tb, len(b), func(cuts []int) outcome { return chunkedOutcome(tb, &c, b, cuts, lim) })
}

// describeRequest puts into words all that the accessors say.
func describeRequest(r *Request) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s %s 1.%d %s path=%q", r.Method(), r.Target(), r.Minor(), r.Form(), r.Path())
	if q := r.RawQuery(); q != nil {
		fmt.Fprintf(&s, " query=%q", q)
	}
	if len(r.Scheme()) > 0 {
		fmt.Fprintf(&s, " scheme=%q", r.Scheme())
	}
	fmt.Fprintf(&s, " authority=%q host=%q", r.Authority(), r.Host())
	say := func(yes bool, what string) {
		if yes {
			s.WriteString(" " + what)
		}
	}
	describeFraming(&s, &r.head)
	say(r.HasBody(), "body")
	say(r.Expect100(), "100")
	say(r.ExpectOther(), "417")
	say(r.Upgrade(), "upgrade")
	say(r.AcceptsTrailers(), "trailers")
	describeFields(&s, &r.head)
	return s.String()
}

func describeResponse(r *Response) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%d %q 1.%d", r.Status(), r.Reason(), r.Minor())
	describeFraming(&s, &r.head)
	for _, m := range []string{"GET", "HEAD", "CONNECT"} {
		k, n := r.Framing(m)
		fmt.Fprintf(&s, " %s:%s,%d", m, k, n)
	}
	describeFields(&s, &r.head)
	return s.String()
}

func describeFraming(s *strings.Builder, h *head) {
	if n := h.ContentLength(); n >= 0 {
		fmt.Fprintf(s, " length=%d", n)
	}
	if h.Chunked() {
		s.WriteString(" chunked")
	}
	if h.KeepAlive() {
		s.WriteString(" keep")
	} else {
		s.WriteString(" close")
	}
}

func describeFields(s *strings.Builder, h *head) {
	for i := range h.NumFields() {
		name, value := h.Field(i)
		fmt.Fprintf(s, " | %s: %q", name, value)
	}
}
