//go:build linux

package main

import (
	"flag"
	"time"
)

// options are the flags.
type options struct {
	scenario    string
	rounds      int
	seconds     int
	warmUp      int
	only        string
	conns       string
	depths      string
	wrkThreads  int
	out         string
	markdown    string
	requireOurs bool
	seed        uint64
	timeout     time.Duration
	idleConns   int
	idleWait    time.Duration
	idleTLS     bool
}

func parseFlags() options {
	var o options
	flag.StringVar(&o.scenario, "scenario", "http", "http, idle, stdp99, tls, static, gzip or proxy")
	flag.IntVar(&o.rounds, "rounds", 0, "rounds; in each, every server runs once under every load (default 5, of idle 1)")
	flag.IntVar(&o.seconds, "seconds", 3, "length of a measured run")
	flag.IntVar(&o.warmUp, "warmup", 1, "length of the run before it")
	flag.StringVar(&o.only, "only", "", "comma-separated `servers`; all by default")
	flag.StringVar(&o.conns, "conns", "", "numbers of connections (default 64,1024; of tls, static and gzip 64)")
	flag.StringVar(&o.depths, "depths", "1,16", "http: requests in flight per connection")
	flag.IntVar(&o.wrkThreads, "wrk-threads", 1, "threads of wrk")
	flag.StringVar(&o.out, "out", "", "`file` for the records, one JSON object a line (default bench/work/SCENARIO.jsonl)")
	flag.StringVar(&o.markdown, "markdown", "", "`file` for the tables (default: standard output)")
	flag.BoolVar(&o.requireOurs, "require-ours", false, "fail if our own servers do not build, instead of leaving them out")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the servers' order")
	flag.DurationVar(&o.timeout, "timeout", time.Hour, "bound of the whole run")
	flag.IntVar(&o.idleConns, "idle-conns", 15_000, "idle: connections held")
	flag.BoolVar(&o.idleTLS, "tls", false, "idle: connections with TLS, 1.3 and 1.2")
	flag.DurationVar(&o.idleWait, "idle-wait", time.Minute, "idle: time between the last request and the measurement")
	flag.Parse()
	if o.rounds <= 0 {
		o.rounds = 5
		if o.scenario == "idle" {
			o.rounds = 1
		}
	}
	if o.conns == "" {
		o.conns = "64"
		if o.scenario == "http" {
			o.conns = "64,1024"
		}
	}
	return o
}
