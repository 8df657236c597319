package lint

import (
	"bytes"
	"go/ast"
	"go/token"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Sleeps finds calls of time.Sleep in tests: a test waits for the event, or runs under testing/synctest and reads from
// time.After.
func Sleeps(files []GoFile) []Finding {
	return calls(files, func(x, name string, args []ast.Expr) string {
		if x == "time" && name == "Sleep" {
			return "time.Sleep in a test"
		}
		return ""
	})
}

// Skips finds tests that are skipped without a word why.
func Skips(files []GoFile) []Finding {
	return calls(files, func(x, name string, args []ast.Expr) string {
		testing := x == "t" || x == "b" || x == "f" || x == "tb"
		switch {
		case testing && name == "SkipNow", testing && (name == "Skip" || name == "Skipf") && !says(args):
			return x + "." + name + " gives no reason"
		}
		return ""
	})
}

// says reports whether the arguments of a skip can be a reason: anything but nothing and an empty literal.
func says(args []ast.Expr) bool {
	if len(args) == 0 {
		return false
	}
	lit, ok := args[0].(*ast.BasicLit)
	return !ok || lit.Kind != token.STRING || len(strings.Trim(lit.Value, "`\" ")) > 0
}

// calls runs judge over every call x.name(args) in the test files.
func calls(files []GoFile, judge func(x, name string, args []ast.Expr) string) []Finding {
	var found []Finding
	for _, f := range files {
		if !f.Test() {
			continue
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok {
					if text := judge(x.Name, sel.Sel.Name, call.Args); text != "" {
						found = append(found, Finding{f.Name, f.Line(call.Pos()), text})
					}
				}
			}
			return true
		})
	}
	return found
}

// The patterns are put together from pieces so that this file does not match itself.
var (
	unfinished     = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`)
	unfinishedCode = regexp.MustCompile(`\b(not imp` + `lemented|unimp` + `lemented)\b`)
	machinePath    = regexp.MustCompile(`(^|[^A-Za-z0-9_.)}*-])/(work|farm|root|home/[a-z]\w*|Users/\w+)/`)
	registryHost   = regexp.MustCompile(`(proxy|sum)\.gol` + `ang\.org|deb\.deb` + `ian\.org|registry\.np` + `mjs\.org|pypi\.o` + `rg`)
)

// Words finds marks of unfinished work, paths of one machine, and hosts of package registries in every text file.
// Inputs of tests under testdata may say what they like, but name no machine.
func Words(tree Tree) []Finding {
	var found []Finding
	for _, name := range tree.Names(func(string) bool { return true }) {
		if strings.HasSuffix(name, "go.sum") || bytes.IndexByte(tree[name], 0) >= 0 || !utf8.Valid(tree[name]) {
			continue
		}
		testdata := strings.Contains("/"+name, "/testdata/")
		for i, line := range strings.Split(string(tree[name]), "\n") {
			add := func(re *regexp.Regexp, what string) {
				if m := re.FindString(line); m != "" {
					found = append(found, Finding{name, i + 1, what + ": " + strings.TrimSpace(m)})
				}
			}
			add(machinePath, "a path of one machine")
			add(registryHost, "a registry's host")
			if testdata {
				continue
			}
			add(unfinished, "a mark of unfinished work")
			if isGo(name) {
				add(unfinishedCode, "words of unfinished work")
			}
		}
	}
	return found
}
