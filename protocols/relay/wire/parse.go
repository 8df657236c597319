package wire

import (
	"encoding/binary"
	"unicode"
	"unicode/utf8"
)

// Parse reads one frame, which is all of b. Unless the error is nil the Frame has no more than Type, Flags and Stream.
func Parse(b []byte) (Frame, error) {
	var f Frame
	if len(b) < HeaderSize {
		return f, errShort
	}
	f.Type, f.Flags, f.Stream = Type(b[0]), b[1], binary.BigEndian.Uint32(b[2:])
	body := b[HeaderSize:]
	err := f.check()
	if err == nil && len(body) > MaxData {
		err = errTooLarge
	}
	if err == nil {
		err = f.parse(body)
	}
	if err != nil {
		e := *err.(*Error)
		e.Type = f.Type
		return Frame{Type: f.Type, Flags: f.Flags, Stream: f.Stream}, &e
	}
	return f, nil
}

// check looks at the header.
func (f *Frame) check() error {
	if f.Type < TypeHello || f.Type > TypeSync {
		return errType
	}
	var flags uint8
	if int(f.Type) < len(flagsOf) {
		flags = flagsOf[f.Type]
	}
	if f.Flags&^flags != 0 {
		return errFlags
	}
	switch f.Type {
	case TypeHello, TypePing, TypePong, TypeGoAway:
		if f.Stream != 0 {
			return errStream
		}
	case TypeWindow, TypeSync:
	default:
		if f.Stream == 0 {
			return errNoStream
		}
	}
	return nil
}

func (f *Frame) parse(b []byte) error {
	switch f.Type {
	case TypeHello:
		return f.Hello.parse(b)
	case TypeOpen:
		if len(b) < 5 {
			return errShort
		}
		f.Open.Window = binary.BigEndian.Uint32(b[1:])
		if f.Open.Window > MaxWindow {
			return errWindow
		}
		return f.Open.parse(Kind(b[0]), b[5:])
	case TypeOffer:
		if len(b) < 1 {
			return errShort
		}
		return f.Open.parse(Kind(b[0]), b[1:])
	case TypeOpenOK:
		if err := exactly(b, 4); err != nil {
			return err
		}
		if f.Window = binary.BigEndian.Uint32(b); f.Window > MaxWindow {
			return errWindow
		}
	case TypeOpenErr, TypeRst, TypeOffered:
		return f.coded(b, 2)
	case TypeGoAway:
		if err := f.coded(b, 6); err != nil {
			return err
		}
		f.Last = binary.BigEndian.Uint32(b[2:])
	case TypeData:
		if len(b) == 0 {
			return errEmpty
		}
		f.Data = b
	case TypeFin:
		if err := exactly(b, 8); err != nil {
			return err
		}
		f.Offset = binary.BigEndian.Uint64(b)
	case TypePing, TypePong:
		if err := exactly(b, 8); err != nil {
			return err
		}
		f.Ping = binary.BigEndian.Uint64(b)
	case TypeWithdraw:
		return exactly(b, 0)
	case TypeWindow:
		if err := exactly(b, 16); err != nil {
			return err
		}
		f.Credit.Consumed, f.Credit.Limit = binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
		return f.Credit.check()
	case TypeSync:
		return f.sync(b)
	}
	return nil
}

func (f *Frame) sync(b []byte) error {
	if f.Stream == 0 {
		if f.Flags != 0 {
			return errFlags
		}
		if err := exactly(b, 4); err != nil {
			return err
		}
		f.Last = binary.BigEndian.Uint32(b)
		return nil
	}
	if err := exactly(b, 24); err != nil {
		return err
	}
	f.Credit.Received = binary.BigEndian.Uint64(b)
	f.Credit.Consumed, f.Credit.Limit = binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])
	if f.Credit.Received >= 1<<62 || f.Credit.Consumed > f.Credit.Received+1 || f.Credit.Received > f.Credit.Limit {
		return errWindow
	}
	return f.Credit.check()
}

// check refuses limits that are no window's. The end of a stream counts as one byte consumed, which has no credit.
func (c *Credit) check() error {
	if c.Limit >= 1<<62 || c.Consumed > c.Limit+1 || c.Limit > c.Consumed+MaxWindow {
		return errWindow
	}
	return nil
}

func (o *Open) parse(k Kind, b []byte) error {
	service, b, ok := takeShort(b)
	if !ok {
		return errShort
	}
	address, b, ok := takeShort(b)
	switch {
	case !ok:
		return errShort
	case len(b) > 0:
		return errLong
	case k < KindTCP || k > KindUDP:
		return errKind
	case !Name(service):
		return errName
	}
	for _, c := range address {
		if c <= ' ' || c >= 0x7f {
			return errAddress
		}
	}
	o.Kind, o.Service, o.Address = k, service, address
	return nil
}

// coded reads a code and, behind at bytes, a text.
func (f *Frame) coded(b []byte, at int) error {
	if len(b) < at {
		return errShort
	}
	if f.Code = Code(binary.BigEndian.Uint16(b)); f.Code > maxCode {
		f.Code = CodeInternal
	}
	text := b[at:]
	if len(text) > MaxText {
		return errText
	}
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 || !unicode.IsPrint(r) {
			return errText
		}
		i += n
	}
	f.Text = text
	return nil
}

func exactly(b []byte, n int) error {
	switch {
	case len(b) < n:
		return errShort
	case len(b) > n:
		return errLong
	}
	return nil
}

func takeShort(b []byte) (s, rest []byte, ok bool) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return nil, nil, false
	}
	n := 1 + int(b[0])
	return b[1:n], b[n:], true
}

// Name reports whether b can be the name of a service or an agent: 1 to 64 letters, digits, '.', '_' and '-', of which the first
// is a letter or a digit. Such a name can stand in a host, a path, a log and a file's name.
func Name[T string | []byte](b T) bool {
	if len(b) == 0 || len(b) > MaxName {
		return false
	}
	for i := range len(b) {
		c := b[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '-'):
		default:
			return false
		}
	}
	return true
}
