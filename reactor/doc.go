// Package reactor is an event loop for network connections: many channels, one core.
//
// # Threads
//
// A loop is one goroutine. Every connection belongs to one loop for life, and all that happens to it happens there, one
// thing at a time: the methods of its Handler, its timers, the functions posted to it. So a handler needs no lock, and must
// not block: what blocks goes through Conn.Offload and comes back by Conn.Post. Methods of Conn say which are safe from any
// goroutine. Code that blocks uses a Stream, a net.Conn over a Conn, on a goroutine of its own; a call that would wait on a
// loop's goroutine returns ErrOnLoop instead.
//
// # Buffers
//
// OnData's slice is the loop's scratch buffer: valid until OnData returns. What OnData does not consume is kept by the
// connection, up to Config.InputLimit, and comes again with what follows. Write copies. All that one turn writes goes out in
// one system call at its end. An idle connection holds no buffer.
//
// # Back-pressure
//
// Input: Conn.Pause stops reading, so the peer's window closes; Resume delivers what was left. Output: above
// Config.HighWater a producer stops until OnWritable; above Config.MaxUnsent the connection is closed with ErrSlowPeer; a
// peer that takes nothing for Config.WriteStall with ErrWriteStall.
//
// # Ends
//
// The peer's half-close is OnEOF, after all its bytes were delivered; writing is still possible. Close flushes and closes,
// CloseLinger lets the peer read our last bytes first, CloseWrite half-closes, Abort resets. OnClose comes exactly once,
// last, at the end of a batch and never inside another call of the handler. Then the descriptor is closed.
//
// A panic in a handler, a timer or a posted function closes that connection with ErrPanic; the loop lives.
//
// # Engines
//
// On Linux (amd64, arm64, loong64) loops run on cloudwego/netpoll's pollers, which are shared by the process and never stop.
// Elsewhere, and with the build tag portable, loops are goroutines and each connection has its own over package net.
package reactor
