//go:build linux && !portable

package udp_test

import "syscall"

const sharding, segmenting = true, true

var errAgain error = syscall.EAGAIN
