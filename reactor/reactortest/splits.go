package reactortest

import (
	"bytes"
	"fmt"
	"iter"
	"testing"

	"github.com/calandria-go/calandria/reactor"
)

const (
	// SplitAll is the length up to which an input is cut in two at every place. Of a longer one the first and the last
	// SplitAll/2 places are taken, and SplitSome in between at equal distances.
	SplitAll = 2048
	// SplitSome is how many places are taken in the middle of a long input.
	SplitSome = 256
	// BytesAll is how many bytes are cut off one by one; the rest of a longer input follows in pieces of 1021.
	BytesAll = 16 << 10
	// restPiece is a prime, so that it falls out of step with whatever the input repeats.
	restPiece = 1021
)

// Cuts gives the ways to cut an input, each with a name: whole, byte by byte, and in two at every place (SplitAll says which
// for long inputs). Every piece is a copy of its own without spare capacity, so that code which changes it, appends to it or
// keeps it does not disturb the next.
func Cuts(input []byte) iter.Seq2[string, [][]byte] {
	return func(yield func(string, [][]byte) bool) {
		if !yield("whole", [][]byte{exact(input)}) || len(input) < 2 {
			return
		}
		if !yield("byte by byte", inBytes(input)) {
			return
		}
		for _, at := range places(len(input)) {
			if !yield(fmt.Sprintf("in two at %d of %d", at, len(input)), [][]byte{exact(input[:at]), exact(input[at:])}) {
				return
			}
		}
	}
}

func exact(b []byte) []byte { return append(make([]byte, 0, len(b)), b...) }

func inBytes(input []byte) [][]byte {
	var out [][]byte
	for i := 0; i < len(input); {
		n := 1
		if i >= BytesAll {
			n = min(restPiece, len(input)-i)
		}
		out = append(out, exact(input[i:i+n]))
		i += n
	}
	return out
}

// places are the split points of an input of n bytes, in order.
func places(n int) []int {
	var out []int
	if n <= SplitAll {
		for at := 1; at < n; at++ {
			out = append(out, at)
		}
		return out
	}
	for at := 1; at <= SplitAll/2; at++ {
		out = append(out, at)
	}
	first, last := SplitAll/2, n-SplitAll/2
	some := min(SplitSome, last-first-1)
	for i := 1; i <= some; i++ {
		out = append(out, first+i*(last-first)/(some+1))
	}
	for at := last; at < n; at++ {
		out = append(out, at)
	}
	return out
}

// Splits calls f with the input in every way of Cuts, until one fails; the test's log then says which. For an input of n
// bytes that is n+1 calls up to SplitAll.
func Splits(t *testing.T, input []byte, f func(t *testing.T, pieces [][]byte)) {
	t.Helper()
	for name, pieces := range Cuts(input) {
		if !cut(t, name, func() { f(t, pieces) }) {
			return
		}
	}
}

// cut runs f and names the cut if the test fails in it, by FailNow or a panic too. False if it has failed.
func cut(t *testing.T, name string, f func()) bool {
	t.Helper()
	returned := false
	defer func() {
		if !returned || t.Failed() {
			t.Logf("reactortest: the input came %s", name)
		}
	}()
	f()
	returned = true
	return !t.Failed()
}

// SplitsHandler runs Feed with the input in every way of Cuts, on a fresh connection each time, and gives check what came
// of it. It stops at the first failure and logs which cut it was.
func SplitsHandler(t *testing.T, cfg reactor.Config, p reactor.Protocol, input []byte, check func(t *testing.T, got Fed)) {
	t.Helper()
	f := newFeeder(cfg)
	defer f.close()
	for name, pieces := range Cuts(input) {
		if !cut(t, name, func() { check(t, f.feed(p, pieces)) }) {
			return
		}
	}
}

// Equal says whether two results are the same to the peer and to the application: the same bytes and the same end.
func (f Fed) Equal(g Fed) bool {
	return bytes.Equal(f.Out, g.Out) && fmt.Sprint(f.Err) == fmt.Sprint(g.Err) &&
		f.Closed == g.Closed && f.FIN == g.FIN && f.Reset == g.Reset
}
