package wire

import "bytes"

// NetasciiEncoder turns local text, whose lines end with LF, into netascii (RFC 1350
// 1, RFC 764): LF becomes CR LF, and CR becomes CR NUL, so that the way back gives
// the same bytes whatever they are. The size is known only at the end: no tsize.
// The zero value is ready; it holds at most one byte. Not safe for concurrent use.
type NetasciiEncoder struct {
	half bool // a CR was written, second is still to come
	next byte
}

// Transform reads from src and writes to dst as much as fits, and returns how many
// bytes it wrote and read. A pair may be cut by the end of dst: its second half is
// then written first at the next call. dst and src must not overlap. It allocates
// nothing.
func (e *NetasciiEncoder) Transform(dst, src []byte) (written, read int) {
	for written < len(dst) {
		if e.half {
			dst[written], e.half = e.next, false
			written++
			continue
		}
		if read == len(src) {
			break
		}
		plain := len(src) - read
		if i := bytes.IndexAny(src[read:min(len(src), read+len(dst)-written)], "\r\n"); i >= 0 {
			plain = i
		}
		if plain > 0 {
			n := copy(dst[written:], src[read:read+plain])
			written, read = written+n, read+n
			continue
		}
		e.half, e.next = true, '\n'
		if src[read] == '\r' {
			e.next = 0
		}
		dst[written] = '\r'
		written, read = written+1, read+1
	}
	return written, read
}

// Pending reports whether the second half of a pair is still to be written: at the
// end of the text, call [NetasciiEncoder.Transform] without src while it is.
func (e *NetasciiEncoder) Pending() bool { return e.half }

// NetasciiDecoder turns netascii into local text: CR LF becomes LF, CR NUL becomes
// CR. A CR before anything else is not netascii; it stays as it is, and so does what
// follows. The zero value is ready; it holds at most one byte, a CR at the end of
// a block. Not safe for concurrent use.
type NetasciiDecoder struct{ cr bool }

// Transform reads from src and writes to dst as much as fits, and returns how many
// bytes it wrote and read. With a dst of len(src)+1 bytes it always reads all. dst
// and src must not overlap. It allocates nothing.
func (d *NetasciiDecoder) Transform(dst, src []byte) (written, read int) {
	for read < len(src) {
		if d.cr {
			if written == len(dst) {
				break
			}
			d.cr = false
			switch src[read] {
			case '\n':
				dst[written] = '\n'
				read++
			case 0:
				dst[written] = '\r'
				read++
			default:
				dst[written] = '\r'
			}
			written++
			continue
		}
		room := min(len(src)-read, len(dst)-written)
		plain := bytes.IndexByte(src[read:read+room], '\r')
		if plain < 0 {
			plain = room
		}
		if plain > 0 {
			n := copy(dst[written:], src[read:read+plain])
			written, read = written+n, read+n
			continue
		}
		if src[read] != '\r' {
			break // dst is full
		}
		d.cr = true
		read++
	}
	return written, read
}

// Flush ends the text: it writes the CR that stood last, if one did, to dst, which
// then must have room for it, and returns how many bytes it wrote. The decoder is
// ready for the next text.
func (d *NetasciiDecoder) Flush(dst []byte) int {
	if !d.cr {
		return 0
	}
	dst[0], d.cr = '\r', false
	return 1
}
