package wire

import (
	"bytes"
	"encoding/binary"
)

// The sizes of packets.
const (
	// HeaderSize is opcode and block number: what DATA has before its bytes, and all
	// of an ACK.
	HeaderSize = 4
	// MaxRequestSize bounds RRQ, WRQ and OACK, in bytes (RFC 2347 2).
	MaxRequestSize = 512
	// DefaultBlockSize holds when no blksize is agreed (RFC 1350 2).
	DefaultBlockSize = 512
	// MinBlockSize is the least blksize (RFC 2348).
	MinBlockSize = 8
	// MaxBlockSize is the largest blksize (RFC 2348): what fits a UDP datagram.
	MaxBlockSize = 65464
)

// Packet is one parsed datagram. Its slices alias the datagram, and are valid as
// long as that is.
type Packet struct {
	Op       Opcode    // which of the fields below there are
	Mode     Mode      // of RRQ and WRQ
	Block    uint16    // of DATA and ACK
	Code     ErrorCode // of ERROR; may be above 8
	Data     []byte    // the bytes of DATA, the text of ERROR without its NUL
	Filename []byte    // of RRQ and WRQ; not empty, else as the peer sent it: any bytes but NUL
	Options  Options   // of RRQ, WRQ and OACK
}

// Parse reads one datagram. It allocates nothing. An error is always an [*Error],
// and comes with a Packet in which only Op may be set. The package comment says
// what is taken and what is refused.
func Parse(b []byte) (Packet, error) {
	if len(b) < 2 {
		return Packet{}, errShort
	}
	p := Packet{Op: Opcode(binary.BigEndian.Uint16(b))}
	switch p.Op {
	case OpData, OpAck, OpError:
		if len(b) < HeaderSize {
			return Packet{Op: p.Op}, errShort
		}
		p.Block = binary.BigEndian.Uint16(b[2:])
	case OpRRQ, OpWRQ, OpOACK:
		if len(b) > MaxRequestSize {
			return Packet{Op: p.Op}, errRequestLong
		}
	default:
		return Packet{Op: p.Op}, errOpcode
	}
	var err *Error
	switch p.Op {
	case OpData:
		p.Data = b[HeaderSize:]
		if len(p.Data) > MaxBlockSize {
			err = errDataLong
		}
	case OpError:
		p.Code, p.Block = ErrorCode(p.Block), 0
		p.Data, _, _ = bytes.Cut(b[HeaderSize:], nul)
	case OpRRQ, OpWRQ:
		err = p.request(b[2:])
	case OpOACK:
		p.Options, err = parseOptions(b[2:])
	}
	if err != nil {
		return Packet{Op: p.Op}, err
	}
	return p, nil
}

var nul = []byte{0}

// request reads what follows the opcode of RRQ and WRQ.
func (p *Packet) request(b []byte) *Error {
	var mode []byte
	var ok bool
	if p.Filename, b, ok = bytes.Cut(b, nul); !ok {
		return errUnterminated
	}
	if len(p.Filename) == 0 {
		return errFilename
	}
	if mode, b, ok = bytes.Cut(b, nul); !ok {
		return errUnterminated
	}
	var err *Error
	if p.Mode, err = parseMode(mode); err != nil {
		return err
	}
	p.Options, err = parseOptions(b)
	return err
}
