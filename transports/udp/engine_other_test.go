//go:build !linux || portable

package udp_test

import "syscall"

const sharding, segmenting = false, false

var errAgain error = syscall.EAGAIN
