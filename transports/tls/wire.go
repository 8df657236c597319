package tls

import (
	"context"
	"io"
	"net"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

// wire is a Layer as crypto/tls sees it: the net.Conn below. During the handshake, on a worker, it reads from the Stream and
// blocks; then it reads what was fed, and would rather fail than block: crypto/tls goes on after an error that is
// temporary, where it left off.
type wire Layer

// Read is part of net.Conn.
func (w *wire) Read(p []byte) (int, error) {
	if w.stream != nil {
		if w.piece > 0 {
			return w.readHello(p)
		}
		return w.readStream(p)
	}
	if len(w.in) == 0 {
		if w.eof {
			return 0, ErrTruncated
		}
		return 0, reactor.ErrWouldBlock
	}
	n := w.account(w.in[:min(len(w.in), len(p))])
	copy(p, w.in[:n])
	w.in = w.in[n:]
	return n, nil
}

// readStream gives a record from the Stream, or what p has room for: a record is what crypto/tls asks for, so waiting for all
// of it is as good as waiting for its header, unless crypto/tls will refuse that.
func (w *wire) readStream(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		want := w.left
		if w.headed < recordHeader {
			want = recordHeader - int(w.headed)
		}
		k := 0
		k, err = w.stream.Read(p[n:min(len(p), n+want)])
		w.account(p[n : n+k])
		n += k
		if w.headed == 0 || w.headed == recordHeader && !plausible(&w.header) {
			break
		}
	}
	if n > 0 {
		return n, nil // the error stays
	}
	return 0, err
}

// plausible says whether a header can be that of a record.
func plausible(h *[recordHeader]byte) bool {
	return h[0] >= recordCCS && h[0] <= recordData && h[1] == 3
}

// account is how many of the next bytes belong to one record, which they are counted for. crypto/tls keeps a buffer as large
// as what it is given ahead of a record's end for as long as the connection lives, so it is given no more.
func (w *wire) account(b []byte) int {
	i := 0
	for ; i < len(b) && w.headed < recordHeader; i++ {
		w.header[w.headed] = b[i]
		if w.headed++; w.headed == recordHeader {
			w.left = int(w.header[3])<<8 | int(w.header[4])
		}
	}
	if w.headed < recordHeader {
		return i
	}
	k := min(w.left, len(b)-i)
	if w.left -= k; w.left == 0 {
		w.headed = 0
	}
	return i + k
}

// helloPiece is what fits crypto/tls's first buffer, which has the length of a header and bytes.MinRead.
const helloPiece = 512 - recordHeader

// pieceFor is the size in which to give crypto/tls a ClientHello of n bytes: it gathers the message in a buffer that it
// doubles and keeps, and by halves of halves that ends up no larger than the message.
func pieceFor(n int) uint16 {
	for n > helloPiece {
		n = (n + 1) / 2
	}
	return uint16(n)
}

// readHello gives the client's records in the clear in pieces that fit crypto/tls's first buffers: as records of their own,
// which a message may always be split into (RFC 8446 section 5.1). In one piece a ClientHello of today (with a post-quantum
// key share) makes them 4 KB for the life of the connection.
func (w *wire) readHello(p []byte) (int, error) {
	if len(p) <= recordHeader {
		return 0, io.ErrShortBuffer // crypto/tls has more room always
	}
	if w.left == 0 {
		if _, err := io.ReadFull(w.stream, w.header[:]); err != nil {
			return 0, noPart(err)
		}
		w.left = int(w.header[3])<<8 | int(w.header[4])
		if w.header[0] != recordHandshake || w.left == 0 || w.left > maxRecord {
			w.piece = 0 // from here on, records are encrypted or wrong
			if w.left > 0 {
				w.headed = recordHeader
			}
			return copy(p, w.header[:]), nil
		}
	}
	k := min(w.left, int(w.piece), len(p)-recordHeader)
	copy(p, w.header[:3])
	p[3], p[4] = byte(k>>8), byte(k)
	if _, err := io.ReadFull(w.stream, p[recordHeader:recordHeader+k]); err != nil {
		return 0, noPart(err)
	}
	w.left -= k
	return recordHeader + k, nil
}

// noPart is for a read that came to an end somewhere within.
func noPart(err error) error {
	if err == io.ErrUnexpectedEOF {
		return io.EOF
	}
	return err
}

// Write is part of net.Conn. It never fails for want of room: errors of crypto/tls are final. What is written is bounded by
// those who write, by Conn.OverHigh and Config.MaxUnsent.
func (w *wire) Write(p []byte) (int, error) {
	if w.below != nil {
		return w.below.Write(p)
	}
	return w.conn.WriteRaw(p)
}

// Close is part of net.Conn; crypto/tls calls it when the context of a handshake ends.
func (w *wire) Close() error {
	w.conn.Abort(context.Canceled)
	return nil
}

// LocalAddr is part of net.Conn.
func (w *wire) LocalAddr() net.Addr { return w.conn.LocalAddr() }

// RemoteAddr is part of net.Conn.
func (w *wire) RemoteAddr() net.Addr { return w.conn.RemoteAddr() }

// SetDeadline is part of net.Conn.
func (w *wire) SetDeadline(time.Time) error { return nil }

// SetReadDeadline is part of net.Conn.
func (w *wire) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline is part of net.Conn. crypto/tls sets one in the past after close_notify, which is queued then.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }
