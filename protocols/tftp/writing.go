package tftp

import (
	"github.com/calandria-go/calandria/protocols/tftp/transfer"
	"github.com/calandria-go/calandria/protocols/tftp/wire"
)

const (
	// writeAt is from where on bytes are handed to a worker: one task for many small blocks.
	writeAt = 16 << 10
	// writeRoom is what a transfer may hold for its Writer, or twice its window, if that is more.
	writeRoom = 32 << 10
)

// writing is a write request: a Receiver whose bytes go to a Writer. Loop only.
type writing struct {
	s         *session
	receiver  transfer.Receiver
	w         Writer
	held      held
	buf       []byte // not handed over yet
	busy      []byte // with a worker; nil: none is
	spare     []byte
	last      bool // all is in buf
	committed bool // Commit runs, or has
	ascii     *wire.NetasciiDecoder
}

func newWriting(s *session, w Writer) *writing {
	x := &writing{s: s, w: w}
	x.held = held{run: s.inBackground, close: func() {
		if !x.committed {
			w.Abort()
		}
	}}
	if s.req.Mode == wire.Netascii {
		x.ascii = &wire.NetasciiDecoder{}
	}
	return x
}

// space tells the receiver how much there is room for.
func (x *writing) space() {
	room := max(writeRoom, 2*x.receiver.WindowBytes())
	x.receiver.SetSpace(max(0, room-len(x.buf)-len(x.busy)))
}

// take gets what the receiver has.
func (x *writing) take(data []byte, last bool) {
	if len(data) == 0 && !last {
		return
	}
	if x.buf == nil {
		x.buf, x.spare = x.spare[:0], nil
	}
	if x.ascii != nil {
		at := len(x.buf)
		x.buf = append(x.buf, make([]byte, len(data)+1)...)
		n, _ := x.ascii.Transform(x.buf[at:], data)
		if last {
			n += x.ascii.Flush(x.buf[at+n:])
		}
		x.buf = x.buf[:at+n]
	} else {
		x.buf = append(x.buf, data...)
	}
	x.last = x.last || last
	x.hand()
	x.space()
}

// hand gives a worker what has gathered, if that is enough, or the end.
func (x *writing) hand() {
	if x.busy != nil || x.committed {
		return
	}
	if len(x.buf) < writeAt && !x.last {
		return
	}
	if len(x.buf) == 0 {
		x.commit()
		return
	}
	x.busy, x.buf = x.buf, nil
	x.s.waits(true)
	end := x.s.end
	done := func(err error) { end.Post(func() { x.wrote(err) }) }
	if f, ok := x.w.(writerFeed); ok {
		f.feed(x.busy, done)
		return
	}
	b := x.busy
	x.work(func() error {
		_, err := x.w.Write(b)
		return err
	}, done)
}

// work runs a method of the Writer on a worker.
func (x *writing) work(f func() error, done func(error)) {
	x.held.begin()
	err := x.s.end.Offload(func() {
		defer x.held.done()
		done(x.s.hub.server.guard("Writer", f))
	})
	if err != nil {
		x.held.done()
		x.s.fail(errOverload)
	}
}

func (x *writing) wrote(err error) {
	x.spare, x.busy = x.busy[:0], nil
	x.s.waits(false)
	if err != nil {
		x.s.fail(err)
		return
	}
	x.hand()
	x.space()
	x.s.drive()
}

// commit ends the file; the client learns that it has arrived when that is so.
func (x *writing) commit() {
	if x.s.gone {
		return
	}
	x.committed = true
	x.s.waits(true)
	end := x.s.end
	x.work(x.w.Commit, func(err error) {
		end.Post(func() {
			x.s.waits(false)
			if err != nil {
				x.s.fail(err)
				return
			}
			x.receiver.Commit()
			x.s.drive()
		})
	})
}
