package reactor

// PostLoop runs f on the loop with that number, of those that Conn.LoopIndex gives, soon: for work that is a loop's and not one
// connection's, such as a message for many of them. False, and never, if the loops have ended; those of netpoll never do.
// Posts of one goroutine keep their order, those of Conn.Post included. A panic in f is logged, and ends nothing. Any goroutine.
func (r *Reactor) PostLoop(loop int, f func()) bool {
	select {
	case <-r.stopped:
		return false
	default:
		r.loops[loop].post(nil, f)
		return true
	}
}
