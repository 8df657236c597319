package reactortest

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/reactor"
)

func TestCutsAreTheInput(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 100, SplitAll, SplitAll + 1, 3 * SplitAll, BytesAll, BytesAll + 5000} {
		input := make([]byte, n)
		for i := range input {
			input[i] = byte(i * 7)
		}
		names := map[string]bool{}
		for name, pieces := range Cuts(input) {
			if names[name] {
				t.Errorf("%d bytes: %q twice", n, name)
			}
			names[name] = true
			if got := bytes.Join(pieces, nil); !bytes.Equal(got, input) {
				t.Fatalf("%d bytes, %s: the pieces are not the input", n, name)
			}
			for _, p := range pieces {
				if cap(p) != len(p) {
					t.Fatalf("%s: a piece has spare capacity", name)
				}
			}
		}
		switch want := n + 1; {
		case n < 2:
			if len(names) != 1 {
				t.Errorf("%d bytes: %d cuts", n, len(names))
			}
		case n <= SplitAll && len(names) != want:
			t.Errorf("%d bytes: %d cuts, want %d", n, len(names), want)
		case n > SplitAll && len(names) > SplitAll+SplitSome+2:
			t.Errorf("%d bytes: %d cuts", n, len(names))
		}
	}
}

func TestPlacesOfLongInputs(t *testing.T) {
	const n = 100_000
	all := places(n)
	for i := 1; i < len(all); i++ {
		if all[i] <= all[i-1] {
			t.Fatalf("place %d follows %d", all[i], all[i-1])
		}
		if gap := all[i] - all[i-1]; gap > n/SplitSome {
			t.Fatalf("no place in %d bytes after %d", gap, all[i-1])
		}
	}
	if all[0] != 1 || all[len(all)-1] != n-1 {
		t.Fatalf("places from %d to %d", all[0], all[len(all)-1])
	}
}

// lines answers each line with its length. Its flaws are what SplitsHandler is there to find.
type lines struct {
	flaw string
	kept []byte
}

func (h *lines) OnOpen(*reactor.Conn) {}

func (h *lines) OnData(c *reactor.Conn, in []byte) int {
	if h.flaw == "keeps" && h.kept != nil {
		in = h.kept
	}
	n := 0
	for {
		i := bytes.IndexByte(in[n:], '\n')
		if i < 0 {
			break
		}
		c.Write([]byte{byte('0' + i)})
		n += i + 1
	}
	switch {
	case h.flaw == "eats":
		return len(in)
	case h.flaw == "keeps" && h.kept == nil:
		h.kept = in[n:]
		return n
	}
	return n
}

func (h *lines) OnEOF(c *reactor.Conn) { c.Close() }

func (h *lines) OnClose(*reactor.Conn, error) {}

func lineProtocol(flaw string) reactor.Protocol {
	return reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return &lines{flaw: flaw} })
}

const lineInput = "abc\n\nfour\nab\n"

func TestSplitsHandler(t *testing.T) {
	calls := 0
	SplitsHandler(t, reactor.Config{}, lineProtocol(""), []byte(lineInput), func(t *testing.T, got Fed) {
		calls++
		if want := (Fed{Out: []byte("3042"), Closed: true, FIN: true}); !got.Equal(want) || got.Left != 0 {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	})
	if calls != len(lineInput)+1 {
		t.Fatalf("%d calls", calls)
	}
}

func TestFeedEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		data func(c *reactor.Conn, in []byte) int
		eof  func(c *reactor.Conn)
		want Fed
	}{
		{
			"closes early", func(c *reactor.Conn, in []byte) int { c.Write(in[:1]); c.Close(); return len(in) }, nil,
			Fed{Out: []byte("a"), Closed: true, FIN: true, Left: 3},
		},
		{
			"aborts", func(c *reactor.Conn, in []byte) int { c.Abort(io.ErrNoProgress); return 0 }, nil,
			Fed{Closed: true, Err: io.ErrNoProgress, Reset: true, Left: 3},
		},
		{"pauses for good", func(c *reactor.Conn, in []byte) int { c.Pause(); return len(in) }, nil, Fed{Left: 3}},
		{"pauses and resumes", func(c *reactor.Conn, in []byte) int {
			c.Pause()
			c.Post(c.Resume)
			c.Write(in)
			return len(in)
		}, func(c *reactor.Conn) { c.Close() }, Fed{Out: []byte("abcd"), Closed: true, FIN: true}},
		{
			"half-closes", func(c *reactor.Conn, in []byte) int { c.CloseWrite(); return len(in) }, func(*reactor.Conn) {},
			Fed{Closed: true, FIN: true},
		},
		{"stays open", func(c *reactor.Conn, in []byte) int { return len(in) }, func(*reactor.Conn) {}, Fed{}},
		{
			"carries", func(c *reactor.Conn, in []byte) int { return 0 }, func(c *reactor.Conn) { c.Close() },
			Fed{Closed: true, FIN: true},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return &funcHandler{c.data, c.eof} })
			got := Feed(t, reactor.Config{}, h, [][]byte{[]byte("a"), []byte("bcd")})
			if !got.Equal(c.want) || got.Left != c.want.Left {
				t.Fatalf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

type funcHandler struct {
	data func(c *reactor.Conn, in []byte) int
	eof  func(c *reactor.Conn)
}

func (h *funcHandler) OnOpen(*reactor.Conn)                  {}
func (h *funcHandler) OnData(c *reactor.Conn, in []byte) int { return h.data(c, in) }
func (h *funcHandler) OnEOF(c *reactor.Conn)                 { h.eof(c) }
func (h *funcHandler) OnClose(*reactor.Conn, error)          {}

func TestFeedCarriesAsAConnectionDoes(t *testing.T) {
	var seen []string
	p := reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler {
		return &funcHandler{func(c *reactor.Conn, in []byte) int {
			seen = append(seen, string(in))
			return len(in) / 2
		}, func(c *reactor.Conn) { c.Close() }}
	})
	Feed(t, reactor.Config{}, p, [][]byte{[]byte("abcd"), []byte("ef"), []byte("g")})
	if got := strings.Join(seen, " "); got != "abcd cdef efg" {
		t.Fatalf("OnData got %q", got)
	}
	got := Feed(t, reactor.Config{InputLimit: 5}, reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler {
		return &funcHandler{func(*reactor.Conn, []byte) int { return 0 }, func(c *reactor.Conn) { c.Close() }}
	}), [][]byte{[]byte("abc"), []byte("def")})
	if got.Err != reactor.ErrInputLimit || !got.Reset {
		t.Fatalf("over InputLimit: %+v", got)
	}
}

// Each check of this package has to be able to fail: these run in a process of their own, which must.
const failing = "REACTORTEST_FAILING"

func mustFail(t *testing.T, name, want string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+name+"$", "-test.v")
	cmd.Env = append(os.Environ(), failing+"=1")
	out, err := cmd.CombinedOutput()
	if _, failed := err.(*exec.ExitError); !failed || !strings.Contains(string(out), want) {
		t.Errorf("%s: error %v, and the output should have %q:\n%s", name, err, want, out)
	}
}

// inner skips a test that only mustFail runs.
func inner(t *testing.T) {
	t.Helper()
	if os.Getenv(failing) == "" {
		t.Skip("only as the inside of another test: it fails on purpose")
	}
}

func TestSplitsCanFail(t *testing.T) {
	mustFail(t, "TestInnerSplits", "the input came in two at 3 of 5")
	mustFail(t, "TestInnerSplitsFatal", "the input came byte by byte")
	mustFail(t, "TestInnerHandlerEats", "the input came byte by byte")
	mustFail(t, "TestInnerHandlerKeeps", "the input came")
}

func TestInnerSplits(t *testing.T) {
	inner(t)
	Splits(t, []byte("hello"), func(t *testing.T, pieces [][]byte) {
		if len(pieces[0]) == 3 {
			t.Error("wrong")
		}
	})
}

func TestInnerSplitsFatal(t *testing.T) {
	inner(t)
	Splits(t, []byte("hello"), func(t *testing.T, pieces [][]byte) {
		if len(pieces) > 1 {
			t.Fatal("wrong")
		}
	})
}

func innerHandler(t *testing.T, flaw string) {
	inner(t)
	SplitsHandler(t, reactor.Config{}, lineProtocol(flaw), []byte(lineInput), func(t *testing.T, got Fed) {
		if string(got.Out) != "3042" {
			t.Fatalf("got %q", got.Out)
		}
	})
}

func TestInnerHandlerEats(t *testing.T)  { innerHandler(t, "eats") }
func TestInnerHandlerKeeps(t *testing.T) { innerHandler(t, "keeps") }
