//go:build linux

// Command bench compares HTTP servers side by side: ours, the standard library, the known frameworks, and
// a C epoll loop as the floor. It runs them one at a time, in rounds that take turns, drives them with wrk,
// and measures the CPU time that each spends per request.
//
// Scenarios: http is the comparison itself; idle measures the memory of 15,000 idle connections, with -tls
// over TLS; stdp99 measures how long a request waits while pipelined clients saturate the server; tls, static
// and gzip measure requests over TLS and handshakes, files, and answers that are compressed.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) > 1 {
		if role, ok := roles[os.Args[1]]; ok {
			exitOn(role(os.Args[2:]))
			return
		}
	}
	o := parseFlags()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	exitOn(run(ctx, o))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
