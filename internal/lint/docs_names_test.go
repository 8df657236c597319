package lint

import (
	"fmt"
	"go/ast"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	testSpan = regexp.MustCompile("`((?:Test|Fuzz|Example|Benchmark)[A-Z]\\w*)`")
	refusal  = regexp.MustCompile(`refusal\(\d+, "(\w+)"`)
)

// namedTests finds tests that a document names in backquotes and no package has.
func namedTests(tree Tree, files []GoFile) []Finding {
	have := map[string]bool{}
	for _, f := range files {
		for _, d := range f.AST.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && f.Test() && fn.Recv == nil {
				have[fn.Name.Name] = true
			}
		}
	}
	var found []Finding
	for _, page := range tree.Pages(func(n string) bool { return in(n, "docs") }) {
		for i, line := range page.Prose {
			for _, m := range testSpan.FindAllStringSubmatch(line, -1) {
				if !have[m[1]] {
					found = append(found, Finding{page.File, i + 1, fmt.Sprintf("names %s, which no package has", m[1])})
				}
			}
		}
	}
	return found
}

func TestProjectNamedTests(t *testing.T) {
	tr, files := project(t)
	report(t, namedTests(tr, files))
}

func TestNamedTests(t *testing.T) {
	tr, files := fixture(t,
		"a/a_test.go", "package a\n\nfunc TestThere(t *testing.T) {}\n",
		"docs/a.md", "`TestThere` and `TestGone`, TestProse, `testing`\n")
	wantFindings(t, namedTests(tr, files), "docs/a.md:1: names TestGone, which no package has")
}

var memberSpan = regexp.MustCompile("`([A-Za-z]\\w*)\\.([A-Za-z]\\w*)`")

// namedMembers finds methods and fields that a page names in backquotes, "`Conn.Write`", and that no type of that name has.
// What is before the dot and is no type of this project is not looked at.
func namedMembers(files []GoFile, page Page) []Finding {
	have := map[string]map[string]bool{}
	add := func(typ, member string) {
		if have[typ] == nil {
			have[typ] = map[string]bool{}
		}
		have[typ][member] = true
	}
	for _, f := range files {
		if f.Test() {
			continue
		}
		for _, d := range f.AST.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil {
				add(receiver(fn), fn.Name.Name)
			}
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range g.Specs {
				ts, ok := s.(*ast.TypeSpec)
				if !ok {
					continue
				}
				add(ts.Name.Name, "")
				for _, m := range members(ts.Type) {
					for _, n := range m.Names {
						add(ts.Name.Name, n.Name)
					}
				}
			}
		}
	}
	var found []Finding
	for i, line := range page.Prose {
		for _, m := range memberSpan.FindAllStringSubmatch(line, -1) {
			if of := have[m[1]]; of != nil && !of[m[2]] {
				found = append(found, Finding{page.File, i + 1, fmt.Sprintf("names %s.%s, which does not exist", m[1], m[2])})
			}
		}
	}
	return found
}

// TestProjectNamedMembers: the page that follows requests through the code names what is there.
func TestProjectNamedMembers(t *testing.T) {
	tr, files := project(t)
	for _, name := range []string{"docs/design.md", "docs/limits.md", "docs/http1.md", "docs/reactor.md"} {
		report(t, namedMembers(files, ParsePage(name, tr[name])))
	}
}

func TestNamedMembers(t *testing.T) {
	_, files := fixture(t,
		"a/a.go", "package a\n\ntype Conn struct{ src int }\n\nfunc (c *Conn) read() {}\n\ntype I interface{ Do() }\n",
		"a/a_test.go", "package a\n\nfunc (c *Conn) helper() {}\n")
	page := ParsePage("docs/a.md", []byte("`Conn.read`, `Conn.src`, `I.Do`, `http.Get`\n`Conn.write`\n`Conn.helper`, `I.Undo`\n"))
	wantFindings(t, namedMembers(files, page),
		"docs/a.md:2: names Conn.write, which does not exist",
		"docs/a.md:3: names Conn.helper, which does not exist",
		"docs/a.md:3: names I.Undo, which does not exist")
}

// TestProjectRefusals: every refusal of the HTTP/1 codec is on the conformance page, by its label.
func TestProjectRefusals(t *testing.T) {
	tr, _ := project(t)
	page := string(tr["docs/conformance.md"])
	var labels []string
	for _, m := range refusal.FindAllSubmatch(tr["protocols/http1/wire/errors.go"], -1) {
		labels = append(labels, string(m[1]))
	}
	if len(labels) < 40 || slices.Contains(labels, "") {
		t.Fatalf("only %d refusals found", len(labels))
	}
	for _, l := range labels {
		if !strings.Contains(page, "`"+l+"`") {
			t.Errorf("docs/conformance.md: the refusal %s is not there", l)
		}
	}
}
