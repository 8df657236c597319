package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"testing"
)

const apiSource = `package a

type Config struct {
	Max    int
	After  map[string]Handler
	hidden bool
	Base
}

type Base struct{}

func (Base) Promoted() {}

type Handler interface {
	Handle(c *Config) (n int, err error)
	hidden()
}

type Set[T comparable] map[T]struct{}

func (s *Set[T]) Add(v T) {}
func (s Set[T]) Has(v T) bool { return false }

type Alias = Config

const Limit = 1 << 10

var ErrGone error

func New(c Config, more ...int) *Config { return nil }
func hidden()                          {}
`

const apiText = `type Alias = Config
type Base struct
method (Base) Promoted()
type Config struct
field Config embeds Base
field Config.After map[string]Handler
field Config.Max int
method (Config) Promoted()
var ErrGone error
type Handler interface
interface Handler has unexported methods
method Handler.Handle(c *Config) (n int, err error)
const Limit untyped int = 1024
func New(c Config, more ...int) *Config
type Set[T comparable] map[T]struct{}
method (*Set) Add(v T)
method (Set) Has(v T) bool
`

func typeCheck(t *testing.T, src string) *types.Package {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "a.go", src, 0)
	if err != nil {
		t.Fatal(err)
	}
	pkg, err := new(types.Config).Check("example.org/a", fset, []*ast.File{f}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

func TestAPI(t *testing.T) {
	if got := API(typeCheck(t, apiSource)); got != apiText {
		t.Errorf("API\n%s\nwant\n%s", got, apiText)
	}
}

func TestAPIChangeIsSeen(t *testing.T) {
	for old, now := range map[string]string{
		"Max    int":               "Max    int64",
		"more ...int":              "more []int",
		"1 << 10":                  "1 << 11",
		"func (Base) Promoted()":   "func (*Base) Promoted()",
		"Has(v T) bool":            "Has(v, w T) bool",
		"var ErrGone error":        "var ErrLost error",
		"[T comparable]":           "[T interface{ ~int }]",
		"\tHandle(c *Config)":      "\tHandle(c Config)",
		"type Alias = Config":      "type Alias Config",
		"map[string]Handler\n":     "map[string]Handler\n\tNew int\n",
		"func (Base) Promoted() {": "func (Base) promoted() {",
	} {
		src := strings.ReplaceAll(apiSource, old, now)
		if src == apiSource {
			t.Fatalf("%q is not in the source", old)
		}
		if len(LineDiff(apiText, API(typeCheck(t, src)))) == 0 {
			t.Errorf("%q to %q changes nothing in the snapshot", old, now)
		}
	}
	want := []string{"- b", "+ d"}
	if d := LineDiff("a\nb\nc\n", "a\nc\nd\n"); !slices.Equal(d, want) {
		t.Errorf("diff %q; want %q", d, want)
	}
}
