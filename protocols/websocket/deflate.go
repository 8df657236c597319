package websocket

import (
	"sync/atomic"

	"github.com/calandria-go/calandria/protocols/websocket/wire"
)

// Deflate says how to compress (RFC 7692). Compression costs some 20 us of CPU for a message of 1 KiB, and, where contexts
// outlive messages, memory for every connection: about 1 MiB for what is sent and up to 32 KiB for what is received.
// MaxContexts bounds the sum. Servers of many connections set ServerNoContextTakeover and ClientNoContextTakeover: then
// nothing is kept between messages. A Deflate may be shared by several Configs, and its budget is then each one's own.
type Deflate struct {
	// Deflate has the parameters that are asked for. Its zero value allows contexts both ways and windows of 32 KiB.
	wire.Deflate
	// MinBytes is the length from which a message is compressed; 0: 256; negative: every one.
	MinBytes int
	// MaxContexts bounds the memory of contexts between messages, in bytes, over all connections of a Server, or of a process's
	// clients that share the DialOptions; 0: 64 MiB; negative: unlimited. A connection for which there is no room is agreed
	// without a context for what is received, and forgets its own after each message.
	MaxContexts int64
}

const (
	defaultMinBytes = 256
	defaultContexts = 64 << 20
)

// deflateSettings are a Deflate with the defaults filled in, and its budget.
type deflateSettings struct {
	want wire.Deflate
	min  int
	max  int64
	used atomic.Int64
}

func (d *Deflate) settings() *deflateSettings {
	if d == nil {
		return nil
	}
	s := &deflateSettings{want: d.Deflate, min: d.MinBytes, max: d.MaxContexts}
	if s.min == 0 {
		s.min = defaultMinBytes
	}
	if s.max == 0 {
		s.max = defaultContexts
	}
	return s
}

// take reserves n bytes of the budget.
func (s *deflateSettings) take(n int64) bool {
	if s.used.Add(n) > s.max && s.max > 0 {
		s.used.Add(-n)
		return false
	}
	return true
}

func (s *deflateSettings) give(n int64) { s.used.Add(-n) }

// windowBytes is what an inflater that keeps context may hold.
func windowBytes(bits int) int64 { return 1 << bits }

// compressor is a connection's permessage-deflate, with what it holds of the budget.
type compressor struct {
	set      *deflateSettings
	out      *wire.Deflater
	agreed   wire.Deflate
	window   int64 // reserved for the inflater
	held     int64 // reserved for the deflater
	takeover bool  // of what is sent
	used     bool  // since the last beat
}

// accept is the server's side of the negotiation. The window of the inflater is reserved for the life of the connection.
func (s *deflateSettings) accept(values []string) (*compressor, string) {
	if s == nil {
		return nil, ""
	}
	want := s.want
	var window int64
	if !want.ClientNoContextTakeover {
		window = windowBytes(wireBits(want.ClientMaxWindowBits))
		if !s.take(window) {
			window = 0
			want.ClientNoContextTakeover = true
		}
	}
	agreed, response, ok := want.Accept(values)
	if !ok {
		s.give(window)
		return nil, ""
	}
	z := newCompressor(s, agreed, wire.Server)
	z.settleWindow(window, agreed.ClientNoContextTakeover, agreed.ClientMaxWindowBits)
	return z, response
}

// offer is what a client asks for, and what it has reserved for that.
func (s *deflateSettings) offer() (want wire.Deflate, window int64) {
	want = s.want
	if !want.ServerNoContextTakeover {
		window = windowBytes(wireBits(want.ServerMaxWindowBits))
		if !s.take(window) {
			window = 0
			want.ServerNoContextTakeover = true
		}
	}
	return want, window
}

// wireBits is the window that a number of bits stands for in package wire.
func wireBits(n int) int {
	if n < 8 || n > 15 {
		return 15
	}
	return n
}

func newCompressor(s *deflateSettings, agreed wire.Deflate, role wire.Role) *compressor {
	z := &compressor{set: s, out: agreed.Deflater(role), agreed: agreed, takeover: !agreed.ServerNoContextTakeover}
	if role == wire.Client {
		z.takeover = !agreed.ClientNoContextTakeover
	}
	return z
}

// settleWindow corrects what was reserved for the inflater to what was agreed.
func (z *compressor) settleWindow(reserved int64, none bool, bits int) {
	z.window = 0
	if !none {
		z.window = windowBytes(wireBits(bits))
	}
	z.set.used.Add(z.window - reserved)
}

// message appends a frame, compressed if it is long enough. The connection's send lock is held.
func (z *compressor) message(dst []byte, role wire.Role, op Opcode, p []byte) []byte {
	if len(p) < z.set.min {
		return wire.AppendFrame(dst, role, op, true, p)
	}
	dst = wire.AppendMessage(dst, role, op, p, z.out)
	if z.takeover {
		z.keep()
	}
	return dst
}

// keep pays for what the deflater holds since it was used, or has it forget.
func (z *compressor) keep() {
	z.used = true
	if z.held > 0 {
		return
	}
	if n := int64(z.out.Memory()); n > 0 && z.set.take(n) {
		z.held = n
		return
	}
	z.out.Release()
}

// forget gives the deflater's context back: after a prepared message, and when it was not used for a beat.
func (z *compressor) forget() {
	z.out.Release()
	z.set.give(z.held)
	z.held = 0
}

// beat forgets a context that nobody used since the last one.
func (z *compressor) beat() {
	if !z.used && z.held > 0 {
		z.forget()
	}
	z.used = false
}

// end gives all back.
func (z *compressor) end() {
	z.forget()
	z.set.give(z.window)
	z.window = 0
}
