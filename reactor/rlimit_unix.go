//go:build unix

package reactor

import "golang.org/x/sys/unix"

// defaultMaxConns leaves a fifth of the descriptors to files, back-ends and accepting.
func defaultMaxConns() int {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil || r.Cur > 1<<30 {
		return 1 << 20
	}
	return max(int(r.Cur)/5*4, 16)
}
