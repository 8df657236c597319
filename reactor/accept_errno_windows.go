package reactor

import "syscall"

// errProto is a connection that was gone before it was accepted.
const errProto = syscall.WSAECONNRESET
