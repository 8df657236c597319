//go:build unix

package relay

import (
	"time"

	"golang.org/x/sys/unix"
)

// cpu is the time that the process has spent.
func cpu() time.Duration {
	var u unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
