//go:build portable || !(linux && (amd64 || arm64 || loong64))

package poll

// Default is the engine of this build.
func Default() Engine { return PortableEngine{} }
