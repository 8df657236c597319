//go:build interop && !portable

package interop

const serverTags = ""

// slowReaderMemory bounds what a reader of a large file that hardly reads may cost: sendfile holds nothing of it.
const slowReaderMemory = 20 << 10
