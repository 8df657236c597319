package wire

// Kind says what an [Event] is.
type Kind uint8

// The kinds of events.
const (
	None      Kind = iota // all bytes were taken; call again with those that follow
	Message               // a piece of a text or binary message
	PingFrame             // a ping: answer it with a pong that carries Data
	PongFrame             // a pong
	Closed                // the peer's close frame: answer with one; what follows it is dropped
)

// Event is what [Decoder.Next] found. Data aliases the bytes given to Next, or memory of the decoder, and is valid until
// the next call of Next: copy what is kept.
type Event struct {
	Kind  Kind      // None if Next found nothing
	Op    Opcode    // of a Message: Text or Binary
	First bool      // of a Message: its first piece
	Last  bool      // of a Message: its last piece; one that comes whole is First and Last
	Code  CloseCode // of Closed: NoStatus if the frame had none
	Data  []byte    // the piece, the payload of a ping or pong, or the reason of Closed
}

type decodeState uint8

const (
	inHeader decodeState = iota
	inControl
	inData   // payload that is handed on as it is
	inPacked // payload that is compressed
	inClosed
)

// Decoder takes the frames of one direction of a connection apart, as their bytes come. A frame inside one read is
// delivered without a copy: its payload is unmasked in place, in the caller's buffer. What is kept between reads is at
// most 14 bytes of a header, 3 of a character, and 125 of a control frame that was cut; never a message.
//
// Messages come in pieces, so that their length costs nothing here: a caller that wants them whole collects the pieces,
// and [Limits.MaxMessage] holds for the sum. Text is checked as it comes: a piece may end inside a character, the message
// does not.
//
// A decoder costs less than 200 bytes and, on frames that are neither compressed nor cut control frames, allocates
// nothing. The zero value is a server's, with the default limits and without compression. It is not safe for concurrent
// use.
type Decoder struct {
	lim     *Limits
	inflate *Inflater // nil: permessage-deflate was not agreed
	control *controlBuffer
	err     *Error
	left    int64 // payload of the frame still to come
	size    int64 // bytes of the message so far
	got     int64 // payload bytes of the message on the wire, with those of the present frame
	small   int64 // small fragments of the message
	clear   int   // bytes at the front of the input that are unmasked already
	text    utf8Check
	mask    [4]byte
	head    [MaxHeader]byte
	have    uint8 // bytes in head
	pos     uint8 // payload bytes before the next one, modulo 4
	role    Role
	state   decodeState
	op      Opcode // of the frame
	message Opcode // of the message that has begun; 0 if none
	fin     bool   // of the frame
	begun   bool   // a piece of the message was delivered
	packed  bool   // the message is compressed
}

// controlBuffer holds a control frame that was cut.
type controlBuffer struct {
	n int
	b [maxControl]byte
}

// Reset makes d ready for a new connection. The role is one's own: a server's decoder wants masked frames. A nil lim means
// the defaults. The inflater is nil unless permessage-deflate was agreed; d uses it from then on, and nobody else may.
func (d *Decoder) Reset(role Role, lim *Limits, inflater *Inflater) {
	d.Release()
	*d = Decoder{role: role, lim: lim, inflate: inflater}
}

// Release gives memory back that d shares with others, when its connection ends: call it once no event is in use. The
// decoder needs a Reset then.
func (d *Decoder) Release() {
	if d.inflate != nil {
		d.inflate.Release()
	}
	d.control = nil
}

// InMessage reports whether a message has begun and not ended.
func (d *Decoder) InMessage() bool { return d.message != 0 }

// Next finds the next event and the number of bytes that it took from the front of b. Call it with the rest, b[n:], until
// the event is [None], which takes all that is left; n may be 0 before that. It writes to b: payloads are unmasked in
// place, some of it perhaps before it is counted in n, so the rest must not be altered between calls.
//
// An error is always an [*Error], is final, and says which code to close with. It comes at the first byte that settles the
// matter, such as the second of an oversized control frame, whatever the cuts. Pieces of the message delivered before it
// are part of a bad message.
func (d *Decoder) Next(b []byte) (ev Event, n int, err error) {
	if d.inflate != nil {
		d.inflate.settle()
	}
	for d.err == nil {
		var m int
		var ok bool
		switch d.state {
		case inHeader:
			m, ok = d.header(b[n:])
			n += m
			if !ok && d.err == nil {
				return Event{}, n, nil
			}
			continue
		case inControl:
			ev, m, ok = d.controlFrame(b[n:])
		case inData:
			ev, m, ok = d.data(b[n:])
		case inPacked:
			ev, m, ok = d.packedData(b[n:])
		case inClosed:
			return Event{}, len(b), nil
		}
		n += m
		switch {
		case d.err != nil:
		case ok:
			return ev, n, nil
		case d.state != inHeader:
			return Event{}, n, nil
		}
	}
	return Event{}, n, d.err
}

func (d *Decoder) limits() *Limits {
	if d.lim == nil {
		return &defaultLimits
	}
	return d.lim
}

func (d *Decoder) situation() situation {
	return situation{d.role, d.message != 0, d.inflate != nil, d.packed, d.got}
}

// header takes bytes of a header and reports whether it is complete.
func (d *Decoder) header(b []byte) (n int, ok bool) {
	if d.have == 0 && len(b) >= 2 {
		if size := headerSize(b[1]); len(b) >= size {
			if d.err = d.check(b[:size]); d.err != nil {
				return 0, false
			}
			d.begin(parseHeader(b))
			return size, d.err == nil
		}
	}
	for _, c := range b {
		n++
		d.head[d.have] = c
		d.have++
		if d.err = d.check(d.head[:d.have]); d.err != nil {
			return n, false
		}
		if d.have >= 2 && int(d.have) == headerSize(d.head[1]) {
			d.have = 0
			d.begin(parseHeader(d.head[:]))
			return n, d.err == nil
		}
	}
	return n, false
}

// check judges the first bytes of a header, all that have come, in their order.
func (d *Decoder) check(head []byte) *Error {
	c := d.situation()
	if err := checkFirst(head[0], c); err != nil || len(head) < 2 {
		return err
	}
	op := Opcode(head[0] & 0xf)
	if err := checkSecond(op, head[1], d.role); err != nil || op.Control() {
		return err
	}
	if op != Continuation {
		c.compressed = head[0]>>4&rsv1 != 0
	}
	size := 0
	switch length := head[1] & 0x7f; length {
	case 126:
		size = 2
	case 127:
		size = 8
	default:
		return d.over(int64(length), c)
	}
	ext := head[2:min(len(head), 2+size)]
	return checkLength(ext, size, func(n int64) *Error { return d.over(n, c) })
}

// over judges the length of a data frame, of which n is the least that it can be.
func (d *Decoder) over(n int64, c situation) *Error {
	lim := d.limits()
	if n > lim.frame() {
		return errFrameBig
	}
	if c.compressed {
		if n > lim.compressed()-c.got {
			return errPackedBig
		}
	} else if n > lim.message()-c.got {
		return errMessageBig
	}
	return nil
}

// begin starts a frame whose header was checked.
func (d *Decoder) begin(h Header) {
	d.mask, d.left, d.fin, d.op, d.pos, d.clear = h.Mask, h.Length, h.Fin, h.Op, 0, 0
	if h.Op.Control() {
		d.state = inControl
		return
	}
	if h.Op != Continuation {
		d.message, d.packed = h.Op, h.RSV&rsv1 != 0
		d.begun, d.size, d.got, d.small = false, 0, 0, 0
		if d.packed {
			d.inflate.begin()
		}
	}
	d.got += h.Length
	if h.Length < smallFragment && !(h.Fin && h.Op != Continuation) {
		if d.small++; d.small > d.limits().small() {
			d.err = errFragments
			return
		}
	}
	d.state = inData
	if d.packed {
		d.state = inPacked
	}
}

// unmask unmasks the next bytes of the payload in place.
func (d *Decoder) unmask(p []byte) {
	if d.role == Server {
		Cipher(p, d.mask, int(d.pos))
		d.pos = uint8((int(d.pos) + len(p)) & 3)
	}
}

// data takes payload that is not compressed.
func (d *Decoder) data(b []byte) (Event, int, bool) {
	p := b[:min(d.left, int64(len(b)))]
	if len(p) == 0 && d.left > 0 {
		return Event{}, 0, false
	}
	d.unmask(p)
	d.left -= int64(len(p))
	if d.left == 0 {
		d.state = inHeader
	}
	ev, ok := d.piece(p[:len(p):len(p)], d.left == 0 && d.fin)
	return ev, len(p), ok
}

// piece makes the event for the next bytes of a message.
func (d *Decoder) piece(p []byte, last bool) (Event, bool) {
	if most := d.limits().message() - d.size; int64(len(p)) > most { // only what was compressed can be
		d.err = errMessageBig
		p, last = p[:most], false // text that was bad before comes first
	}
	d.size += int64(len(p))
	if d.message == Text && (!d.text.push(p) || last && !d.text.done()) {
		d.err = errUTF8
	}
	if d.err != nil {
		return Event{}, false
	}
	if len(p) == 0 && !last {
		return Event{}, false
	}
	ev := Event{Kind: Message, Op: d.message, First: !d.begun, Last: last, Data: p}
	d.begun = true
	if last {
		d.message, d.packed, d.got = 0, false, 0
	}
	return ev, true
}

// packedData takes payload that is compressed. Output is handed on when the inflater's window is full, when the bytes that
// came are used up, and at the end.
func (d *Decoder) packedData(b []byte) (Event, int, bool) {
	p := b[:min(d.left, int64(len(b)))]
	d.clear = min(d.clear, len(p))
	d.unmask(p[d.clear:])
	n, err := d.inflate.write(p)
	d.clear = len(p) - n
	d.left -= int64(n)
	if err != nil {
		d.inflateFailed(err)
		return Event{}, n, false
	}
	if d.inflate.full() {
		ev, ok := d.piece(d.inflate.take(), false)
		return ev, n, ok
	}
	if d.left > 0 || !d.fin {
		if d.left == 0 {
			d.state = inHeader
		}
		ev, ok := d.piece(d.inflate.take(), false)
		return ev, n, ok
	}
	done, err := d.inflate.finish()
	if err != nil {
		d.inflateFailed(err)
		return Event{}, n, false
	}
	if done {
		d.state = inHeader
	}
	ev, ok := d.piece(d.inflate.take(), done)
	return ev, n, ok
}

// inflateFailed ends decoding with err, unless the output before it holds a violation, which comes first then: with other
// cuts it would have been seen before.
func (d *Decoder) inflateFailed(err *Error) {
	if d.piece(d.inflate.take(), false); d.err == nil {
		d.err = err
	}
}

// controlFrame takes the payload of a control frame, which is handed on whole.
func (d *Decoder) controlFrame(b []byte) (Event, int, bool) {
	p := b[:min(d.left, int64(len(b)))]
	if len(p) == 0 && d.left > 0 {
		return Event{}, 0, false
	}
	d.unmask(p)
	d.left -= int64(len(p))
	n := len(p)
	if d.control != nil || d.left > 0 {
		if d.control == nil {
			d.control = new(controlBuffer)
		}
		d.control.n += copy(d.control.b[d.control.n:], p)
		p = d.control.b[:d.control.n]
	}
	if d.op == Close {
		if d.err = closeSoFar(p, d.left == 0); d.err != nil {
			return Event{}, n, false
		}
	}
	if d.left > 0 {
		return Event{}, n, false
	}
	d.control = nil // the event keeps it
	d.state = inHeader
	switch p = p[:len(p):len(p)]; d.op {
	case Ping:
		return Event{Kind: PingFrame, Data: p}, n, true
	case Pong:
		return Event{Kind: PongFrame, Data: p}, n, true
	}
	d.state = inClosed
	code, reason := splitClose(p)
	return Event{Kind: Closed, Code: code, Data: reason}, n, true
}

// closeSoFar judges what has come of a close frame's payload.
func closeSoFar(p []byte, whole bool) *Error {
	if whole {
		return checkClose(p)
	}
	if len(p) < 2 {
		return nil
	}
	if err := checkClose(p[:2]); err != nil {
		return err
	}
	var text utf8Check
	if !text.push(p[2:]) {
		return errCloseUTF8
	}
	return nil
}
