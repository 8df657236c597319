//go:build unix

package reactor

import (
	"time"

	"golang.org/x/sys/unix"
)

// quiet is how long a test watches for work that should not be done.
const quiet = 400 * time.Millisecond

// cpuTime is what this process has used so far.
func cpuTime() time.Duration {
	var u unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
