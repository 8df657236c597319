package wire

// Rebase tells r that the bytes of its head now lie in b, which must be equal to those last given to Parse: for one who
// keeps a request beyond its read buffer.
func (r *Request) Rebase(b []byte) { r.buf = b }

// Pending is how many bytes the chunk that is being read still has, as its size line says: a receiver with a limit can
// refuse it before they come. Never allocate by it.
func (c *Chunked) Pending() int64 {
	if c.state != inData {
		return 0
	}
	return c.left
}
