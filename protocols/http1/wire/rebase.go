package wire

// Rebase tells r that the bytes of its head now lie in b, which must be equal to those last given to Parse: for one who
// keeps a request beyond its read buffer.
func (r *Request) Rebase(b []byte) { r.buf = b }
