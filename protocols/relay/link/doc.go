// Package link is one link of a relay as a state machine: the streams that docs/relay-protocol.md multiplexes over it, with
// their credit, their order and their ends. It has no I/O, no clock and no goroutines: whoever drives a [Session] passes it
// the frames that came and the time, and takes from it the frames to send.
//
// # Driving a session
//
//	s.Advance(now)                                   // before each of the rest
//	err := s.Handle(frame)                           // a message came; an error ends the link
//	for b := s.Next(buf[:0]); len(b) > 0; b = ... {} // while the link takes more
//	s.Tick()                                         // at s.Wake()
//
// What is not asked for by Next stays due, so a link that is full is back-pressure: data waits in the streams, at most
// Config.SendBuffer each, and [Stream.Write] takes no more.
//
// # Order
//
// Next gives control frames first: HELLO, then PONG and PING, refusals and resets, then of each stream what is due but its
// bytes. DATA goes round robin over the streams that have bytes and credit, one frame of at most 32 KiB each. FIN comes
// behind a stream's bytes.
//
// # Memory
//
// A stream holds what the peer sent and nobody has read, at most its window; and what was written and not yet sent, at most
// Config.SendBuffer; with resume, also what was sent and not yet consumed by the peer, at most the peer's window. A stream
// without bytes holds no buffer: it costs about 350 bytes. What came and was not read is bounded over all streams by
// Config.LinkWindow; above three quarters of it the stream that holds the most is reset, so that streams which nobody reads
// do not stop the others.
//
// A Session is not safe for concurrent use.
package link
