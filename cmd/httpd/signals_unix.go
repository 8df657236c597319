//go:build unix

package main

import (
	"os"
	"syscall"
)

// more are the signals beside those that end the program.
var more = []os.Signal{syscall.SIGHUP, syscall.SIGUSR2}

func action(sig os.Signal) string {
	switch sig {
	case syscall.SIGHUP:
		return "reload"
	case syscall.SIGUSR2:
		return "restart"
	}
	return "stop"
}
