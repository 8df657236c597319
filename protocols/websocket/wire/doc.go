// Package wire is the WebSocket codec: the frames of RFC 6455, the compression of RFC 7692, and the rules of the opening
// handshake. It is pure: no I/O, no clock, no goroutines.
//
// # Decoding
//
// [Decoder.Next] takes bytes as they come and finds pieces of messages, pings, pongs and the close. It keeps nothing of a
// message: what arrives is unmasked in place and handed on, inflated and checked to be UTF-8 on the way. The verdict on a
// connection does not depend on how its bytes were cut, and comes at the first byte that settles it: a reserved opcode
// needs one, a declared length above the limit as many as show that it is. Every violation is one of the package's [Error]
// values, with the close code to send, a stable label for metrics, and the section that it rests on.
//
// # Encoding
//
// [AppendMessage], [AppendFrame], [AppendControl] and [AppendClose] append to a buffer of the caller's. [Prepared] frames a
// message once for many connections.
//
// # Compression
//
// A [Deflate] is negotiated with Accept (server), or Offer and Confirm (client), and makes the [Inflater] and the
// [Deflater] of each end. What it costs while a connection is idle:
//
//   - nothing in either direction without context takeover;
//   - with it, 1 << window bits bytes at most for what is received, grown with the history, and about 1 MiB for what is
//     sent, which [Deflater.Release] gives back at any time.
//
// # Where the RFCs leave a choice
//
//   - Compressed data that is not DEFLATE closes with 1007; RFC 7692 names no code.
//   - A compressed message that ends with a final block (BFINAL) is taken with or without the byte 0x00 behind it, and the
//     window outlives it.
//   - A reference beyond the agreed window is an error, even if the bytes were at hand.
//   - Close codes 1012 to 1014 are taken, being registered; 1016 to 2999 are not, nor 1004, 1005, 1006 and 1015.
//   - Extensions: what is malformed is declined by a server, and fails the handshake in a client.
package wire
