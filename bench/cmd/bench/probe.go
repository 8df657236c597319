//go:build linux

package main

import (
	"flag"
	"fmt"
	"sync"
	"time"
)

// probe sends requests one after the other on each of -conns connections to -addr for -seconds, and says
// how many were answered and how long they took: "requests N", "p50 US", "p99 US", "worst US".
func probe(args []string) error {
	flags := flag.NewFlagSet("probe", flag.ExitOnError)
	addr := flags.String("addr", "", "server")
	conns := flags.Int("conns", 8, "connections")
	seconds := flags.Int("seconds", 3, "how long")
	if err := flags.Parse(args); err != nil {
		return err
	}
	clients := make([]*client, *conns)
	for i := range clients {
		c, err := dialClient(*addr, "")
		if err != nil {
			return err
		}
		defer c.close()
		clients[i] = c
	}
	deadline := time.Now().Add(time.Duration(*seconds) * time.Second)
	times := make([][]float64, len(clients))
	failures := make([]error, len(clients))
	var group sync.WaitGroup
	for i, c := range clients {
		group.Go(func() { times[i], failures[i] = c.timeUntil(deadline) })
	}
	group.Wait()
	var all []float64
	for i := range clients {
		if failures[i] != nil {
			return failures[i]
		}
		all = append(all, times[i]...)
	}
	fmt.Println("requests", len(all))
	fmt.Println("p50", quantile(all, 0.50))
	fmt.Println("p99", quantile(all, 0.99))
	fmt.Println("worst", quantile(all, 1))
	return nil
}

// timeUntil gets /plaintext again and again until the deadline, and returns the time of each in microseconds.
func (c *client) timeUntil(deadline time.Time) (times []float64, err error) {
	for {
		start := time.Now()
		if start.After(deadline) {
			return times, nil
		}
		if err := c.get(); err != nil {
			return times, err
		}
		times = append(times, micros(time.Since(start)))
	}
}
