package lint

import "testing"

func TestSnippets(t *testing.T) {
	std := []Package{{ImportPath: "fmt", Name: "fmt"}, {ImportPath: "os", Name: "os"}, {ImportPath: "net", Name: "net"}}
	exports := NewExports(goList(t, "-export", "-deps", "fmt", "os", "net"))
	for _, tt := range []struct {
		name, info, preamble, body string
		want                       []string
	}{
		{"whole", "go", "", "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println() }\n", nil},
		{"whole, unused", "go", "", "package main\n\nfunc main() { x := 1 }\n", []string{"a.md:12: does not compile: declared and not used: x"}},
		{"whole, no imports added", "go", "", "package main\n\nfunc main() { fmt.Println() }\n", []string{"a.md:12: does not compile: undefined: fmt"}},
		{"declarations", "go", "", "type T struct{}\n\nfunc (T) String() string { return fmt.Sprint(1) }\n", nil},
		{"declarations, wrong", "go", "", "\nvar x int = \"a\"\n", []string{
			`a.md:11: does not compile: cannot use "a" (untyped string constant) as int value in variable declaration`,
		}},
		{"statements", "go", "", "ln, err := net.Listen(\"tcp\", \"x\")\nif err != nil {\n\treturn err\n}\n", nil},
		{"statements, unknown method", "go", "", "x := 1\nln, err := net.Lissen(\"tcp\", \"x\")\n", []string{
			"a.md:11: does not compile: undefined: net.Lissen",
		}},
		{"undeclared", "go", "", "ln.Close()\n", []string{"a.md:10: does not compile: undefined: ln"}},
		{"declared before", "go", "var ln net.Listener", "ln.Close()\n", nil},
		{"another framework's", "go peer", "", "gnet.Run(h)\n", nil},
		{"another framework's, broken", "go peer", "", "gnet.Run(\n", []string{
			"a.md:12: does not parse: expected operand, found '}'",
		}},
		{"broken", "go", "", "x :=\n", []string{"a.md:12: does not parse: expected operand, found '}'"}},
		{"not Go", "sh", "", "x :=\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := Fence{"a.md", 10, tt.info, tt.preamble, tt.body}
			if s := NewSnippet(f, NewNamer(nil, std)); s != nil {
				wantFindings(t, s.Check(exports), tt.want...)
			} else if tt.info != "sh" {
				t.Error("not taken for Go")
			}
		})
	}
}

func TestNamerPrefersOwnPackages(t *testing.T) {
	n := NewNamer([]Package{{ImportPath: Module + "/transports/tls", Name: "tls"}}, []Package{
		{ImportPath: "crypto/tls", Name: "tls"},
		{ImportPath: "math/rand/v2", Name: "rand"},
		{ImportPath: "math/rand", Name: "rand"},
		{ImportPath: "internal/poll", Name: "poll"},
	})
	if n["tls"] != Module+"/transports/tls" || n["rand"] != "math/rand" || n["poll"] != "" {
		t.Errorf("names resolve to %v", n)
	}
}
