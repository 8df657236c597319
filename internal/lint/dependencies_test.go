package lint

import "testing"

func TestDependencies(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "go.mod", `module example.org/x

go 1.26

require (
	example.org/told v1.0.0
	example.org/untold v1.0.0
	example.org/indirect v1.0.0 // indirect
	`+Module+` v0.0.0
)

tool (
	example.org/indirect/cmd/a
	example.org/indirect/cmd/b
)
`)
	m, err := ReadModFile(dir, "go.mod")
	if err != nil {
		t.Fatal(err)
	}
	wantFindings(t, Dependencies("`example.org/told` does, `example.org/indirect/cmd/a` too", []ModFile{m}),
		"go.mod: example.org/untold has no line in docs/dependencies.md",
		"go.mod: example.org/indirect/cmd/b has no line in docs/dependencies.md")
}
