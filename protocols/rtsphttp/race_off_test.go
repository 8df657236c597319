//go:build !race

package rtsphttp

const raceEnabled = false
