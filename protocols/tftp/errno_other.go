//go:build !unix

package tftp

import "syscall"

// errDQuot is what a full disk says: there is no quota here.
const errDQuot = syscall.ENOSPC
