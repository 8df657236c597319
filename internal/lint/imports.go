package lint

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
)

// A Package is what "go list" says of one package.
type Package struct {
	ImportPath   string
	Name         string
	Export       string // file with the compiled export data, where it was asked for
	Standard     bool
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// Dir is the package's folder relative to the module root, "." for the root itself.
func (p Package) Dir() string {
	if p.ImportPath == Module {
		return "."
	}
	return strings.TrimPrefix(p.ImportPath, Module+"/")
}

// GoList runs go list in root with the given arguments. Packages that do not build are listed all the same.
func GoList(root string, args ...string) ([]Package, error) {
	args = append([]string{"list", "-e", "-json=ImportPath,Name,Export,Standard,Imports,TestImports,XTestImports"}, args...)
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	var pkgs []Package
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p Package
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs, nil
		} else if err != nil {
			return nil, err
		}
		pkgs = append(pkgs, p)
	}
}

const (
	netpoll     = "github.com/cloudwego/netpoll"
	xsys        = "golang.org/x/sys"
	prometheus  = "github.com/prometheus/client_golang"
	pollRoom    = "reactor/internal/poll"
	metricsRoom = "reactor/metrics"
)

// protocolEdges are the only imports from one protocol to another.
var protocolEdges = map[string][]string{
	"websocket": {"http1"},
	"rtsphttp":  {"http1", "websocket"},
	"relay":     {"http1", "websocket"},
	"tftp":      {"http1"},
}

// layer numbers the floors of the building: an import goes to the same floor or a lower one.
func layer(dir string) int {
	switch top, _, _ := strings.Cut(dir, "/"); {
	case in(dir, pollRoom):
		return 0
	case top == "reactor":
		return 1
	case top == "transports":
		return 2
	case top == "protocols":
		return 3
	default: // cmd, bench, interop, the project's own tools
		return 4
	}
}

// in reports whether path is root or below it.
func in(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

// Arrows checks the direction of every import between the module's packages, and who may import what from outside.
// Tests may reach upwards (a reactor test that serves over tcp), but to netpoll only the
// reactor's own, which play a stranger who uses it in the same process.
func Arrows(pkgs []Package) []Finding {
	var found []Finding
	for _, p := range pkgs {
		if !in(p.ImportPath, Module) {
			continue
		}
		for _, imp := range p.Imports {
			if why := refused(p.Dir(), imp); why != "" {
				found = append(found, Finding{File: p.Dir(), Text: "imports " + imp + ": " + why})
			}
		}
		tests := slices.Concat(p.TestImports, p.XTestImports)
		if i := slices.IndexFunc(tests, func(s string) bool { return in(s, netpoll) }); i >= 0 && layer(p.Dir()) > 1 {
			found = append(found, Finding{File: p.Dir(), Text: "its tests import " + tests[i] + ": only those of the reactor may"})
		}
	}
	return found
}

// Importers are the folders of the packages that import the module target.
func Importers(pkgs []Package, target string) []string {
	var dirs []string
	for _, p := range pkgs {
		if slices.ContainsFunc(p.Imports, func(imp string) bool { return in(imp, target) }) {
			dirs = append(dirs, p.Dir())
		}
	}
	return dirs
}

// refused says why the package in dir may not import imp, or nothing.
func refused(dir, imp string) string {
	if in(imp, Module) {
		return refusedOwn(dir, strings.TrimPrefix(imp, Module+"/"))
	}
	thirdParty := strings.Contains(strings.Split(imp, "/")[0], ".")
	switch {
	case imp == "unsafe" && !in(dir, pollRoom):
		return "only " + pollRoom + " may"
	case in(imp, netpoll) && dir != pollRoom:
		return "only " + pollRoom + " may"
	case dir == metricsRoom && in(imp, prometheus):
	case thirdParty && layer(dir) <= 1 && !in(imp, netpoll) && !in(imp, xsys):
		return "the core stands on netpoll and x/sys alone"
	}
	return ""
}

func refusedOwn(dir, to string) string {
	if layer(to) > layer(dir) {
		return "arrows go down: cmd, bench -> protocols -> transports -> reactor -> " + pollRoom
	}
	from, target := strings.Split(dir, "/"), strings.Split(to, "/")
	if layer(dir) == 3 && layer(to) == 3 && len(from) > 1 && len(target) > 1 && from[1] != target[1] &&
		!slices.Contains(protocolEdges[from[1]], target[1]) {
		return "no edge from " + from[1] + " to " + target[1] + " among the protocols"
	}
	return ""
}
