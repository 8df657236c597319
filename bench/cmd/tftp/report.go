//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
)

// result is one run.
type result struct {
	server, load      string
	rate, cpu, spread float64 // MB/s, CPU seconds for each GB, slowest over median
	rss               int64
}

// report prints the medians of the rounds.
func report(all []result) {
	type key struct{ load, server string }
	groups := map[key][]result{}
	var order []key
	for _, r := range all {
		k := key{r.load, r.server}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], r)
	}
	slices.SortStableFunc(order, func(a, b key) int { return strings.Compare(a.load, b.load) })
	fmt.Println("| load | server | MB/s | CPU s per GB | slowest / median | peak RSS, MiB |\n|---|---|---|---|---|---|")
	for _, k := range order {
		g := groups[k]
		med := func(f func(r result) float64) float64 {
			var v []float64
			for _, r := range g {
				v = append(v, f(r))
			}
			slices.Sort(v)
			return v[len(v)/2]
		}
		fmt.Printf("| %s | %s | %.1f | %.2f | %.1f | %.0f |\n", k.load, k.server, med(func(r result) float64 { return r.rate }),
			med(func(r result) float64 { return r.cpu }), med(func(r result) float64 { return r.spread }),
			med(func(r result) float64 { return float64(r.rss) / (1 << 20) }))
	}
}
