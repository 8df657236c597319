//go:build !race

package tftp_test

const raceEnabled = false
