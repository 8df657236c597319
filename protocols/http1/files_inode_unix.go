//go:build unix

package http1

import (
	"io/fs"
	"syscall"
)

// inode is the number that the file system knows a file by, or 0.
func inode(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Ino)
	}
	return 0
}
