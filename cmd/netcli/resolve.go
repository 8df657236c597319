package main

import (
	"context"
	"fmt"
	"time"

	"github.com/calandria-go/calandria/transports/resolve"
)

func init() {
	register(command{"resolve", "NAME", "print the addresses of a name, in the order in which they would be tried", resolveName})
}

// resolved is what -json prints of a name.
type resolved struct {
	Name    string   `json:"name"`
	Addrs   []string `json:"addrs"`
	Alias   string   `json:"canonical,omitempty"`
	TTL     float64  `json:"ttl_seconds"`
	Source  string   `json:"source"`
	Seconds float64  `json:"seconds"`
}

func resolveName(ctx context.Context, e *env, args []string) error {
	var servers list
	fs := e.flags("resolve")
	fs.Var(&servers, "server", "DNS server to ask, IP or IP:port, in place of the system's resolver; repeatable")
	four := fs.Bool("4", false, "IPv4 alone")
	six := fs.Bool("6", false, "IPv6 alone")
	timeout := fs.Duration("timeout", 10*time.Second, "longest time in all")
	rest, err := parse(fs, args, 1, 1)
	if err != nil {
		return err
	}
	network := "ip"
	switch {
	case *four && *six:
		return usagef("-4 or -6, not both")
	case *four:
		network = "ip4"
	case *six:
		network = "ip6"
	}
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	r := &resolve.Resolver{Servers: servers}
	began := time.Now()
	a, err := r.Lookup(ctx, network, rest[0])
	if err != nil {
		return err
	}
	out := resolved{Name: rest[0], Addrs: []string{}, Alias: a.Name, TTL: a.TTL.Seconds(), Source: a.Source.String(), Seconds: time.Since(began).Seconds()}
	for _, addr := range a.Addrs {
		out.Addrs = append(out.Addrs, addr.String())
	}
	if e.json {
		return writeJSON(e.out, out)
	}
	for _, addr := range out.Addrs {
		fmt.Fprintln(e.out, addr)
	}
	return nil
}
