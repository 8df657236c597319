//go:build !(linux && (amd64 || arm64 || loong64))

package poll

import "io"

// closeFD has nothing to close: there are no descriptors in handles here.
func closeFD(int) {}

// SetLog has nothing to route: netpoll is not used here.
func SetLog(io.Writer) {}
