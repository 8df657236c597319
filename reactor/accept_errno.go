//go:build !windows

package reactor

import "syscall"

// errProto is a connection that was gone before it was accepted, in the words of some systems.
const errProto = syscall.EPROTO
