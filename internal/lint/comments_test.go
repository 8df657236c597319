package lint

import "testing"

func TestDocComments(t *testing.T) {
	const src = `package a

type Config struct {
	// Documented has one above.
	Documented int
	Trailing   int // Trailing has one behind.
	Bare       int
	hidden     int
}

// Reader reads.
type Reader interface {
	Read()
}

// Sentinels of the package.
var (
	ErrA = 1
	ErrB = 2
)

const Loose = 1

func Bare() {}

// Good is good.
func Good() {}

func (c *Config) Method() {}

func (h hidden) Method() {}

type hidden struct{ Field int }

type (
	// One is documented.
	One int
	Two int
)
`
	tr, files := fixture(t,
		"a/a.go", src,
		"a/a_test.go", "package a\n\nfunc Helper() {}\n",
		"internal/x/x.go", "package x\n\nfunc Bare() {}\n",
		"cmd/x/main.go", "package main\n\nfunc Bare() {}\n",
		"other/go.mod", "module other\n",
		"other/o.go", "package o\n\nfunc Bare() {}\n")
	wantFindings(t, DocComments(tr, files),
		"a/a.go:1: package a has no doc comment",
		"a/a.go:3: Config has no doc comment",
		"a/a.go:7: Config.Bare has no doc comment",
		"a/a.go:13: Reader.Read has no doc comment",
		"a/a.go:22: Loose has no doc comment",
		"a/a.go:24: Bare has no doc comment",
		"a/a.go:29: Method has no doc comment",
		"a/a.go:38: Two has no doc comment")
}
