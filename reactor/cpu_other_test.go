//go:build !unix

package reactor

import "time"

const quiet = 400 * time.Millisecond

// cpuTime is unknown here.
func cpuTime() time.Duration { return 0 }
