package lint

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Module is the import path of the repository's root.
const Module = "github.com/calandria-go/calandria"

// A Finding is one place where a rule does not hold.
type Finding struct {
	File string // slash-separated, relative to the root
	Line int    // 1-based; 0 where the finding is about the whole file or package
	Text string
}

func (f Finding) String() string {
	if f.Line == 0 {
		return f.File + ": " + f.Text
	}
	return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Text)
}

// A Tree is the repository's files by their slash-separated path from the root.
type Tree map[string][]byte

// Open reads what git tracks, or would track, under root: ignored files are left out. Where git cannot say (a source
// archive), it reads every file but those under dot folders.
func Open(root string) (Tree, error) {
	names, err := gitFiles(root)
	if err != nil {
		names, err = walkFiles(root)
	}
	if err != nil {
		return nil, err
	}
	tree := make(Tree, len(names))
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) { // deleted, and not yet committed
			continue
		}
		if err != nil {
			return nil, err
		}
		tree[name] = b
	}
	return tree, nil
}

func gitFiles(root string) ([]string, error) {
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	names := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	slices.Sort(names)
	return slices.Compact(names), nil
}

func walkFiles(root string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != root && strings.HasPrefix(d.Name(), ".") && d.Name() != ".ci":
			return fs.SkipDir
		case d.Type().IsRegular():
			rel, err := filepath.Rel(root, p)
			names = append(names, filepath.ToSlash(rel))
			return err
		}
		return nil
	})
	return names, err
}

// Names returns the paths in order, those that keep says yes to.
func (t Tree) Names(keep func(name string) bool) []string {
	var names []string
	for name := range t {
		if keep(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Exists reports whether name is a file of the tree, or a folder with a file in it.
func (t Tree) Exists(name string) bool {
	name = path.Clean(name)
	if _, ok := t[name]; ok || name == "." {
		return true
	}
	for f := range t {
		if strings.HasPrefix(f, name+"/") {
			return true
		}
	}
	return false
}

// A GoFile is one parsed source file.
type GoFile struct {
	Name string
	Fset *token.FileSet
	AST  *ast.File
}

// Line is the line that pos is on.
func (f GoFile) Line(pos token.Pos) int { return f.Fset.Position(pos).Line }

// Test reports whether this is a _test.go file.
func (f GoFile) Test() bool { return strings.HasSuffix(f.Name, "_test.go") }

// Dir is the folder of the file.
func (f GoFile) Dir() string { return path.Dir(f.Name) }

// GoFiles parses every .go file outside testdata. What does not parse is a finding.
func (t Tree) GoFiles() ([]GoFile, []Finding) {
	var files []GoFile
	var bad []Finding
	for _, name := range t.Names(isGo) {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, name, t[name], parser.ParseComments)
		if err != nil {
			bad = append(bad, Finding{File: name, Text: err.Error()})
			continue
		}
		files = append(files, GoFile{name, fset, f})
	}
	return files, bad
}

func isGo(name string) bool {
	return strings.HasSuffix(name, ".go") && !slices.Contains(strings.Split(name, "/"), "testdata")
}

func isMarkdown(name string) bool { return strings.HasSuffix(name, ".md") }

// own reports whether dir belongs to the root module: no go.mod stands between it and the root.
func (t Tree) own(dir string) bool {
	for ; dir != "."; dir = path.Dir(dir) {
		if _, ok := t[dir+"/go.mod"]; ok {
			return false
		}
	}
	return true
}

// internal reports whether the path has an element called internal.
func internal(dir string) bool { return slices.Contains(strings.Split(dir, "/"), "internal") }

// public reports whether dir can be a package that another module would import. The programs, the bench harness, the
// interoperability checks and the documents' examples are importable too, but promise nothing.
func public(dir string) bool {
	top, _, _ := strings.Cut(dir, "/")
	return !internal(dir) && top != "cmd" && top != "bench" && top != "interop" && top != "docs"
}
