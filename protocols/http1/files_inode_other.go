//go:build !unix

package http1

import "io/fs"

// inode is not to be had here.
func inode(fs.FileInfo) uint64 { return 0 }
