// Package rest is HTTP in both directions over one WebSocket: either side sends requests, with method, URI, fields and body, and
// gets the answers, many at once. A client behind a firewall so serves whoever it has connected to.
//
// A [Peer] is one end: a websocket.Handler for Server.Upgrade or DialOptions, an http.RoundTripper for its own requests, and
// it gives the other end's to an http.Handler; a native handler of package http1 becomes one by http1.AsStd.
//
// Two sub-protocols are spoken, by what the handshake agreed on. [Protocol], described in docs/websocket-rest.md, has ids, deadlines,
// cancellation, and bodies in pieces with flow control. [Synopse] is that of mORMot 2, "synopsejson": text, whole
// bodies, and one request at a time in each direction.
//
// A handler runs on a worker goroutine of the reactor while its request lasts; an idle peer has none. Bodies are held 64 KiB
// at the most in each direction of a request, whatever the sender does.
package rest
