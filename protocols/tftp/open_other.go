//go:build !unix

package tftp

// openFlags keep an open from waiting: there is nothing to wait for here.
const openFlags = 0
