package lint

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

func TestOpenLeavesIgnoredFilesOut(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{".gitignore": "bin/\n", "bin/x.go": "package x", "a/b.go": "package a", ".ci/run": "#!"} {
		write(t, dir, name, text)
	}
	cmd := exec.Command("git", "init", "-q")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wantNames(t, dir, ".ci/run", ".gitignore", "a/b.go")
}

func TestOpenWithoutGit(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // no git there
	dir := t.TempDir()
	for name, text := range map[string]string{".cache/x.go": "package x", "a/b.go": "package a", ".ci/run": "#!"} {
		write(t, dir, name, text)
	}
	wantNames(t, dir, ".ci/run", "a/b.go")
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func wantNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	tr, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := tr.Names(func(string) bool { return true }); !slices.Equal(got, want) {
		t.Errorf("files %q; want %q", got, want)
	}
}

func TestUnparsableFileIsFound(t *testing.T) {
	tr := Tree{"a/b.go": []byte("package"), "a/testdata/c.go": []byte("package")}
	if _, bad := tr.GoFiles(); len(bad) != 1 || bad[0].File != "a/b.go" {
		t.Errorf("found %v; want a/b.go alone", bad)
	}
}
