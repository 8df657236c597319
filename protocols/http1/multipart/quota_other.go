//go:build !unix

package multipart

import "syscall"

const errQuota = syscall.ENOSPC
