// Package sock is what the stream transports share: listening descriptors that the Go runtime does not poll, and the
// errors of their dialers.
package sock
