// Package http1 is HTTP/1.1 on the reactor's loops: a strict server, whose handlers run on the loop or are those of net/http.
//
// A native handler gets an Exchange: the parsed head, the body collected (ReadBody) or piece by piece (StreamBody), and an
// answer that is fixed (Respond) or streamed with flow control (Start, Write, OnWritable, Finish). It runs on the loop and
// must not block; it may answer later. Std makes any net/http.Handler one, on a goroutine of its own.
//
// What is ambiguous in a request is refused, never repaired: see package wire for the grammar, and docs/conformance.md for
// each rule with its RFC section. Pipelined requests are answered in order, a batch of answers with one system call.
package http1
