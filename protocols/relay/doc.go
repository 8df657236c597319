// Package relay publishes services that are behind a firewall through a public relay: an [Agent] beside the service dials the
// relay's [Server] by WebSocket, and what comes to the relay's public addresses is carried to it as streams with flow control
// of their own. A [Client] reaches services over a link of its own, end to end encrypted if it knows the service's key.
//
// Connections at both ends, and the streams between them, are reactor connections joined two and two by Pause and Resume: a
// relayed stream has no goroutine. docs/relay-protocol.md specifies the link, package wire is its codec, package link its state
// machine, package access the rules of who may come and what may be dialed.
package relay
