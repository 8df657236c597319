package lint

import (
	"slices"
	"strings"
	"testing"
)

func TestParsePage(t *testing.T) {
	p := ParsePage("a.md", []byte("text\n<!-- go var x int -->\n```go\nx++\n```\n````md\n```go\n````\n<!-- go\nvar y int\n-->\n\n```go peer\ny\n```\n"))
	want := []Fence{
		{"a.md", 4, "go", " var x int ", "x++\n"},
		{"a.md", 7, "md", "", "```go\n"},
		{"a.md", 14, "go peer", "\nvar y int\n\n", "y\n"},
	}
	if !slices.Equal(p.Fences, want) {
		t.Errorf("fences\n%+v\nwant\n%+v", p.Fences, want)
	}
	if prose := strings.Join(p.Prose, ""); prose != "text" {
		t.Errorf("prose %q; want the first line alone", prose)
	}
}

func TestLinks(t *testing.T) {
	tr, _ := fixture(t,
		"README.md", "[a](docs/a.md) [b](docs/b.md) ![p](docs/p.png)\n[s](https://example.org/x) [m](mailto:a@example.org) [d](docs/)\n"+
			"`[x](none.md)`\n```\n[x](none.md)\n```\n[here](#a-title-2) [not](#gone)\n[ref]: docs/c.md\n# A Title, 2\n",
		"docs/a.md", "# The `Upgrade` verb\n[up](../README.md) [down](../docs/a.md#the-upgrade-verb) [no](a.md#the-verb)\n")
	wantFindings(t, Links(tr),
		"README.md:1: link to docs/b.md: no such file",
		"README.md:1: link to docs/p.png: no such file",
		"README.md:7: link to #gone: no such heading",
		"README.md:8: link to docs/c.md: no such file",
		"docs/a.md:2: link to a.md#the-verb: no such heading")
}

func TestNamedFiles(t *testing.T) {
	tr, _ := fixture(t,
		"Makefile", "test: ## x\n\tgo test\n",
		"reactor/conn.go", "package reactor\n",
		".gitignore", "*.out\n/reactor/made/\n",
		"CHANGELOG.md", "`gone.go`\n",
		"docs/a.md", "`conn.go` `gone.go` `reactor/conn.go` `reactor/gone.go` `reactor/made/x.json` `./reactor/...` `reactor/` `application/json` `c.Post(f)`\n"+
			"`make test` `make gone` `go test ./...`\n")
	wantFindings(t, NamedFiles(tr),
		"docs/a.md:1: names `gone.go`, which does not exist",
		"docs/a.md:1: names `reactor/gone.go`, which does not exist",
		"docs/a.md:2: names make gone, which the Makefile does not have")
}
