//go:build linux

package main

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const modulePath = "github.com/calandria-go/calandria"

// peersModule is the folder of the peers' module.
const peersModule = "bench/peers"

// The two servers that the others are measured against.
const (
	floorName   = "floor"
	nethttpName = "net/http"
)

// target is one server of the comparison.
type target struct {
	name    string   // in -only, in the tables and in the records
	module  string   // module folder, below the root
	pkg     string   // package of its main; for the floor the C source
	args    []string // besides -listen
	version string   // module whose version the header shows; "" for our own and the standard library
	ours    bool
	control bool       // takes commands on standard input
	tls     string     // the only version of TLS that it speaks, "1.2" or "1.3"; "": none
	nginx   *nginxSite // what it is to serve, if it is nginx
	path    string
}

// httpTargets are the servers as a user runs them.
func httpTargets() []*target {
	return append([]*target{
		{name: floorName, pkg: "bench/floor/floor.c"},
		{name: "ours native", module: ".", pkg: "./cmd/httpd", args: []string{"-handler", "native", "-metrics", "off"}, ours: true},
		{name: "ours std", module: ".", pkg: "./cmd/httpd", args: []string{"-handler", "std", "-metrics", "off"}, ours: true},
	}, peerTargets()...)
}

// idleTargets are the servers with a control line, ours embedded in a small main.
func idleTargets() []*target {
	return append([]*target{
		{name: floorName, pkg: "bench/floor/floor.c"},
		{name: "ours native", module: ".", pkg: "./bench/servers/httpd", args: []string{"-handler", "native"}, ours: true, control: true},
		{name: "ours std", module: ".", pkg: "./bench/servers/httpd", args: []string{"-handler", "std"}, ours: true, control: true},
	}, peerTargets()...)
}

func peerTargets() []*target {
	return []*target{
		{name: nethttpName, module: peersModule, pkg: "./nethttp", control: true},
		{name: "fasthttp", module: peersModule, pkg: "./fasthttp", control: true, version: "github.com/valyala/fasthttp"},
		{name: "hertz", module: peersModule, pkg: "./hertz", control: true, version: "github.com/cloudwego/hertz"},
		{name: "nbio pool", module: peersModule, pkg: "./nbio", control: true, version: "github.com/lesismal/nbio"},
		{name: "nbio inline", module: peersModule, pkg: "./nbio", args: []string{"-inline"}, control: true, version: "github.com/lesismal/nbio"},
		{name: "gnet raw", module: peersModule, pkg: "./gnet", control: true, version: "github.com/panjf2000/gnet/v2"},
	}
}

// only keeps the targets that a comma-separated list names; an empty list names all.
func only(targets []*target, list string) ([]*target, error) {
	if list == "" {
		return targets, nil
	}
	var kept []*target
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		i := slices.IndexFunc(targets, func(t *target) bool { return t.name == name })
		if i < 0 {
			return nil, fmt.Errorf("-only: no server is called %q; there are: %s", name, names(targets))
		}
		kept = append(kept, targets[i])
	}
	return kept, nil
}

func names(targets []*target) string {
	var all []string
	for _, t := range targets {
		all = append(all, t.name)
	}
	return strings.Join(all, ", ")
}

// buildAll builds every target into dir. Ours may fail to build, with a message, unless they are required.
func buildAll(ctx context.Context, root, dir string, targets []*target, requireOurs bool) ([]*target, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var built []*target
	for _, t := range targets {
		err := t.build(ctx, root, dir)
		switch {
		case err == nil:
			built = append(built, t)
		case errors.Is(err, errNoNginx):
			fmt.Fprintf(os.Stderr, "bench: left out %q: %v\n", t.name, err)
		case t.ours && !requireOurs:
			fmt.Fprintf(os.Stderr, "bench: skipped %q, which does not build: %v\n", t.name, err)
		default:
			return nil, fmt.Errorf("build %s: %w", t.name, err)
		}
	}
	if len(built) == 0 {
		return nil, errors.New("no server was built")
	}
	return built, nil
}

// build compiles the target's program, or looks for it if it is nginx, and notes where it is.
func (t *target) build(ctx context.Context, root, dir string) error {
	if t.nginx != nil {
		var err error
		t.path, err = findNginx(nginxPaths...)
		return err
	}
	name := strings.TrimSuffix(strings.TrimPrefix(t.pkg, "./"), ".c")
	t.path = filepath.Join(dir, strings.ReplaceAll(name, "/", "-"))
	var cmd *exec.Cmd
	if filepath.Ext(t.pkg) == ".c" {
		cmd = exec.CommandContext(ctx, "cc", "-O2", "-pthread", "-o", t.path, t.pkg)
		cmd.Dir = root
	} else {
		cmd = exec.CommandContext(ctx, "go", "build", "-o", t.path, t.pkg)
		cmd.Dir = filepath.Join(root, t.module)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, lastLine(out))
	}
	return nil
}

// versionText is the version that was linked into the built program: "" if it has none of its own.
func (t *target) versionText(ctx context.Context) string {
	if t.nginx != nil {
		return nginxVersion(ctx, t.path)
	}
	if t.version == "" {
		return ""
	}
	info, err := buildinfo.ReadFile(t.path)
	if err != nil {
		return "unknown"
	}
	for _, dep := range info.Deps {
		if dep.Path == t.version {
			return dep.Version
		}
	}
	return "unknown"
}

// moduleRoot finds the folder of this module's go.mod at or above the working directory.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module "+modulePath+"\n") {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("run this inside the module " + modulePath)
		}
		dir = parent
	}
}
