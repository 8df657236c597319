//go:build linux

// Command wsbench compares WebSocket servers: CPU per message, latency and memory, under one load client, which is ours and runs on
// loops of its own in a process of its own. See bench/README.md.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"time"
)

func main() {
	var l load
	flag.StringVar(&l.Addr, "load", "", "be the load client of the server at this `address`")
	flag.StringVar(&l.Path, "path", "/echo", "/echo or /broadcast")
	flag.IntVar(&l.Conns, "conns", 100, "connections")
	flag.IntVar(&l.Size, "size", 1024, "bytes of a message")
	flag.IntVar(&l.Rate, "rate", 10, "broadcasts a second")
	flag.IntVar(&l.Stalled, "stalled", 0, "connections that do not read, beside the others")
	flag.DurationVar(&l.Time, "time", 5*time.Second, "length of a run")
	flag.BoolVar(&l.Deflate, "deflate", false, "offer permessage-deflate")
	flag.BoolVar(&l.TLS, "tls", false, "use wss, whoever answers; ours only")
	var b bench
	flag.StringVar(&b.scenario, "scenario", "echo", "echo, broadcast, deflate or idle")
	flag.StringVar(&b.only, "only", "", "comma-separated names of servers; all if empty")
	flag.IntVar(&b.rounds, "rounds", 3, "rounds")
	flag.Parse()
	if l.Addr != "" {
		r, err := l.run()
		if err != nil {
			log.Fatal(err)
		}
		if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
			log.Fatal(err)
		}
		return
	}
	if err := b.run(&l); err != nil {
		fmt.Fprintln(os.Stderr, "wsbench:", err)
		os.Exit(1)
	}
}
