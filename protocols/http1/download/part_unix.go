//go:build unix

package download

import (
	"errors"
	"os"
	"syscall"
)

// noFollow keeps a link that someone put in the partial file's place from having another file overwritten.
const noFollow = syscall.O_NOFOLLOW

// renamesOpen: a file keeps its lock while it is renamed.
const renamesOpen = true

// lock is for this open file alone, until it is closed.
func lock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil, errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.ENOLCK):
			return nil
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			return ErrBusy
		}
		return &os.PathError{Op: "flock", Path: f.Name(), Err: err}
	}
}

// syncDir has a rename be on the disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // some file systems cannot
		return err
	}
	return nil
}
