//go:build !(linux && (amd64 || arm64 || loong64))

package poll

import "os"

// Resident says whether n bytes of f at off can be read without waiting for the disk: not known here, so no.
func Resident(*os.File, int64, int) bool { return false }
