// Package tcp has the listeners and dialers of TCP for package reactor.
//
// Listen gives a net.Listener for Reactor.Serve. Its options are set once, on the listening socket, and every accepted
// socket has them by inheritance, so accepting costs one system call. On Linux its descriptor is not polled by the Go
// runtime. Config has the options and limits; its zero value is what a server wants.
//
// Dialer resolves a name, tries its addresses one after another, and gives a reactor.Stream (a net.Conn) or installs a
// reactor.Handler.
package tcp
