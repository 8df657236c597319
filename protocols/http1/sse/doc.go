// Package sse is Server-Sent Events (the HTML standard, section 9.2) for native http1 handlers.
//
// Start makes an exchange a Stream, to which any goroutine sends. A Hub sends each event to many streams, frames it once, and
// replays to a client that comes back what it has missed. A Parser reads a stream of events: for clients and tests.
//
// A stream costs no goroutine: some 500 bytes beside its connection, and its queue while the client does not read. The browser's
// end of a connection shows when something is sent: with heartbeats, soon after one.
package sse
