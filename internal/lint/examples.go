package lint

import (
	"bytes"
	"go/ast"
	"go/doc"
	"path"
	"strings"
)

// Examples finds public packages without an example that "go test" runs: one with an Output comment.
func Examples(tree Tree, files []GoFile) []Finding {
	name := map[string]string{}
	runs := map[string]bool{}
	for _, f := range files {
		dir := f.Dir()
		switch {
		case !public(dir) || !tree.own(dir):
		case !f.Test() && f.AST.Name.Name != "main":
			name[dir] = f.AST.Name.Name
		case f.Test():
			for _, ex := range doc.Examples(f.AST) {
				runs[dir] = runs[dir] || ex.Output != "" || ex.EmptyOutput
			}
		}
	}
	var found []Finding
	for dir := range name {
		if !runs[dir] {
			found = append(found, Finding{File: dir, Text: "package " + name[dir] + " has no Example with an Output comment"})
		}
	}
	return found
}

// Corpora finds fuzz targets without a committed corpus in testdata/fuzz/<name>, and corpora without a target.
func Corpora(tree Tree, files []GoFile) []Finding {
	var found []Finding
	target := map[string]bool{}
	for _, f := range files {
		if !f.Test() {
			continue
		}
		for _, d := range f.AST.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !isFuzz(fn) {
				continue
			}
			dir := path.Join(f.Dir(), "testdata/fuzz", fn.Name.Name)
			target[dir] = true
			if len(tree.Names(func(n string) bool {
				return path.Dir(n) == dir && bytes.HasPrefix(tree[n], []byte("go test fuzz v1\n"))
			})) == 0 {
				found = append(found, Finding{f.Name, f.Line(fn.Pos()), fn.Name.Name + " has no corpus in " + dir})
			}
		}
	}
	for _, n := range tree.Names(func(n string) bool { return path.Base(path.Dir(path.Dir(n))) == "fuzz" }) {
		if dir := path.Dir(n); strings.HasSuffix(path.Dir(dir), "testdata/fuzz") && !target[dir] {
			found = append(found, Finding{File: n, Text: "a corpus of no fuzz target"})
		}
	}
	return found
}

func isFuzz(fn *ast.FuncDecl) bool {
	rest, ok := strings.CutPrefix(fn.Name.Name, "Fuzz")
	return ok && (rest == "" || rest[0] < 'a' || rest[0] > 'z') && fn.Type.Params.NumFields() == 1
}
