package relay

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/flynn/noise"

	"github.com/calandria-go/calandria/protocols/relay/link"
	"github.com/calandria-go/calandria/protocols/relay/wire"
	"github.com/calandria-go/calandria/reactor"
)

// Errors of end-to-end encryption.
var (
	// ErrHandshake: the other side does not have the key that was expected, or something between has changed the handshake.
	ErrHandshake error = &link.StreamError{Code: wire.CodeEncryption, Text: "the end-to-end handshake failed: another key, or it was changed on the way"}
	// ErrTampered: a record does not decrypt.
	ErrTampered error = &link.StreamError{Code: wire.CodeEncryption, Text: "what was carried was changed on the way", Opened: true}
	// ErrCutOff: the stream ended without the record that says so.
	ErrCutOff error = &link.StreamError{Code: wire.CodeEncryption, Text: "the stream was cut off", Opened: true}
)

// Records of the secured stream.
const (
	recordData  = 0
	recordEnd   = 1
	recordRekey = 2

	recordPlain = 16 << 10 // of data in one record of ours
	recordMax   = 65535
	tagSize     = 16

	handshakeTimeout = 10 * time.Second
)

// rekeyAfter is how many records a key encrypts. A variable for tests.
var rekeyAfter = uint64(1 << 20)

// prologue binds a handshake to the protocol and the service.
func prologue(service string) []byte { return append([]byte(Subprotocol+"\x00"), service...) }

// secured puts the responder's handshake in front of h, if the stream asked for it.
func (in *incoming) secured(h reactor.Handler) reactor.Handler {
	if !in.encrypted {
		return h
	}
	return &handshake{key: in.v.Key, service: in.v.Name, next: h, failed: in.broken}
}

// broken tells the client what has gone wrong, before the reset does.
func (in *incoming) broken(err error) {
	in.l.m.lock()
	in.st.Reset(wire.CodeEncryption, err.Error())
	in.l.m.unlock()
}

// handshake is the handler of a stream during the Noise handshake, of either side. It does not block: each side sends one message.
type handshake struct {
	key     *Key       // ours; of a client it may be nil
	peer    *PublicKey // the service's, of a client
	service string
	next    reactor.Handler
	failed  func(error)
	done    func(*reactor.Conn, error) // nil for none
	state   *noise.HandshakeState
	timer   reactor.Timer
	over    bool
}

// OnOpen is part of reactor.Handler.
func (h *handshake) OnOpen(c *reactor.Conn) {
	c.InitTimer(&h.timer, func() { h.fail(c, os.ErrDeadlineExceeded) })
	h.timer.Reset(handshakeTimeout)
	if h.peer == nil {
		return
	}
	key := h.key
	var err error
	if key == nil { // the client has no name of its own
		if key, err = GenerateKey(); err != nil {
			h.fail(c, err)
			return
		}
	}
	h.state, err = noise.NewHandshakeState(noise.Config{
		CipherSuite: suite, Pattern: noise.HandshakeIK, Initiator: true, Prologue: prologue(h.service),
		StaticKeypair: key.pairs[0], PeerStatic: h.peer[:],
	})
	if err != nil {
		h.fail(c, err)
		return
	}
	msg, _, _, err := h.state.WriteMessage(make([]byte, 2), nil)
	if err != nil {
		h.fail(c, err)
		return
	}
	writeMessage(c, msg)
}

// writeMessage sends a message that has room for its length in front.
func writeMessage(c *reactor.Conn, msg []byte) {
	binary.BigEndian.PutUint16(msg, uint16(len(msg)-2))
	c.Write(msg)
}

// handshakeMax bounds a message of the handshake: ours have 96 and 48 bytes.
const handshakeMax = 256

// OnData is part of reactor.Handler.
func (h *handshake) OnData(c *reactor.Conn, in []byte) int {
	if h.over {
		return len(in)
	}
	if len(in) < 2 {
		return 0
	}
	n := int(binary.BigEndian.Uint16(in))
	if n > handshakeMax {
		h.fail(c, ErrHandshake)
		return len(in)
	}
	if len(in) < 2+n {
		return 0
	}
	send, recv, err := h.message(c, in[2:2+n])
	if err != nil {
		h.fail(c, err)
		return len(in)
	}
	h.over = true
	h.timer.Stop()
	c.SetLayer(&secureLayer{c: c, send: send, recv: recv})
	c.Upgrade(h.next)
	if h.done != nil {
		h.done(c, nil)
	}
	return 2 + n
}

// message takes the other side's message, and gives the keys.
func (h *handshake) message(c *reactor.Conn, msg []byte) (send, recv *noise.CipherState, err error) {
	if h.peer != nil {
		_, send, recv, err = h.state.ReadMessage(nil, msg)
		if err != nil {
			return nil, nil, ErrHandshake
		}
		return send, recv, nil
	}
	for i := range h.key.pairs { // the newest first: who has an old public key is served too
		st, err := noise.NewHandshakeState(noise.Config{
			CipherSuite: suite, Pattern: noise.HandshakeIK, Prologue: prologue(h.service), StaticKeypair: h.key.pairs[i],
		})
		if err != nil {
			return nil, nil, err
		}
		if _, _, _, err := st.ReadMessage(nil, msg); err != nil {
			continue
		}
		if !h.key.admits(st.PeerStatic()) {
			break
		}
		answer, recv, send, err := st.WriteMessage(make([]byte, 2), nil)
		if err != nil {
			return nil, nil, err
		}
		writeMessage(c, answer)
		return send, recv, nil
	}
	return nil, nil, ErrHandshake
}

func (h *handshake) fail(c *reactor.Conn, err error) {
	if h.over {
		return
	}
	h.over = true
	if h.failed != nil {
		h.failed(err)
	}
	c.Abort(err)
}

// OnEOF is part of reactor.EOFHandler.
func (h *handshake) OnEOF(c *reactor.Conn) { h.fail(c, ErrHandshake) }

// OnClose is part of reactor.Handler: the handler behind never opened.
func (h *handshake) OnClose(c *reactor.Conn, err error) {
	if h.done != nil {
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		h.done(nil, err)
		return
	}
	if e, ok := h.next.(*end); ok {
		e.OnClose(c, err)
	}
}

// secureLayer is the records between the stream and the handler.
type secureLayer struct {
	c *reactor.Conn

	recv  *noise.CipherState
	in    []byte // what came and was not taken
	plain []byte // of a record that Read gave in part
	whole []byte // the buffer of plain
	eof   bool
	ended bool
	err   error

	mu     sync.Mutex // guards what follows: Write is for any goroutine
	send   *noise.CipherState
	sent   uint64
	closed bool
}

// Feed is part of reactor.Layer.
func (l *secureLayer) Feed(in []byte) error {
	l.in = append(l.in, in...)
	return nil
}

// EOF is part of reactor.Layer.
func (l *secureLayer) EOF() { l.eof = true }

// Read is part of reactor.Layer.
func (l *secureLayer) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(l.plain) > 0 {
			k := copy(p[n:], l.plain)
			l.plain = l.plain[k:]
			n += k
			continue
		}
		if err := l.record(); err != nil {
			if n > 0 {
				return n, nil // it stays
			}
			return 0, err
		}
	}
	return n, nil
}

// record opens the next record.
func (l *secureLayer) record() error {
	switch {
	case l.err != nil:
		return l.err
	case l.ended:
		return io.EOF
	case len(l.in) < 2 || len(l.in) < 2+int(binary.BigEndian.Uint16(l.in)):
		if l.eof {
			return ErrCutOff
		}
		if len(l.in) == 0 {
			l.in, l.whole = nil, nil
		}
		return reactor.ErrWouldBlock
	}
	size := 2 + int(binary.BigEndian.Uint16(l.in))
	plain, err := l.recv.Decrypt(l.whole[:0], nil, l.in[2:size])
	if l.in = l.in[size:]; err != nil || len(plain) == 0 {
		l.err = ErrTampered
		return l.err
	}
	l.whole = plain
	switch plain[0] {
	case recordData:
		l.plain = plain[1:]
	case recordEnd:
		l.ended = true
		l.in, l.whole = nil, nil
	case recordRekey:
		l.recv.Rekey()
	default:
		l.err = ErrTampered
	}
	return l.err
}

// Write is part of reactor.Layer.
func (l *secureLayer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for done := 0; done < len(p); {
		n := min(len(p)-done, recordPlain)
		if err := l.put(recordData, p[done:done+n]); err != nil {
			return done, err
		}
		done += n
	}
	return len(p), nil
}

var recordBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 2*recordPlain+64); return &b }}

// put sends a record, and a new key when it is time.
func (l *secureLayer) put(kind byte, p []byte) error {
	if l.closed {
		return link.ErrClosed
	}
	buf := recordBuffers.Get().(*[]byte)
	defer recordBuffers.Put(buf)
	plain := append(append((*buf)[:0], kind), p...)
	out := plain[len(plain):cap(plain)]
	if len(out) < 2+len(plain)+tagSize {
		return errors.New("relay: record too large")
	}
	sealed, err := l.send.Encrypt(out[:2], nil, plain)
	if err != nil {
		return err
	}
	binary.BigEndian.PutUint16(sealed, uint16(len(sealed)-2))
	if _, err := l.c.WriteRaw(sealed); err != nil {
		return err
	}
	if l.sent++; l.sent%rekeyAfter == 0 && kind == recordData {
		if err := l.put(recordRekey, nil); err != nil {
			return err
		}
		l.send.Rekey()
	}
	return nil
}

// CloseWrite is part of reactor.Layer.
func (l *secureLayer) CloseWrite() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	err := l.put(recordEnd, nil)
	l.closed = true
	return err
}

// Close is part of reactor.Layer.
func (l *secureLayer) Close() { l.in, l.plain, l.whole = nil, nil, nil }
