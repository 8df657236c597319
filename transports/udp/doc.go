// Package udp has the datagram sockets of package reactor's endpoints.
//
// Listen binds one, or several on the same address, and Serve gives them to a reactor, each on a loop of its own. Config.Open
// binds one without resolving anything and without waiting, in three system calls: for protocols that take a socket for
// each transfer. On Linux descriptors are not polled by the Go runtime.
//
// A socket on an unspecified address is told which of the host's addresses each datagram was sent to (IP_PKTINFO), so that
// its answer can come from there: Packet.Local and Endpoint.SendFrom. One on an address of its own has no need of that.
// Sockets are never connected and never ask for ICMP errors: docs/udp.md says why.
package udp
