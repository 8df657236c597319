package lint

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A ModFile is the part of a go.mod that names other modules.
type ModFile struct {
	Name    string // the file's path in the tree
	Require []struct {
		Path     string
		Indirect bool
	}
	Tool []struct{ Path string }
}

// ReadModFile parses the go.mod called name under root.
func ReadModFile(root, name string) (ModFile, error) {
	m := ModFile{Name: name}
	cmd := exec.Command("go", "mod", "edit", "-json", filepath.FromSlash(name))
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(out, &m)
}

// Dependencies finds modules that a go.mod requires directly, and tools that it declares, without a mention on page,
// which is docs/dependencies.md.
func Dependencies(page string, mods []ModFile) []Finding {
	var found []Finding
	for _, mod := range mods {
		var need []string
		for _, r := range mod.Require {
			if !r.Indirect {
				need = append(need, r.Path)
			}
		}
		for _, t := range mod.Tool {
			need = append(need, t.Path)
		}
		slices.Sort(need)
		for _, path := range slices.Compact(need) {
			if !in(path, Module) && !strings.Contains(page, "`"+path+"`") {
				found = append(found, Finding{File: mod.Name, Text: path + " has no line in docs/dependencies.md"})
			}
		}
	}
	return found
}
