package wire

import "strconv"

// Opcode is the first field of each packet (RFC 1350 5, RFC 2347 2).
type Opcode uint16

// The opcodes.
const (
	OpRRQ   Opcode = 1 // read request
	OpWRQ   Opcode = 2 // write request
	OpData  Opcode = 3 // one block
	OpAck   Opcode = 4 // acknowledges a block, and all before it
	OpError Opcode = 5 // ends the transfer
	OpOACK  Opcode = 6 // accepts options
)

var opNames = [...]string{OpRRQ: "RRQ", OpWRQ: "WRQ", OpData: "DATA", OpAck: "ACK", OpError: "ERROR", OpOACK: "OACK"}

// String is the RFCs' name, such as "RRQ"; for what is none, "opcode 7".
func (o Opcode) String() string {
	if int(o) < len(opNames) && opNames[o] != "" {
		return opNames[o]
	}
	return "opcode " + strconv.Itoa(int(o))
}

// Mode is how a file's bytes travel (RFC 1350 1).
type Mode uint8

// The modes that are implemented. Mail is obsolete, and refused.
const (
	Octet    Mode = iota // as they are
	Netascii             // lines end with CR LF, a bare CR is CR NUL; see [NetasciiEncoder]
)

// String is the mode as requests spell it.
func (m Mode) String() string {
	if m == Netascii {
		return "netascii"
	}
	return "octet"
}

// parseMode reads the mode of a request, in any case.
func parseMode(b []byte) (Mode, *Error) {
	switch {
	case equalFold(b, "octet"):
		return Octet, nil
	case equalFold(b, "netascii"):
		return Netascii, nil
	case equalFold(b, "mail"):
		return 0, errMail
	}
	return 0, errMode
}

// equalFold compares b with a word in lower case, letters in any case. Only ASCII folds:
// a Kelvin sign is no k.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
