// Package tls is TLS 1.2 and 1.3 as a transport for everything on the loop, on crypto/tls as it is.
//
// Server is a reactor.Protocol around another one: it collects the ClientHello on the loop, runs the handshake on a worker,
// and gives the connection to the protocol that ALPN chose. From then on the connection is event-driven, as without TLS: no
// goroutine, and the handler sees plain text. Client is the other side, for Reactor.DialFunc and for Conn.Upgrade; Dialer
// dials and waits. Both work on a connection that is open already (STARTTLS).
//
// Store has certificates from files and reloads them while running. SelfSigned makes one for development.
//
// Certificates, versions, ALPN, SNI, client certificates and tickets are those of a crypto/tls.Config. A handler finds the
// state of its connection by State, or by the method ConnectionState of Conn.Layer.
package tls
