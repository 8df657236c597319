//go:build unix

package tftp

import "syscall"

// errDQuot is what a disk quota says.
const errDQuot = syscall.EDQUOT
