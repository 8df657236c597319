//go:build interop && portable

package interop

const serverTags = "portable"

// slowReaderMemory bounds what a reader of a large file that hardly reads may cost: there is no sendfile, so some pieces of the
// file are in memory.
const slowReaderMemory = 320 << 10
