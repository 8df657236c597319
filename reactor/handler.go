package reactor

// Handler is the protocol state machine of one connection. All its methods run on the connection's loop, one at a time,
// and must not block: what blocks goes through Conn.Offload.
type Handler interface {
	// OnOpen says that the connection is ready: after accept or dial, and after Upgrade.
	OnOpen(c *Conn)
	// OnData gives the bytes that were not consumed yet, oldest first, and returns how many it consumed. The rest comes
	// again with what follows. in is the loop's scratch buffer, valid until OnData returns; it may be overwritten, never
	// kept. More than Config.InputLimit unconsumed bytes close the connection with ErrInputLimit.
	OnData(c *Conn, in []byte) int
	// OnClose comes exactly once, last; no other method of the handler follows. err is nil after Close, io.EOF when the
	// peer ended a connection whose handler has no OnEOF, else what went wrong (ReasonOf gives its label).
	OnClose(c *Conn, err error)
}

// EOFHandler is for handlers that go on after the peer has half-closed. Without it the connection flushes and closes.
type EOFHandler interface {
	// OnEOF says that the peer will send no more. What it sent was delivered before. Writing is still possible.
	OnEOF(c *Conn)
}

// WritableHandler is for handlers that stop producing above Config.HighWater.
type WritableHandler interface {
	// OnWritable says that Unsent fell to Config.LowWater or below, after it was above Config.HighWater.
	OnWritable(c *Conn)
}

// DrainHandler is for handlers that have something to finish when Shutdown begins. Without it the connection flushes and
// closes.
type DrainHandler interface {
	// OnDrain says that Shutdown began: finish what is in flight, then Close.
	OnDrain(c *Conn)
}

// HangupHandler is for handlers that want to know of a peer that has closed both directions while input is paused or
// ended: nothing that is still written will be read. TCP shows a peer's close as OnEOF only; unix sockets show it here.
type HangupHandler interface {
	// OnHangup says that the peer is gone.
	OnHangup(c *Conn)
}

// LastWordsHandler is for handlers to which a peer may have said something before it broke the connection off: when sending
// fails, what the peer sent earlier is still delivered, and then the connection ends with the error. Without it the connection
// ends at once.
type LastWordsHandler interface {
	// LastWords says whether anything is waited for now.
	LastWords() bool
}

// Protocol makes the handler of each accepted connection.
type Protocol interface {
	// NewHandler runs on the connection's loop, before OnOpen. It must not write.
	NewHandler(c *Conn) Handler
}

// ProtocolFunc is a function as a Protocol.
type ProtocolFunc func(c *Conn) Handler

// NewHandler calls f.
func (f ProtocolFunc) NewHandler(c *Conn) Handler { return f(c) }

// What a handler implements beside Handler, looked up once when it is installed.
type caps uint8

const (
	capEOF caps = 1 << iota
	capWritable
	capDrain
	capHangup
	capLastWords
)

func capsOf(h Handler) caps {
	var k caps
	if _, ok := h.(EOFHandler); ok {
		k |= capEOF
	}
	if _, ok := h.(WritableHandler); ok {
		k |= capWritable
	}
	if _, ok := h.(DrainHandler); ok {
		k |= capDrain
	}
	if _, ok := h.(HangupHandler); ok {
		k |= capHangup
	}
	if _, ok := h.(LastWordsHandler); ok {
		k |= capLastWords
	}
	return k
}

// Layer transforms the bytes between the socket and the handler: TLS. It is installed by Conn.SetLayer.
//
// Feed, Read, EOF and Close run on the loop. Write and CloseWrite run on whatever goroutine writes, and put what they make
// out with Conn.WriteRaw.
type Layer interface {
	// Feed takes bytes off the socket; it must not keep in, unless it is a KeepingLayer.
	Feed(in []byte) error
	// Read gives bytes for the handler: ErrWouldBlock when more input is needed, io.EOF at the orderly end. Any other
	// error resets the connection, unless the layer has closed it in its own way before it returns.
	Read(p []byte) (int, error)
	// EOF says that the socket has ended, more than once perhaps. Read tells whether that was in order.
	EOF()
	// Write takes bytes from the handler. It never blocks and takes all or fails.
	Write(p []byte) (int, error)
	// CloseWrite puts out the layer's own end of stream.
	CloseWrite() error
	// Close releases what the layer holds, after OnClose.
	Close()
}

// KeepingLayer is a Layer that reads from the slice which Feed got, so that what is read at once need not be copied.
type KeepingLayer interface {
	Layer
	// Keep says that the slice ends: what Read has not taken of it is to be copied. It runs on the loop.
	Keep()
}
