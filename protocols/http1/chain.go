package http1

// Middleware wraps a handler in another: what it does around each request. It is made once, before the server serves; what it
// keeps for one request belongs to the Exchange, by SetValue or in a closure.
type Middleware func(next Handler) Handler

// Chain is h inside of all of m, of which the first sees a request first.
func Chain(h Handler, m ...Middleware) Handler {
	for i := len(m) - 1; i >= 0; i-- {
		h = m[i](h)
	}
	return h
}
