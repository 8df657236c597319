package lint

import (
	"fmt"
	"go/ast"
	"go/token"
)

// DocComments finds exported names without a doc comment: types, functions, methods, constants, variables, and the
// exported fields and methods of exported structs and interfaces, in every importable package of the root module. A
// group of constants or variables may share one comment; a field may carry its comment at the end of the line.
func DocComments(tree Tree, files []GoFile) []Finding {
	var found []Finding
	packageDoc := map[string]bool{}
	first := map[string]GoFile{}
	for _, f := range files {
		if f.Test() || f.AST.Name.Name == "main" || internal(f.Dir()) || !tree.own(f.Dir()) {
			continue
		}
		if _, ok := first[f.Dir()]; !ok {
			first[f.Dir()] = f
		}
		packageDoc[f.Dir()] = packageDoc[f.Dir()] || f.AST.Doc != nil
		for _, d := range f.AST.Decls {
			for _, b := range bareDecl(d) {
				found = append(found, Finding{f.Name, f.Line(b.pos), b.name + " has no doc comment"})
			}
		}
	}
	for dir, f := range first {
		if !packageDoc[dir] {
			found = append(found, Finding{f.Name, f.Line(f.AST.Package), "package " + f.AST.Name.Name + " has no doc comment"})
		}
	}
	return found
}

type bare struct {
	pos  token.Pos
	name string
}

func bareDecl(d ast.Decl) []bare {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && (d.Recv == nil || ast.IsExported(receiver(d))) {
			return []bare{{d.Pos(), d.Name.Name}}
		}
	case *ast.GenDecl:
		var out []bare
		for _, s := range d.Specs {
			out = append(out, bareSpec(d, s)...)
		}
		return out
	}
	return nil
}

func bareSpec(d *ast.GenDecl, s ast.Spec) []bare {
	var out []bare
	switch s := s.(type) {
	case *ast.ValueSpec:
		for _, n := range s.Names {
			if n.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
				out = append(out, bare{n.Pos(), n.Name})
			}
		}
	case *ast.TypeSpec:
		if !s.Name.IsExported() {
			return nil
		}
		if s.Doc == nil && s.Comment == nil && (d.Doc == nil || d.Lparen.IsValid()) {
			out = append(out, bare{s.Pos(), s.Name.Name})
		}
		for _, f := range members(s.Type) {
			for _, n := range f.Names {
				if n.IsExported() && f.Doc == nil && f.Comment == nil {
					out = append(out, bare{n.Pos(), fmt.Sprintf("%s.%s", s.Name.Name, n.Name)})
				}
			}
		}
	}
	return out
}

// members are the fields of a struct or the methods of an interface.
func members(t ast.Expr) []*ast.Field {
	switch t := t.(type) {
	case *ast.StructType:
		return t.Fields.List
	case *ast.InterfaceType:
		return t.Methods.List
	}
	return nil
}

// receiver is the name of the type that d is a method of.
func receiver(d *ast.FuncDecl) string {
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}
