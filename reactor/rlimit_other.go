//go:build !unix

package reactor

// defaultMaxConns is a guess where the system has no limit to ask for.
func defaultMaxConns() int { return 10_000 }
