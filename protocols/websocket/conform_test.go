package websocket_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// conformCase is what a peer sends to an endpoint that echoes, and what has to come back.
type conformCase struct {
	id      string
	frames  []conformFrame
	want    string // the answers: see answers; "echo" for the messages that were sent, then "close:1000:"
	deflate *wire.Deflate
	limits  wire.Limits
	long    bool // only whole and in a few pieces
}

// conformFrame is one frame of the peer's, or bytes as they are.
type conformFrame struct {
	first   byte // FIN, RSV and opcode
	payload []byte
	raw     []byte // in place of both
	packed  bool   // compress the payload, which is that of a whole message
	badMask bool   // masked from a server, unmasked from a client
}

func fr(first byte, payload string) conformFrame {
	return conformFrame{first: first, payload: []byte(payload)}
}

// first bytes of frames
const (
	fText, fBin, fCont    = 0x81, 0x82, 0x80
	oText, oBin, oCont    = 0x01, 0x02, 0x00 // not the last
	fClose, fPing, fPong_ = 0x88, 0x89, 0x8a
)

// closing is the peer's own close behind a case that goes well.
var closing = fr(fClose, "\x03\xe8")

// bytes are a case's input for an endpoint of a role.
func (c *conformCase) bytes(to wire.Role) []byte {
	peer := wire.Client
	if to == wire.Client {
		peer = wire.Server
	}
	var out *wire.Deflater
	if c.deflate != nil {
		out = c.deflate.Deflater(peer)
	}
	var b []byte
	for _, f := range c.frames {
		if f.raw != nil {
			b = append(b, f.raw...)
			continue
		}
		p := bytes.Clone(f.payload)
		if f.packed {
			p = out.Append(nil, p)
			f.first |= 0x40
		}
		h := wire.Header{Fin: f.first&0x80 != 0, RSV: f.first >> 4 & 7, Op: wire.Opcode(f.first & 15), Length: int64(len(p))}
		if peer == wire.Client != f.badMask {
			h.Masked, h.Mask = true, [4]byte{0x37, 0xfa, 0x21, 0x3d}
			wire.Cipher(p, h.Mask, 0)
		}
		b = append(wire.AppendHeader(b, h), p...)
	}
	return b
}

// answers is what an endpoint has sent, one word a frame.
func answers(t *testing.T, from wire.Role, deflate *wire.Deflate, out []byte) string {
	t.Helper()
	to := wire.Client
	if from == wire.Client {
		to = wire.Server
	}
	var z *wire.Inflater
	if deflate != nil {
		z = deflate.Inflater(to)
	}
	var d wire.Decoder
	d.Reset(to, &wire.Limits{MaxMessage: 1 << 30}, z)
	defer d.Release()
	var all []string
	var msg []byte
	for b := bytes.Clone(out); ; {
		ev, n, err := d.Next(b)
		if err != nil {
			t.Fatalf("the endpoint violates the protocol: %v", err)
		}
		b = b[n:]
		switch ev.Kind {
		case wire.None:
			return strings.Join(all, " ")
		case wire.Message:
			if msg = append(msg, ev.Data...); ev.Last {
				all = append(all, ev.Op.String()+":"+short(msg))
				msg = nil
			}
		case wire.PingFrame:
			all = append(all, "ping:"+short(ev.Data))
		case wire.PongFrame:
			all = append(all, "pong:"+short(ev.Data))
		case wire.Closed:
			all = append(all, fmt.Sprintf("close:%d", ev.Code))
		}
	}
}

func short(b []byte) string {
	if len(b) > 60 {
		sum := uint32(0)
		for _, c := range b {
			sum = sum*31 + uint32(c)
		}
		return fmt.Sprintf("%d#%x", len(b), sum)
	}
	return fmt.Sprintf("%q", b)
}

// TestConformance runs the table for both roles: each case whole, and byte by byte, and the connection must end each time.
func TestConformance(t *testing.T) {
	table := conformTable()
	seen := map[string]bool{}
	for _, c := range table {
		if seen[c.id] {
			t.Errorf("case %s is there twice", c.id)
		}
		seen[c.id] = true
	}
	if len(table) < 250 {
		t.Errorf("%d cases", len(table))
	}
	for _, role := range []wire.Role{wire.Server, wire.Client} {
		t.Run(role.String(), func(t *testing.T) {
			t.Logf("%d cases", len(table))
			for _, c := range table {
				in := c.bytes(role)
				run := func(how string, pieces [][]byte) {
					cfg := &websocket.Config{Limits: c.limits, MaxQueue: -1}
					if cfg.Limits.MaxMessage == 0 {
						cfg.Limits.MaxMessage = 32 << 20
					}
					if c.deflate != nil {
						cfg.Deflate = &websocket.Deflate{Deflate: *c.deflate, MinBytes: -1}
					}
					p := reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler {
						return websocket.NewLink(cfg, role, echo{}, c.deflate)
					})
					got := reactortest.Feed(t, reactor.Config{MaxUnsent: -1, HighWater: 1 << 30}, p, pieces)
					if !got.Closed || got.Reset {
						t.Errorf("%s %s: closed %v, reset %v", c.id, how, got.Closed, got.Reset)
					}
					if s := answers(t, role, c.deflate, got.Out); s != c.want {
						t.Errorf("%s %s: %s, want %s", c.id, how, s, c.want)
					}
				}
				if c.long {
					run("in pieces", cutInto(in, 64<<10))
					if !testing.Short() {
						run("in odd pieces", cutInto(in, 60<<10-1))
					}
					continue
				}
				run("whole", [][]byte{bytes.Clone(in)})
				run("byte by byte", cutInto(in, 1))
			}
		})
	}
}

// cutInto gives in in pieces of at most n bytes, each at a place of its own.
func cutInto(in []byte, n int) (pieces [][]byte) {
	for len(in) > 0 {
		k := min(n, len(in))
		pieces = append(pieces, bytes.Clone(in[:k]))
		in = in[k:]
	}
	return pieces
}
