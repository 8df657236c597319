//go:build unix

package tftp

import "syscall"

// openFlags keep an open from waiting.
const openFlags = syscall.O_NONBLOCK
