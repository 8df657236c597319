//go:build unix

package tftp_test

import (
	"syscall"
	"testing"
)

func makePipe(t *testing.T, path string) bool {
	if err := syscall.Mkfifo(path, 0o644); err != nil {
		t.Fatal(err)
	}
	return true
}
