package lint

import (
	"strings"
	"testing"
)

func TestBudgets(t *testing.T) {
	body := func(n int) string { return strings.Repeat("\n", n) }
	tr, files := fixture(t,
		"ok.go", "package p\n\nfunc f() {"+body(79)+"}\n",
		"near.go", "package p\n\nfunc near() {"+body(80)+"}\n",
		"long.go", "package p\n\nfunc long() {"+body(110)+"}\n",
		"soft.go", "package p"+body(401),
		"hard.go", "package p"+body(601),
		"hard_test.go", "package p\n\nfunc long() {"+body(601)+"}\n",
		"cmd/x/main.go", "package main\n\nfunc main() {}"+body(120))
	over, near := Budgets(tr, files)
	wantFindings(t, over,
		"long.go:3: func long has 111 lines; the limit is 110",
		"hard.go: file has 601 lines; the limit is 600",
		"cmd/x/main.go: file with func main has 122 lines; the limit is 120")
	wantFindings(t, near,
		"near.go:3: func near has 81 lines of 110",
		"soft.go: file has 401 lines of 600")
}
