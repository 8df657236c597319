package conform

import (
	"fmt"
	"strings"
)

// Score counts the cases of one level. A case passes when it passes in every
// mode.
type Score struct {
	// Level is the level that is counted.
	Level Level
	// Passed is the number of its cases that passed.
	Passed int
	// Total is the number of its cases.
	Total int
}

// Failed returns the cases that failed, each once, with its first error, in
// the order of the table.
func Failed(results []Result) []Result {
	var out []Result
	seen := map[*Case]bool{}
	for _, r := range results {
		if r.Err != nil && !seen[r.Case] {
			seen[r.Case] = true
			out = append(out, r)
		}
	}
	return out
}

// Scores counts the results per level, in the order of the levels.
func Scores(results []Result) []Score {
	scores := []Score{{Level: Must}, {Level: Should}, {Level: May}, {Level: Security}}
	seen := map[*Case]bool{}
	for _, r := range results {
		if !seen[r.Case] {
			seen[r.Case] = true
			scores[r.Case.Level].Total++
			scores[r.Case.Level].Passed++
		}
	}
	for _, r := range Failed(results) {
		scores[r.Case.Level].Passed--
	}
	return scores
}

// Markdown renders the scores as a table, followed by the failures, if any.
func Markdown(results []Result) string {
	var b strings.Builder
	b.WriteString("| level | passed | cases |\n|---|---|---|\n")
	passed, total := 0, 0
	for _, s := range Scores(results) {
		fmt.Fprintf(&b, "| %s | %d | %d |\n", s.Level, s.Passed, s.Total)
		passed, total = passed+s.Passed, total+s.Total
	}
	fmt.Fprintf(&b, "| all | %d | %d |\n", passed, total)
	for _, r := range Failed(results) {
		fmt.Fprintf(&b, "\n- %s (%s, %s): %v", r.Case.Name, r.Case.Level, r.Mode, r.Err)
	}
	return b.String()
}
