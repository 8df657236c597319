package lint

import (
	"go/token"
	"go/types"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

const root = "../.."

var tree = sync.OnceValues(func() (Tree, error) { return Open(root) })

// project is the tree and its Go files.
func project(t *testing.T) (Tree, []GoFile) {
	t.Helper()
	tr, err := tree()
	if err != nil {
		t.Fatal(err)
	}
	files, bad := tr.GoFiles()
	report(t, bad)
	return tr, files
}

func report(t *testing.T, found []Finding) {
	t.Helper()
	for _, f := range found {
		t.Errorf("%v", f)
	}
}

func goList(t *testing.T, args ...string) []Package {
	t.Helper()
	pkgs, err := GoList(root, args...)
	if err != nil {
		t.Fatal(err)
	}
	return pkgs
}

func TestProjectArrows(t *testing.T) {
	for _, tags := range []string{"", "portable", "interop"} {
		report(t, Arrows(goList(t, "-tags="+tags, "./...")))
	}
}

func TestProjectOnePackageImportsNetpoll(t *testing.T) {
	who := Importers(goList(t, "./..."), netpoll)
	if runtime.GOOS == "linux" && (!slices.Equal(who, []string{pollRoom})) {
		t.Errorf("netpoll is imported by %q; want %s alone", who, pollRoom)
	}
}

func TestProjectDocComments(t *testing.T) {
	tr, files := project(t)
	report(t, DocComments(tr, files))
}

func TestProjectBudgets(t *testing.T) {
	tr, files := project(t)
	over, near := Budgets(tr, files)
	report(t, over)
	for _, f := range near {
		t.Logf("over the soft limit: %v", f)
	}
}

func TestProjectSleeps(t *testing.T) {
	_, files := project(t)
	report(t, Sleeps(files))
}

func TestProjectSkips(t *testing.T) {
	_, files := project(t)
	report(t, Skips(files))
}

func TestProjectWords(t *testing.T) {
	tr, _ := project(t)
	report(t, Words(tr))
}

func TestProjectExamples(t *testing.T) {
	tr, files := project(t)
	report(t, Examples(tr, files))
}

func TestProjectCorpora(t *testing.T) {
	tr, files := project(t)
	report(t, Corpora(tr, files))
}

func TestProjectLinks(t *testing.T) {
	tr, _ := project(t)
	report(t, Links(tr))
}

func TestProjectNamedFiles(t *testing.T) {
	tr, _ := project(t)
	report(t, NamedFiles(tr))
}

func TestProjectDependencies(t *testing.T) {
	tr, _ := project(t)
	var mods []ModFile
	for _, name := range tr.Names(func(n string) bool { return path.Base(n) == "go.mod" }) {
		m, err := ReadModFile(root, name)
		if err != nil {
			t.Fatal(err)
		}
		mods = append(mods, m)
	}
	report(t, Dependencies(string(tr["docs/dependencies.md"]), mods))
}

// TestProjectSnippets compiles every Go block of the documents. See Snippet for the rule.
func TestProjectSnippets(t *testing.T) {
	tr, _ := project(t)
	own := goList(t, "./...")
	snippets := Snippets(tr, NewNamer(own, goList(t, "std")))
	seen := map[string]bool{}
	args := []string{"-export", "-deps"}
	for _, s := range snippets {
		for _, p := range s.paths {
			if !seen[p] {
				seen[p] = true
				args = append(args, p)
			}
		}
	}
	if len(snippets) == 0 {
		t.Fatal("no Go block in any document")
	}
	exports := NewExports(goList(t, args...))
	for _, s := range snippets {
		report(t, s.Check(exports))
	}
	t.Logf("%d blocks", len(snippets))
}

// TestProjectAPI compares what every public package exports with its snapshot. "make api" writes the snapshots anew.
func TestProjectAPI(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the snapshot is of the API on Linux")
	}
	exports := NewExports(goList(t, "-export", "-deps", "./..."))
	importer := exports.Importer(token.NewFileSet())
	update := os.Getenv("UPDATE_API") != ""
	tr, _ := project(t)
	live := map[string]bool{}
	for _, p := range goList(t, "./...") {
		if p.Name == "main" || !public(p.Dir()) || exports[p.ImportPath] == "" && strings.HasSuffix(p.Name, "_test") {
			continue
		}
		pkg, err := importer.Import(p.ImportPath)
		if err != nil {
			t.Errorf("%s: %v", p.Dir(), err)
			continue
		}
		live[APIFile(p.Dir())] = true
		checkAPI(t, tr, APIFile(p.Dir()), pkg, update)
	}
	for _, name := range tr.Names(func(n string) bool { return in(n, "api") }) {
		if live[name] {
			continue
		}
		if !update {
			t.Errorf("%s: snapshot of no package", name)
		} else if err := os.Remove(filepath.Join(root, name)); err != nil {
			t.Error(err)
		}
	}
}

func checkAPI(t *testing.T, tr Tree, file string, pkg *types.Package, update bool) {
	t.Helper()
	now := API(pkg)
	if update {
		if err := os.MkdirAll(filepath.Join(root, "api"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, filepath.FromSlash(file)), []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := LineDiff(string(tr[file]), now); len(d) > 0 {
		t.Errorf("%s: the exported API changed; if that is meant, run \"make api\" and note it in CHANGELOG.md\n%s",
			file, strings.Join(d, "\n"))
	}
}
