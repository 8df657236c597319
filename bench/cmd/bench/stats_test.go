//go:build linux

package main

import (
	"math"
	"slices"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0},
		{[]float64{7}, 7},
		{[]float64{3, 1, 2}, 2},
		{[]float64{4, 1, 3, 2}, 2.5},
		{[]float64{100, 1, 1, 1, 1}, 1},
	} {
		if got := median(c.values); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.values, got, c.want)
		}
	}
}

func TestMedianLeavesItsArgument(t *testing.T) {
	values := []float64{3, 1, 2}
	median(values)
	if !slices.Equal(values, []float64{3, 1, 2}) {
		t.Errorf("values are now %v", values)
	}
}

func TestSpreadOf(t *testing.T) {
	if got, want := spreadOf([]float64{5, 2, 9}), (spread{Median: 5, Min: 2, Max: 9, N: 3}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := spreadOf(nil); got != (spread{}) {
		t.Errorf("spread of none is %+v", got)
	}
}

// A slow round slows both servers: the ratio of the medians would be 2, each round says 1.5.
func TestRatiosAreOfTheSameRound(t *testing.T) {
	values := map[int]float64{1: 15, 2: 30, 3: 60}
	base := map[int]float64{1: 10, 2: 20, 3: 40, 4: 1}
	if got := ratiosByRound(values, base); !slices.Equal(got, []float64{1.5, 1.5, 1.5}) {
		t.Errorf("got %v", got)
	}
	if got := ratiosByRound(values, map[int]float64{1: 0, 2: 10}); !slices.Equal(got, []float64{3}) {
		t.Errorf("rounds without a base: got %v, want [3]", got)
	}
}

func TestQuantile(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(100 - i)
	}
	for q, want := range map[float64]float64{0.5: 50, 0.99: 99, 1: 100, 0.001: 1} {
		if got := quantile(hundred, q); math.Abs(got-want) > 0 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if got := quantile(nil, 0.5); got != 0 {
		t.Errorf("quantile of none is %v", got)
	}
}
