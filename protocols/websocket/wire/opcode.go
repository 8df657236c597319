package wire

import "strconv"

// Opcode says what a frame carries (RFC 6455 5.2 and 11.8).
type Opcode uint8

// The opcodes of RFC 6455; 3 to 7 and 11 to 15 are reserved, and refused.
const (
	Continuation Opcode = 0x0
	Text         Opcode = 0x1
	Binary       Opcode = 0x2
	Close        Opcode = 0x8
	Ping         Opcode = 0x9
	Pong         Opcode = 0xA
)

// Control reports whether op is a control opcode: a reserved one too (RFC 6455 5.5).
func (op Opcode) Control() bool { return op&0x8 != 0 }

// Known reports whether RFC 6455 defines op.
func (op Opcode) Known() bool { return op <= Binary || op >= Close && op <= Pong }

var opcodeNames = [...]string{"continuation", "text", "binary", 3: "", Close: "close", Ping: "ping", Pong: "pong"}

// String gives the name of op, such as "text"; a reserved one is a number.
func (op Opcode) String() string {
	if op.Known() {
		return opcodeNames[op]
	}
	return "opcode " + strconv.Itoa(int(op))
}

// Role says which end of the connection one is. The frames of a client are masked, those of a server are not
// (RFC 6455 5.1).
type Role uint8

// The two roles.
const (
	Server Role = iota
	Client
)

// String is "server" or "client".
func (r Role) String() string {
	if r == Client {
		return "client"
	}
	return "server"
}
