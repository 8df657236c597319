// Package tftp has a TFTP server and a client on a reactor's loops (RFC 1350, 2347, 2348, 2349, 7440, and the rollover
// option). Package wire is the codec, package transfer the state machines; this one gives them sockets, files and limits.
//
// A Server answers each request from a socket of its own, or all from the one that it listens on (Server.SinglePort), for
// NAT and containers. Reads come from a Source and writes go to a Sink: Files is both, inside one directory; Handlers
// takes the functions that github.com/pin/tftp takes; Origin reads from an HTTP server. What blocks runs on worker
// goroutines, the transfers themselves on the loops: one that is under way costs a few hundred bytes beside its window,
// and no goroutine.
//
// A Client gets and puts one file at a time for the goroutine that calls it.
package tftp
