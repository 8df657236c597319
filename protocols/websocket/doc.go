// Package websocket serves and dials WebSockets on a reactor's loops: RFC 6455 and, where it is asked for, the compression of
// RFC 7692. The codec below it is package wire.
//
// # Server and client
//
// [Server.Upgrade] turns a request of package http1 into a WebSocket, [Server.UpgradeHTTP] one of any net/http server, whose
// connection moves onto a loop. [Dial] is the client. All of them give a [Conn].
//
// # Two styles
//
// A [Handler] is called on the connection's loop: it must not block, and needs no lock. Without a handler the messages wait
// for [Conn.Read], which blocks and is for a goroutine of its own. A connection has one or the other.
//
// # Sending
//
// [Conn.Send] may be called by any goroutine, never blocks, and copies: all that one turn of the loop sends goes out in one
// system call. Above [Config.MaxQueue] unsent bytes the policy [Config.Overflow] decides: the message is dropped, or the
// connection closed. [Conn.SendContext] waits instead.
//
// # Bounds
//
// A message has at most [wire.Limits].MaxMessage bytes after decompression. A peer that is silent is pinged, and given up
// when it stays so. One that does not read what is sent to it is not read from. One that floods with pings is closed with
// 1008. A close handshake has [Config.CloseTimeout]. While a connection is idle it holds no buffer, no goroutine and no
// runtime timer: with its reactor.Conn it takes about a kilobyte.
package websocket
