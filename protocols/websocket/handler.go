package websocket

import "github.com/calandria-go/calandria/protocols/websocket/wire"

// Opcode and CloseCode are package wire's.
type (
	// Opcode says what a message is: Text or Binary.
	Opcode = wire.Opcode
	// CloseCode says why a connection was closed (RFC 6455 7.4).
	CloseCode = wire.CloseCode
)

// The opcodes of messages, and the close codes that applications send.
const (
	Text   = wire.Text
	Binary = wire.Binary

	NormalClosure   = wire.NormalClosure
	GoingAway       = wire.GoingAway
	UnsupportedData = wire.UnsupportedData
	NoStatus        = wire.NoStatus
	Abnormal        = wire.Abnormal
	InvalidPayload  = wire.InvalidPayload
	PolicyViolation = wire.PolicyViolation
	MessageTooBig   = wire.MessageTooBig
	InternalError   = wire.InternalError
	ServiceRestart  = wire.ServiceRestart
	TryAgainLater   = wire.TryAgainLater
)

// Handler is what a WebSocket is for. All its methods, and those of the optional interfaces below, run on the connection's
// loop, one at a time, and must not block: what blocks goes through reactor.Conn's Offload.
type Handler interface {
	// OnOpen says that the handshake is done. Send works from here on, and in here.
	OnOpen(c *Conn)
	// OnMessage gives a whole message. p is valid until it returns, and may be overwritten. Text is UTF-8.
	OnMessage(c *Conn, op Opcode, p []byte)
	// OnClose comes exactly once, last. err is nil after a Close of ours that the peer answered, a *CloseError if the peer
	// began, ErrNoCloseFrame if the connection just ended, a *wire.Error for what the peer did wrong, or another reason.
	// CloseStatus gives the close code, reactor.ReasonOf the label.
	OnClose(c *Conn, err error)
}

// PieceHandler is for handlers that want messages as they come, whatever their length, without collecting them: OnPiece then
// comes in place of OnMessage. A piece of a text may end inside a character. What was delivered of a message that turns out
// bad is followed by OnClose.
type PieceHandler interface {
	// OnPiece gives the next bytes of a message, of which the last piece may be empty. p is valid until it returns.
	OnPiece(c *Conn, op Opcode, p []byte, first, last bool)
}

// PingHandler is told of pings; they have been answered.
type PingHandler interface {
	// OnPing gives the payload, at most 125 bytes, valid until it returns.
	OnPing(c *Conn, p []byte)
}

// PongHandler is told of pongs.
type PongHandler interface {
	// OnPong gives the payload, at most 125 bytes, valid until it returns; it is empty for the heartbeat's own.
	OnPong(c *Conn, p []byte)
}

// CloseFrameHandler is told of the peer's close frame when it comes; OnClose follows when the connection has ended.
type CloseFrameHandler interface {
	// OnCloseFrame gives what the frame said. The answer is on its way.
	OnCloseFrame(c *Conn, code CloseCode, reason string)
}

// WritableHandler is for handlers that stop producing while OverHigh.
type WritableHandler interface {
	// OnWritable says that the unsent bytes fell to the reactor's LowWater, after they were above its HighWater.
	OnWritable(c *Conn)
}

// DrainHandler is for handlers with something to finish when the reactor's Shutdown begins. Without it the connection is
// closed with 1001.
type DrainHandler interface {
	// OnDrain says that Shutdown began: finish what is in flight, then Close.
	OnDrain(c *Conn)
}

// What a handler implements beside Handler, looked up once.
type caps uint8

const (
	capPiece caps = 1 << iota
	capPing
	capPong
	capCloseFrame
	capWritable
	capDrain
)

func capsOf(h Handler) (k caps) {
	if _, ok := h.(PieceHandler); ok {
		k |= capPiece
	}
	if _, ok := h.(PingHandler); ok {
		k |= capPing
	}
	if _, ok := h.(PongHandler); ok {
		k |= capPong
	}
	if _, ok := h.(CloseFrameHandler); ok {
		k |= capCloseFrame
	}
	if _, ok := h.(WritableHandler); ok {
		k |= capWritable
	}
	if _, ok := h.(DrainHandler); ok {
		k |= capDrain
	}
	return k
}
