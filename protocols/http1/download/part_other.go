//go:build !unix

package download

import "os"

const (
	noFollow    = 0
	renamesOpen = false
)

func lock(*os.File) error { return nil }

func syncDir(string) error { return nil }
