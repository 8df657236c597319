package lint

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"go/types"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A Snippet is a fenced Go block in the form in which the compiler sees it.
//
// The rule: a block that starts with "package" is compiled as it stands. Any other block is a fragment. If it parses as
// declarations, it becomes a file of its own; else it becomes the body of a function that returns an error. The imports
// of a fragment are found by the name before the dot: packages of this module first, then the standard library. What else
// it needs is declared in an HTML comment right before the fence, "<!-- go var ln net.Listener -->". In a fragment,
// unused variables are allowed. A block whose info string goes on after "go" ("go peer": code for another framework) only
// has to parse.
type Snippet struct {
	Fence
	fset   *token.FileSet
	files  []*ast.File
	whole  bool
	paths  []string // what it imports
	failed []Finding
}

// A Namer finds the import path of a package by its name.
type Namer map[string]string

// NewNamer prefers the packages of own, in order, over those of std; in std, the shortest path wins, so that rand is
// math/rand and template is text/template: a snippet that means the other one is written out with its imports.
func NewNamer(own, std []Package) Namer {
	n := Namer{}
	std = slices.Clone(std)
	slices.SortStableFunc(std, func(a, b Package) int { return len(a.ImportPath) - len(b.ImportPath) })
	for _, p := range slices.Concat(own, std) {
		if _, ok := n[p.Name]; !ok && p.Name != "main" && (in(p.ImportPath, Module) || !internal(p.ImportPath)) {
			n[p.Name] = p.ImportPath
		}
	}
	return n
}

// NewSnippet prepares a block for Check; nil if the block is not Go.
func NewSnippet(f Fence, names Namer) *Snippet {
	lang, rest, _ := strings.Cut(f.Info, " ")
	if lang != "go" {
		return nil
	}
	s := &Snippet{Fence: f, fset: token.NewFileSet()}
	s.whole = strings.HasPrefix(strings.TrimSpace(f.Body), "package ")
	switch {
	case s.whole:
		s.parse("", f.Body)
	default:
		if _, err := parser.ParseFile(token.NewFileSet(), "", "package p;"+f.Body, 0); err == nil {
			s.parse("package p;", f.Body)
		} else {
			s.parse("package p; func _() (err error) { {", f.Body+"\n} \nreturn nil }")
		}
		if strings.TrimSpace(f.Preamble) != "" {
			s.parse("package p;", f.Preamble)
		}
	}
	if rest != "" { // only has to parse
		s.files = nil
		return s
	}
	for _, file := range s.files {
		if !s.whole {
			addImports(file, names)
		}
		for _, imp := range file.Imports {
			if p, err := strconv.Unquote(imp.Path.Value); err == nil {
				s.paths = append(s.paths, p)
			}
		}
	}
	return s
}

func (s *Snippet) parse(head, body string) {
	f, err := parser.ParseFile(s.fset, "", head+body, parser.SkipObjectResolution)
	if list, ok := errors.AsType[scanner.ErrorList](err); ok {
		s.failed = append(s.failed, Finding{s.File, s.Line + list[0].Pos.Line - 1, "does not parse: " + list[0].Msg})
		return
	}
	s.files = append(s.files, f)
}

// addImports imports what the file's selectors seem to need. A name that is also declared in the file shadows the
// import, which is then unused: that is no error in a fragment.
func addImports(f *ast.File, names Namer) {
	have, want := map[string]bool{}, map[string]string{}
	for _, imp := range f.Imports {
		p, _ := strconv.Unquote(imp.Path.Value)
		have[path.Base(p)] = true
		if imp.Name != nil {
			have[imp.Name.Name] = true
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && !have[x.Name] && names[x.Name] != "" {
				want[x.Name] = names[x.Name]
			}
		}
		return true
	})
	decl := &ast.GenDecl{Tok: token.IMPORT}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		spec := &ast.ImportSpec{Path: &ast.BasicLit{Kind: token.STRING, Value: strconv.Quote(want[name])}}
		decl.Specs = append(decl.Specs, spec)
		f.Imports = append(f.Imports, spec)
	}
	f.Decls = append([]ast.Decl{decl}, f.Decls...)
}

// Check type-checks the snippet.
func (s *Snippet) Check(exports Exports) []Finding {
	found := s.failed
	if len(s.files) == 0 || len(found) > 0 {
		return found
	}
	conf := types.Config{
		Importer: exports.Importer(s.fset),
		Error: func(err error) {
			e, ok := err.(types.Error)
			if ok && e.Soft && !s.whole {
				return
			}
			line := s.Line
			if ok {
				line += max(0, s.fset.Position(e.Pos).Line-1)
				err = errText(e.Msg)
			}
			found = append(found, Finding{s.File, line, "does not compile: " + err.Error()})
		},
	}
	_, _ = conf.Check("snippet", s.fset, s.files, nil) // each error went to conf.Error
	return found
}

type errText string

func (e errText) Error() string { return string(e) }

// Snippets prepares every Go block of the README and of docs.
func Snippets(tree Tree, names Namer) []*Snippet {
	var out []*Snippet
	for _, page := range tree.Pages(func(n string) bool { return path.Dir(n) == "." || in(n, "docs") }) {
		for _, f := range page.Fences {
			if s := NewSnippet(f, names); s != nil {
				out = append(out, s)
			}
		}
	}
	return out
}
