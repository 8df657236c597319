package wire

import "encoding/base64"

// Decoder decodes base64 that comes in pieces of any size. White space may stand anywhere, and padding ends a quantum, not the
// stream: clients encode each message by itself. Everything else is refused, the alphabet for URLs included. The zero value is
// ready; it holds 8 bytes and no input.
type Decoder struct {
	acc uint32 // the sextets of the quantum that has begun
	n   uint8  // how many
	pad bool   // one '=' came, and a second has to
	err *Error
}

const (
	space   = 0x40
	padding = 0x41
	garbage = 0xff
)

// sextets gives each byte its value, or space, padding or garbage.
var sextets = func() (t [256]uint8) {
	for i := range t {
		t[i] = garbage
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range len(alphabet) {
		t[alphabet[i]] = uint8(i)
	}
	for _, c := range " \t\r\n" {
		t[c] = space
	}
	t['='] = padding
	return t
}()

// Decode appends what src decodes to, and returns dst. An error is one of ErrBase64, ErrPadding and ErrTrailingBits, and is
// repeated until Reset; what stood before the error is appended. The result does not depend on how the input was cut. dst grows
// by three quarters of src at the most.
func (d *Decoder) Decode(dst, src []byte) ([]byte, error) {
	if d.err != nil {
		return dst, d.err
	}
	for i := 0; i < len(src); {
		if d.n == 0 && !d.pad {
			for i+4 <= len(src) { // whole quanta
				a, b, c, e := sextets[src[i]], sextets[src[i+1]], sextets[src[i+2]], sextets[src[i+3]]
				if (a | b | c | e) >= space {
					break
				}
				v := uint32(a)<<18 | uint32(b)<<12 | uint32(c)<<6 | uint32(e)
				dst = append(dst, byte(v>>16), byte(v>>8), byte(v))
				i += 4
			}
			if i == len(src) {
				break
			}
		}
		var err *Error
		if dst, err = d.take(dst, sextets[src[i]]); err != nil {
			d.err = err
			return dst, err
		}
		i++
	}
	return dst, nil
}

// take takes one byte of the input.
func (d *Decoder) take(dst []byte, v uint8) ([]byte, *Error) {
	switch {
	case v == space:
	case v == garbage:
		return dst, ErrBase64
	case v == padding:
		return d.padded(dst)
	case d.pad:
		return dst, ErrPadding
	default:
		d.acc = d.acc<<6 | uint32(v)
		if d.n++; d.n == 4 {
			dst = append(dst, byte(d.acc>>16), byte(d.acc>>8), byte(d.acc))
			d.acc, d.n = 0, 0
		}
	}
	return dst, nil
}

// padded takes one '='.
func (d *Decoder) padded(dst []byte) ([]byte, *Error) {
	switch {
	case d.pad:
		d.pad = false
	case d.n == 2:
		if d.acc&0xf != 0 {
			return dst, ErrTrailingBits
		}
		dst = append(dst, byte(d.acc>>4))
		d.pad = true
	case d.n == 3:
		if d.acc&3 != 0 {
			return dst, ErrTrailingBits
		}
		dst = append(dst, byte(d.acc>>10), byte(d.acc>>2))
	default:
		return dst, ErrPadding
	}
	d.acc, d.n = 0, 0
	return dst, nil
}

// Whole reports whether the input ended between two quanta.
func (d *Decoder) Whole() bool { return d.n == 0 && !d.pad && d.err == nil }

// Reset makes d ready for another stream.
func (d *Decoder) Reset() { *d = Decoder{} }

// AppendEncode appends p in base64, padded: one message, or a piece of media, as it goes into a POST's body.
func AppendEncode(dst, p []byte) []byte { return base64.StdEncoding.AppendEncode(dst, p) }
