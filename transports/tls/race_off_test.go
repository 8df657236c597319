//go:build !race

package tls_test

const raceDetector = false
