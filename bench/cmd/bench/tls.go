//go:build linux

package main

import "context"

const tlsVersion = "1.3" // of the tls scenario

const oursPackage = "./bench/servers/httpd"

// tlsArgs are the flags that our servers and the Go peers share.
func tlsArgs(f fixtures, version string, more ...string) []string {
	return append([]string{"-tls-cert", f.cert, "-tls-key", f.key, "-tls-version", version}, more...)
}

// tlsTargets are the servers that speak TLS 1.3, with one certificate.
func tlsTargets(f fixtures, nginx nginxSite) []*target {
	nginx.cert, nginx.key = f.cert, f.key
	return []*target{
		{
			name: "ours native", module: ".", pkg: oursPackage, ours: true, control: true,
			args: tlsArgs(f, tlsVersion, "-handler", "native"), tls: tlsVersion,
		},
		{
			name: "ours std", module: ".", pkg: oursPackage, ours: true, control: true,
			args: tlsArgs(f, tlsVersion, "-handler", "std"), tls: tlsVersion,
		},
		{name: nethttpName, module: peersModule, pkg: "./nethttp", control: true, args: tlsArgs(f, tlsVersion), tls: tlsVersion},
		{name: nginxName, version: nginxName, nginx: &nginx, tls: tlsVersion},
	}
}

// idleTLSTargets are those whose memory is measured with TLS 1.3 and 1.2. Which of nbio's executors runs the
// handlers makes no difference to idle connections.
func idleTLSTargets(f fixtures) []*target {
	var all []*target
	for _, version := range []string{"1.3", "1.2"} {
		all = append(all,
			&target{
				name: "ours native TLS " + version, module: ".", pkg: oursPackage, ours: true, control: true,
				args: tlsArgs(f, version), tls: version,
			},
			&target{name: nethttpName + " TLS " + version, module: peersModule, pkg: "./nethttp", control: true, args: tlsArgs(f, version), tls: version},
			&target{
				name: "nbio TLS " + version, module: peersModule, pkg: "./nbio", control: true, version: "github.com/lesismal/nbio",
				args: tlsArgs(f, version), tls: version,
			})
	}
	return all
}

// tlsWork is requests on connections that stay, and connections with one request each.
func tlsWork(loads []load) []workKind {
	check := func(s *server) (int, error) { return 0, checkTLS(s.addr, tlsVersion) }
	var kinds []workKind
	for _, l := range loads {
		kinds = append(kinds, workKind{
			name: "keep-alive requests over TLS", unit: "request", load: l,
			check: check, start: wrkOn(plaintextPath, l),
		})
	}
	for _, resume := range []bool{false, true} {
		k := workKind{name: "full handshakes", unit: "handshake", load: load{Conns: handshakers, Depth: 1}, check: check}
		if resume {
			k.name = "resumed handshakes"
		}
		k.start = func(ctx context.Context, _ *plan, s *server) (driver, error) {
			return startHandshakes(ctx, s, k.load.Conns, resume)
		}
		kinds = append(kinds, k)
	}
	return kinds
}
