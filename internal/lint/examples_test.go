package lint

import "testing"

func TestExamples(t *testing.T) {
	const runs, compiles = "package a_test\n\nfunc Example() {\n\t// Output: 1\n}\n", "package a_test\n\nfunc Example() {\n}\n"
	tr, files := fixture(t,
		"a/a.go", "package a\n", "a/e_test.go", runs,
		"b/b.go", "package b\n", "b/e_test.go", compiles,
		"c/c.go", "package c\n",
		"c/internal/d/d.go", "package d\n",
		"cmd/x/x.go", "package main\n",
		"m/main.go", "package main\n",
		"o/go.mod", "module o\n", "o/o.go", "package o\n")
	wantFindings(t, Examples(tr, files),
		"b: package b has no Example with an Output comment",
		"c: package c has no Example with an Output comment")
}

func TestCorpora(t *testing.T) {
	const head = "package p\n\n"
	tr, files := fixture(t,
		"a/a_test.go", head+"func FuzzHead(f *testing.F) {}\nfunc FuzzTail(f *testing.F) {}\nfunc Fuzzy(f *testing.F) {}\n",
		"a/testdata/fuzz/FuzzHead/1", "go test fuzz v1\n[]byte(\"x\")\n",
		"a/testdata/fuzz/FuzzTail/1", "something else\n",
		"a/testdata/fuzz/FuzzGone/1", "go test fuzz v1\n[]byte(\"x\")\n")
	wantFindings(t, Corpora(tr, files),
		"a/a_test.go:4: FuzzTail has no corpus in a/testdata/fuzz/FuzzTail",
		"a/testdata/fuzz/FuzzGone/1: a corpus of no fuzz target")
}
