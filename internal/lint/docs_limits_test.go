package lint

import (
	"fmt"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// limitStructs are the structs with a section in docs/limits.md, "## reactor.Config" and so on.
var limitStructs = map[string][]string{
	"reactor":              {"Config", "ListenLimits", "DialOptions"},
	"transports/tcp":       {"Config", "KeepAlive", "Dialer"},
	"transports/unix":      {"Config", "Dialer"},
	"protocols/http1":      {"Server"},
	"protocols/http1/wire": {"Limits"},
}

// limitFields are the exported fields of a struct that are numbers; a time.Duration is one.
func limitFields(s *types.Struct) []string {
	var names []string
	for f := range s.Fields() {
		if b, ok := f.Type().Underlying().(*types.Basic); ok && f.Exported() && b.Info()&types.IsNumeric != 0 {
			names = append(names, f.Name())
		}
	}
	return names
}

var limitRow = regexp.MustCompile("^\\| `(\\w+)` \\|")

// limitRows are the fields that each section of the page has a row for.
func limitRows(page string) map[string][]string {
	rows := map[string][]string{}
	section := ""
	for line := range strings.Lines(page) {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			section = strings.TrimSpace(title)
		}
		if m := limitRow.FindStringSubmatch(line); m != nil {
			rows[section] = append(rows[section], m[1])
		}
	}
	return rows
}

// compareLimits finds fields without a row, and rows without a field.
func compareLimits(section string, fields, rows []string) []string {
	var found []string
	for _, f := range fields {
		if !slices.Contains(rows, f) {
			found = append(found, fmt.Sprintf("%s.%s has no row", section, f))
		}
	}
	for _, r := range rows {
		if !slices.Contains(fields, r) {
			found = append(found, fmt.Sprintf("the row %s of %s is of no number or duration", r, section))
		}
	}
	return found
}

// TestProjectLimits: every limit is documented, and what is documented is there.
func TestProjectLimits(t *testing.T) {
	tr, _ := project(t)
	rows := limitRows(string(tr["docs/limits.md"]))
	importer := NewExports(goList(t, "-export", "-deps", "./...")).Importer(token.NewFileSet())
	sections := 0
	for dir, names := range limitStructs {
		pkg, err := importer.Import(Module + "/" + dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			s, ok := pkg.Scope().Lookup(name).Type().Underlying().(*types.Struct)
			if !ok {
				t.Fatalf("%s.%s is no struct", dir, name)
			}
			section := pkg.Name() + "." + name
			sections++
			for _, f := range compareLimits(section, limitFields(s), rows[section]) {
				t.Errorf("docs/limits.md: %s", f)
			}
		}
	}
	if len(rows) != sections {
		t.Errorf("docs/limits.md: %d sections have rows of fields, and %d structs have fields", len(rows), sections)
	}
}

func TestLimitFields(t *testing.T) {
	pkg := typeCheck(t, "package a\n\ntype D int64\n\ntype C struct {\n\tN int\n\tT D\n\tS string\n\tn int\n\tF func()\n}\n")
	s := pkg.Scope().Lookup("C").Type().Underlying().(*types.Struct)
	if got, want := limitFields(s), []string{"N", "T"}; !slices.Equal(got, want) {
		t.Errorf("fields %q; want %q", got, want)
	}
	rows := limitRows("# Limits\n\n## a.C\n\n| field | default |\n|---|---|\n| `N` | 1 |\n| `Gone` | 1 |\n")["a.C"]
	want := []string{"a.C.T has no row", "the row Gone of a.C is of no number or duration"}
	if got := compareLimits("a.C", limitFields(s), rows); !slices.Equal(got, want) {
		t.Errorf("found %q; want %q", got, want)
	}
}
