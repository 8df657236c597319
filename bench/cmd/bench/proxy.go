//go:build linux

package main

import (
	"context"
	"os/exec"
	"path/filepath"
)

// upstreamAddr is where the server behind the proxies listens.
const upstreamAddr = "127.0.0.1:28182"

// proxyTargets are reverse proxies in front of the server at upstream.
func proxyTargets(upstream string, nginx nginxSite) []*target {
	nginx.upstream = upstream
	args := []string{"-upstream", "http://" + upstream}
	return []*target{
		{name: "ours Proxy", module: ".", pkg: "./bench/servers/proxy", args: args, ours: true, control: true},
		{name: nethttpName, module: peersModule, pkg: "./nethttp", args: args, control: true},
		{name: nginxName, version: nginxName, nginx: &nginx},
		{name: "haproxy", module: ".", pkg: "./bench/servers/haproxy", args: args},
	}
}

// proxyWork is small requests, whose cost is the proxy's own.
func proxyWork(loads []load) []workKind {
	var kinds []workKind
	for _, l := range loads {
		kinds = append(kinds, workKind{
			name: "proxied requests", unit: "request", load: l,
			check: func(*server) (int, error) { return 0, nil }, start: wrkOn(plaintextPath, l),
		})
	}
	return kinds
}

// startUpstream starts the server that is behind the proxies.
func startUpstream(ctx context.Context, root, work, addr string) (stop func(), err error) {
	t := &target{name: "upstream", module: ".", pkg: oursPackage, args: []string{"-handler", "native"}}
	if err := t.build(ctx, root, filepath.Join(work, "bin")); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, t.path, append(t.args, "-listen", addr)...)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}, nil
}
