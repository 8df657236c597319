// Package peers holds the tests of package websocket against other Go libraries, as servers and as clients. It is a module of its own, so
// that they are no dependencies of ours.
package peers
