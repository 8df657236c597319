//go:build linux && (amd64 || arm64 || loong64) && !portable

package poll

// Default is the engine of this build.
func Default() Engine { return NetpollEngine{} }
