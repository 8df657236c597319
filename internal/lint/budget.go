package lint

import (
	"bytes"
	"fmt"
	"go/ast"
	"strings"
)

// The length budgets, in lines. Over the soft limit a file or function is listed; over the hard one the test fails.
// Tests have none: a table is as long as what it covers.
const (
	fileSoft, fileHard = 400, 600
	funcSoft, funcHard = 80, 110
	mainHard           = 120 // the file with func main, of a demo program or of the harness
)

// isTable reports whether a file holds cases of the conformance table, which is test data that two packages share.
func isTable(name string) bool {
	return strings.Contains(name, "/internal/conform/cases_")
}

// Budgets returns what is over a hard limit, and what is only over a soft one.
func Budgets(tree Tree, files []GoFile) (over, near []Finding) {
	add := func(f Finding, n, soft, hard int) {
		switch {
		case n > hard:
			f.Text = fmt.Sprintf("%s has %d lines; the limit is %d", f.Text, n, hard)
			over = append(over, f)
		case n > soft:
			f.Text = fmt.Sprintf("%s has %d lines of %d", f.Text, n, hard)
			near = append(near, f)
		}
	}
	for _, f := range files {
		if f.Test() || isTable(f.Name) {
			continue
		}
		lines := bytes.Count(tree[f.Name], []byte("\n"))
		add(Finding{File: f.Name, Text: "file"}, lines, fileSoft, fileHard)
		for _, d := range f.AST.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			n := f.Line(fn.End()) - f.Line(fn.Pos()) + 1
			add(Finding{f.Name, f.Line(fn.Pos()), "func " + fn.Name.Name}, n, funcSoft, funcHard)
			if f.AST.Name.Name == "main" && fn.Recv == nil && fn.Name.Name == "main" {
				add(Finding{File: f.Name, Text: "file with func main"}, lines, mainHard, mainHard)
			}
		}
	}
	return over, near
}
