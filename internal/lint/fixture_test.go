package lint

import (
	"slices"
	"testing"
)

// fixture makes a tree of the given files, name then text, and parses its Go files.
func fixture(t *testing.T, nameText ...string) (Tree, []GoFile) {
	t.Helper()
	tr := Tree{}
	for pair := range slices.Chunk(nameText, 2) {
		tr[pair[0]] = []byte(pair[1])
	}
	files, bad := tr.GoFiles()
	wantFindings(t, bad)
	return tr, files
}

// wantFindings compares findings, in any order, with their texts.
func wantFindings(t *testing.T, found []Finding, want ...string) {
	t.Helper()
	var got []string
	for _, f := range found {
		got = append(got, f.String())
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("found\n%q\nwant\n%q", got, want)
	}
}
