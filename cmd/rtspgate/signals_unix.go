//go:build unix

package main

import (
	"os"
	"syscall"
)

// more are the signals beside those that end the program.
var more = []os.Signal{syscall.SIGHUP}

func reloads(sig os.Signal) bool { return sig == syscall.SIGHUP }
