//go:build linux

package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
)

// dialers is how many connections an idle client opens at a time: few enough for any accept queue.
const dialers = 32

// idleClient opens -n connections to -addr, one request on each, and holds them. On standard output it
// says "open N"; then it obeys: "send" writes a request on every connection ("sent N"), "receive" reads the
// answers ("received N"). It ends with its input.
func idleClient(args []string) error {
	flags := flag.NewFlagSet("idle-client", flag.ExitOnError)
	addr := flags.String("addr", "", "server")
	n := flags.Int("n", 0, "connections")
	version := flags.String("tls", "", "TLS version, 1.2 or 1.3; none if empty")
	sources := flags.String("sources", "", "comma-separated source addresses, used in turn")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if _, err := raiseFileLimit(); err != nil {
		return err
	}
	from := strings.Split(*sources, ",")
	clients := make([]*client, *n)
	open := eachClient(clients, dialers, func(i int) error {
		c, err := dialVersion(*addr, from[i%len(from)], *version)
		if err != nil {
			return err
		}
		clients[i] = c
		return c.get()
	})
	fmt.Println("open", open)
	for commands := bufio.NewScanner(os.Stdin); commands.Scan(); {
		switch commands.Text() {
		case "send":
			fmt.Println("sent", eachClient(clients, dialers, func(i int) error { return clients[i].send() }))
		case "receive":
			fmt.Println("received", eachClient(clients, dialers, func(i int) error { return clients[i].receive() }))
		default:
			return fmt.Errorf("unknown command %q", commands.Text())
		}
	}
	return nil
}

// eachClient calls do for every index on some goroutines and counts the successes. The first few failures
// are told on standard error.
func eachClient(clients []*client, workers int, do func(i int) error) int {
	var next, good, bad atomic.Int64
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(clients) {
					return
				}
				if err := do(i); err == nil {
					good.Add(1)
				} else if bad.Add(1) <= 3 {
					fmt.Fprintln(os.Stderr, "connection", i, err)
				}
			}
		})
	}
	group.Wait()
	return int(good.Load())
}
