// Package reactortest is for tests of what runs on package reactor.
//
//   - Pipe and Listener are in-memory connections that behave as sockets do: bounded buffers, half-close, reset,
//     deadlines. New gives a reactor in memory that serves and dials them. Everything that waits in them waits durably, so
//     a testing/synctest bubble around it all has a clock of its own: timeouts of hours are tested in microseconds.
//   - Fail, FailEvery and FailFrom make the system calls of a reactor fail.
//   - Splits runs a test on an input cut at every place; Feed and SplitsHandler do so with a real connection's handler.
//   - Main and LeakCheck fail a test that leaves goroutines or descriptors behind.
package reactortest
