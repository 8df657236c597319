package multipart

import (
	"fmt"
	"io/fs"
	"syscall"
	"testing"
)

func TestStatusOf(t *testing.T) {
	for _, tt := range []struct {
		err    error
		status int
	}{
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, 507},
		{&fs.PathError{Op: "write", Path: "x", Err: errQuota}, 507},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.EIO}, 500},
		{fmt.Errorf("wrapped: %w", ErrFileTooLarge), 413},
		{ErrTruncated, 400},
	} {
		if status, text := statusOf(tt.err); status != tt.status || text == "" {
			t.Errorf("%v: %d %q", tt.err, status, text)
		}
	}
	if ErrTruncated.Error() != "multipart: form ends early" || ErrTruncated.CloseReason() != "multipart" {
		t.Error(ErrTruncated.Error())
	}
}
