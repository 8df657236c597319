//go:build linux

package main

import (
	"math"
	"slices"
)

// spread is a median with the least and greatest value beside it.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	N      int     `json:"n"`
}

// median is the middle of values, the mean of the two middle ones if they are even in number, and 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// spreadOf summarises values; the zero spread stands for none.
func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	return spread{
		Median: median(values),
		Min:    slices.Min(values),
		Max:    slices.Max(values),
		N:      len(values),
	}
}

// ratiosByRound divides each round's value by the base's value of the same round. Rounds that either
// lacks are left out: on a noisy machine only neighbours in time compare.
func ratiosByRound(values, base map[int]float64) []float64 {
	var ratios []float64
	for round, v := range values {
		if b := base[round]; b > 0 {
			ratios = append(ratios, v/b)
		}
	}
	slices.Sort(ratios)
	return ratios
}

// quantile is the nearest-rank q-quantile (0 < q <= 1) of values, which it sorts; 0 of none.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	rank := int(math.Ceil(q*float64(len(values)))) - 1
	return values[min(max(rank, 0), len(values)-1)]
}
