//go:build race

package router_test

// raceDetector: everything is about ten times slower.
const raceDetector = true
