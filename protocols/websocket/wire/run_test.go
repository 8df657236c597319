package wire

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// setup is all that a decoder depends on besides its input.
type setup struct {
	role     Role
	lim      *Limits
	deflate  bool
	bits     int
	takeover bool
}

func (s setup) decoder() *Decoder {
	d := new(Decoder)
	var z *Inflater
	if s.deflate {
		z = NewInflater(s.bits, s.takeover)
	}
	d.Reset(s.role, s.lim, z)
	return d
}

// transcript is what a decoder says about an input: a line for each message and control frame, and the violation.
type transcript struct {
	lines []string
	msgs  [][]byte
	err   *Error
}

func (t transcript) String() string {
	s := strings.Join(t.lines, " ")
	if t.err != nil {
		s = strings.TrimSpace(s + " !" + t.err.Reason)
	}
	return s
}

// play gives in to a decoder in pieces that end at the cuts, each at a place of its own, and overwrites a piece when the
// next comes. It checks what holds for every input.
func play(tb testing.TB, s setup, in []byte, cuts ...int) (out transcript) {
	tb.Helper()
	d := s.decoder()
	defer d.Release()
	var msg []byte
	at, open := 0, false
	for _, cut := range append(cuts, len(in)) {
		piece := append([]byte(nil), in[at:cut]...)
		at = cut
		for b := piece; ; {
			ev, n, err := d.Next(b)
			if err != nil {
				out.err = err.(*Error)
				if _, m, again := d.Next(nil); again != err || m != 0 || ev.Kind != None {
					tb.Fatalf("after %v: %v", err, again)
				}
				return out
			}
			b = b[n:]
			if ev.Kind == None {
				if len(b) > 0 {
					tb.Fatalf("%d bytes left", len(b))
				}
				break
			}
			if ev.Kind != Message {
				out.lines = append(out.lines, controlLine(ev))
				continue
			}
			if ev.First == open {
				tb.Fatalf("First %v in a message %v", ev.First, open)
			}
			open = !ev.Last
			msg = append(msg, ev.Data...)
			if ev.Last {
				out.lines = append(out.lines, ev.Op.String()+":"+brief(msg))
				out.msgs = append(out.msgs, msg)
				msg = nil
			}
			if d.InMessage() != open {
				tb.Fatal("InMessage")
			}
		}
		for i := range piece {
			piece[i] = 0xee
		}
	}
	return out
}

func controlLine(ev Event) string {
	switch ev.Kind {
	case PingFrame:
		return "ping:" + brief(ev.Data)
	case PongFrame:
		return "pong:" + brief(ev.Data)
	}
	return fmt.Sprintf("close:%d:%s", ev.Code, ev.Data)
}

func brief(b []byte) string {
	if len(b) > 40 {
		return fmt.Sprintf("%d#%x", len(b), b[len(b)-4:])
	}
	return string(b)
}

// playAll plays in whole, byte by byte, and cut in two at every point (of a long input, at about 200), and wants the same.
func playAll(tb testing.TB, s setup, in []byte) transcript {
	tb.Helper()
	whole := play(tb, s, in)
	var each []int
	for i := range in {
		each = append(each, i)
	}
	same := func(name string, got transcript) {
		if got.String() != whole.String() {
			tb.Fatalf("%s: %v; whole: %v; input %.200x", name, got, whole, in)
		}
	}
	same("byte by byte", play(tb, s, in, each...))
	for i := 0; i < len(in); i += max(1, len(in)/200) {
		same(fmt.Sprintf("cut at %d", i), play(tb, s, in, i))
	}
	return whole
}

// frame is a frame as the peer of an endpoint of that role sends it, of the first byte and payload given.
func frame(to Role, first byte, payload string) []byte {
	h := Header{Fin: first&0x80 != 0, RSV: first >> 4 & 7, Op: Opcode(first & 0xf), Length: int64(len(payload))}
	b := []byte(payload)
	if to == Server {
		h.Masked, h.Mask = true, [4]byte{0x37, 0xfa, 0x21, 0x3d}
		Cipher(b, h.Mask, 0)
	}
	return append(AppendHeader(nil, h), b...)
}

func frames(to Role, firstAndPayload ...any) (b []byte) {
	for i := 0; i < len(firstAndPayload); i += 2 {
		b = append(b, frame(to, byte(firstAndPayload[i].(int)), firstAndPayload[i+1].(string))...)
	}
	return b
}

// roles runs f for both.
func roles(t *testing.T, f func(t *testing.T, to Role)) {
	for _, r := range []Role{Server, Client} {
		t.Run(r.String(), func(t *testing.T) { f(t, r) })
	}
}

func fill(n int) string { return string(bytes.Repeat([]byte("x"), n)) }
