package conform_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1/internal/conform"
)

// TestTable looks for cases that cannot fail, or that cannot be told apart.
func TestTable(t *testing.T) {
	cases := conform.Cases()
	if len(cases) < 350 {
		t.Errorf("only %d cases", len(cases))
	}
	name := regexp.MustCompile(`^(9110|9112|6585)-[0-9C][0-9.]*-[a-z0-9.-]+$`)
	seen := map[string]bool{}
	perLevel := map[conform.Level]int{}
	for i := range cases {
		c := &cases[i]
		perLevel[c.Level]++
		if seen[c.Name] {
			t.Errorf("%s: the name is taken", c.Name)
		}
		seen[c.Name] = true
		if !name.MatchString(c.Name) {
			t.Errorf("%s: the name does not start with a section", c.Name)
		}
		if c.Silent && (c.Then != conform.Closed || len(c.Want) == 0) {
			t.Errorf("%s: silence is only an answer on a connection that closes", c.Name)
		}
		if len(c.Want) == 0 && c.Then != conform.Closed {
			t.Errorf("%s: asserts nothing", c.Name)
		}
		for _, want := range c.Want {
			if len(want.Status) == 0 {
				t.Errorf("%s: an answer without a status", c.Name)
			}
		}
		for _, s := range c.Steps {
			fields := []bool{s.Send != "", s.Await, s.HalfClose}
			if n := len(slices.DeleteFunc(fields, func(b bool) bool { return !b })); n != 1 {
				t.Errorf("%s: a step does %d things", c.Name, n)
			}
		}
		if len(c.Steps) == 0 {
			t.Errorf("%s: no steps", c.Name)
		}
	}
	for _, l := range []conform.Level{conform.Must, conform.Should, conform.May, conform.Security} {
		if perLevel[l] == 0 {
			t.Errorf("no case at level %s", l)
		}
	}
	t.Logf("%d cases: %v", len(cases), perLevel)
}

func TestSection(t *testing.T) {
	c := conform.Case{Name: "9112-7.1.1-ext-bad-lf-inside"}
	if got, want := c.Section(), "RFC 9112, section 7.1.1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
