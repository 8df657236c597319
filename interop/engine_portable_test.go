//go:build interop && portable

package interop

const serverTags = "portable"
