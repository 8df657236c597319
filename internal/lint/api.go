package lint

import (
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"slices"
	"strings"
)

// An Exports knows where the compiler left the export data of each package.
type Exports map[string]string

// NewExports takes the packages of "go list -export -deps".
func NewExports(pkgs []Package) Exports {
	e := Exports{}
	for _, p := range pkgs {
		if p.Export != "" {
			e[p.ImportPath] = p.Export
		}
	}
	return e
}

// Importer reads packages from their export data.
func (e Exports) Importer(fset *token.FileSet) types.Importer {
	return importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		if e[path] == "" {
			return nil, fmt.Errorf("%s does not build", path)
		}
		return os.Open(e[path])
	})
}

// APIFile is the snapshot's file for the package in dir.
func APIFile(dir string) string { return "api/" + strings.ReplaceAll(dir, "/", "-") + ".txt" }

// API renders all that a package exports, one line each, in order: constants with type and value, variables, functions,
// types, their fields and methods. Where two snapshots are equal, every caller that compiled still does.
func API(pkg *types.Package) string {
	qual := func(p *types.Package) string {
		if p == pkg {
			return ""
		}
		return p.Path()
	}
	var lines []string
	for _, name := range pkg.Scope().Names() {
		if obj := pkg.Scope().Lookup(name); obj.Exported() {
			lines = append(lines, apiObject(obj, qual)...)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

func apiObject(obj types.Object, qual types.Qualifier) []string {
	switch obj := obj.(type) {
	case *types.Const:
		return []string{fmt.Sprintf("const %s %s = %s", obj.Name(), types.TypeString(obj.Type(), qual), obj.Val().ExactString())}
	case *types.TypeName:
		return apiType(obj, qual)
	default: // var, func
		return []string{types.ObjectString(obj, qual)}
	}
}

func apiType(obj *types.TypeName, qual types.Qualifier) []string {
	if obj.IsAlias() {
		return []string{types.ObjectString(obj, qual)}
	}
	named := obj.Type().(*types.Named)
	name := obj.Name()
	head := "type " + strings.TrimPrefix(types.TypeString(named, qual), "*")
	lines := []string{}
	switch u := named.Underlying().(type) {
	case *types.Struct:
		lines = append(lines, head+" struct")
		lines = append(lines, apiFields(name, u, qual)...)
	case *types.Interface:
		lines = append(lines, head+" interface")
		lines = append(lines, apiInterface(name, u, qual)...)
	default:
		lines = append(lines, head+" "+types.TypeString(u, qual))
	}
	if !types.IsInterface(named) {
		lines = append(lines, apiMethods(named, qual)...)
	}
	return lines
}

func apiFields(name string, s *types.Struct, qual types.Qualifier) []string {
	var lines []string
	for f := range s.Fields() {
		switch {
		case f.Exported() && f.Embedded():
			lines = append(lines, fmt.Sprintf("field %s embeds %s", name, types.TypeString(f.Type(), qual)))
		case f.Exported():
			lines = append(lines, fmt.Sprintf("field %s.%s %s", name, f.Name(), types.TypeString(f.Type(), qual)))
		}
	}
	slices.Sort(lines)
	return lines
}

func apiInterface(name string, i *types.Interface, qual types.Qualifier) []string {
	var lines []string
	closed := false
	for m := range i.ExplicitMethods() {
		if !m.Exported() {
			closed = true
			continue
		}
		lines = append(lines, fmt.Sprintf("method %s.%s%s", name, m.Name(), strings.TrimPrefix(types.TypeString(m.Signature(), qual), "func")))
	}
	for e := range i.EmbeddedTypes() {
		lines = append(lines, fmt.Sprintf("interface %s embeds %s", name, types.TypeString(e, qual)))
	}
	if closed {
		lines = append(lines, "interface "+name+" has unexported methods")
	}
	slices.Sort(lines)
	return lines
}

// apiMethods lists the methods of the named type and of its pointer, promoted ones included.
func apiMethods(named *types.Named, qual types.Qualifier) []string {
	var lines []string
	value := types.NewMethodSet(named)
	for sel := range types.NewMethodSet(types.NewPointer(named)).Methods() {
		m := sel.Obj()
		if !m.Exported() {
			continue
		}
		recv := "*" + named.Obj().Name()
		if value.Lookup(m.Pkg(), m.Name()) != nil {
			recv = named.Obj().Name()
		}
		sig := strings.TrimPrefix(types.TypeString(sel.Type(), qual), "func")
		lines = append(lines, fmt.Sprintf("method (%s) %s%s", recv, m.Name(), sig))
	}
	return lines
}

// LineDiff says which lines went and which came, each in the order of its own text.
func LineDiff(old, now string) []string {
	was, is := strings.Split(strings.TrimSpace(old), "\n"), strings.Split(strings.TrimSpace(now), "\n")
	var out []string
	for _, l := range was {
		if !slices.Contains(is, l) {
			out = append(out, "- "+l)
		}
	}
	for _, l := range is {
		if !slices.Contains(was, l) {
			out = append(out, "+ "+l)
		}
	}
	return out
}
