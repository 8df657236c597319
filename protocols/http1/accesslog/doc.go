// Package accesslog writes one line for each exchange of an http1.Server: Log.OnDone is the function for Server.OnDone.
//
// The loop renders the line into a buffer of its own, some hundred nanoseconds, and never waits: full buffers, and those that
// are older than Config.FlushEvery, go to one goroutine that writes them. When the disk is slower than the requests for so
// long that Config.QueueBytes are waiting, lines are dropped and counted.
//
// Nothing that a client sends can end a line, or a value in it: see Format.
package accesslog
