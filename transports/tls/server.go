package tls

import (
	"context"
	ctls "crypto/tls"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

// Server is a reactor.Protocol that speaks TLS and gives each connection to another protocol after its handshake, whose
// handlers see plain text. Its fields are read at the first connection and must not change afterwards.
//
// A connection that has not sent its whole ClientHello costs its Conn, some 400 bytes, and what it sent; a handshake in
// progress a goroutine with its stack and some 10 KB; an open connection crypto/tls's state (docs/tls.md has figures).
type Server struct {
	// Config is crypto/tls's: certificates, versions, client certificates, tickets. It is used as it is (copied once if
	// NextProtos adds to its own), so keys set later on it take effect. Its callbacks run on workers and may block.
	Config *ctls.Config
	// Next makes the handlers of connections without ALPN, and of those whose protocol NextProtos does not have.
	Next reactor.Protocol
	// NextProtos makes the handlers by the protocol that ALPN chose (RFC 7301). Those that Config.NextProtos does not
	// list are offered after it, in alphabetical order.
	NextProtos map[string]reactor.Protocol

	// HandshakeTimeout bounds the time from OnOpen to the end of the handshake; 0: 10 s; negative: none.
	HandshakeTimeout time.Duration
	// MaxHandshakes bounds the handshakes in progress, each of which has a worker; 0: 2,048; negative: unlimited. One
	// more is refused with an alert. Clients that have not sent a whole ClientHello do not count.
	MaxHandshakes int
	// MaxHandshakesPerIP bounds those of one IP address; 0: 256; negative: unlimited. Addresses of unix sockets do not count.
	MaxHandshakesPerIP int
	// MaxHelloBytes bounds the records of a ClientHello; 0 or negative: 64 KiB, more than which crypto/tls does not take.
	// The reactor's InputLimit holds, too.
	MaxHelloBytes int

	once sync.Once
	set  *settings
}

const (
	defaultTimeout   = 10 * time.Second
	defaultPending   = 2048
	defaultPerIP     = 256
	defaultHello     = 64 << 10
	unlimited        = int(^uint(0) >> 1)
	unlimitedTimeout = time.Duration(1<<63 - 1)
	// drainHello is how long a client that has not sent its ClientHello has left when Shutdown begins.
	drainHello = time.Second
)

// ServerStats are a Server's counters since it began.
type ServerStats struct {
	// Pending are the handshakes in progress now.
	Pending int
	// Completed counts handshakes that succeeded; of these, Resumed went by a ticket.
	Completed, Resumed uint64
	// Failed counts those that did not succeed, time-outs and clients that do not speak TLS included, but not clients that
	// left before their ClientHello; Refused those that a limit kept from beginning.
	Failed, Refused uint64
}

// settings are a Server's with the defaults filled in, and its counters.
type settings struct {
	config  *ctls.Config
	next    reactor.Protocol
	protos  map[string]reactor.Protocol
	timeout time.Duration
	hello   int
	gate    gate

	completed, resumed, failed, refused atomic.Uint64
}

func (s *Server) settings() *settings {
	s.once.Do(func() {
		set := &settings{config: s.Config, next: s.Next, protos: s.NextProtos, timeout: s.HandshakeTimeout, hello: s.MaxHelloBytes}
		if set.config == nil {
			set.config = &ctls.Config{}
		}
		set.config = offering(set.config, s.NextProtos)
		set.timeout = timeoutOr(s.HandshakeTimeout)
		if set.hello <= 0 || set.hello > defaultHello {
			set.hello = defaultHello
		}
		set.gate.max = orDefault(s.MaxHandshakes, defaultPending)
		set.gate.maxPerIP = orDefault(s.MaxHandshakesPerIP, defaultPerIP)
		s.set = set
	})
	return s.set
}

func orDefault(n, def int) int {
	switch {
	case n == 0:
		return def
	case n < 0:
		return unlimited
	}
	return n
}

func timeoutOr(d time.Duration) time.Duration {
	switch {
	case d == 0:
		return defaultTimeout
	case d < 0:
		return unlimitedTimeout
	}
	return d
}

// offering gives a Config that offers the protocols of the map, too.
func offering(cfg *ctls.Config, protos map[string]reactor.Protocol) *ctls.Config {
	var more []string
	for _, name := range slices.Sorted(maps.Keys(protos)) {
		if !slices.Contains(cfg.NextProtos, name) {
			more = append(more, name)
		}
	}
	if len(more) == 0 {
		return cfg
	}
	cfg = cfg.Clone()
	cfg.NextProtos = slices.Concat(cfg.NextProtos, more)
	return cfg
}

// NewHandler is part of reactor.Protocol. Given to Conn.Upgrade, the handler starts TLS on a connection that is open
// already; bytes that came early and were not consumed are the ClientHello's.
func (s *Server) NewHandler(*reactor.Conn) reactor.Handler {
	return &hello{handshake{server: s.settings()}}
}

// Stats gives the counters. Any goroutine.
func (s *Server) Stats() ServerStats {
	t := s.settings()
	return ServerStats{t.gate.pending(), t.completed.Load(), t.resumed.Load(), t.failed.Load(), t.refused.Load()}
}

// opened gives a connection to the protocol that it is for. Loop only.
func (t *settings) opened(c *reactor.Conn, l *Layer) {
	state := l.ConnectionState()
	t.completed.Add(1)
	if state.DidResume {
		t.resumed.Add(1)
	}
	p := t.next
	if chosen, ok := t.protos[state.NegotiatedProtocol]; ok && state.NegotiatedProtocol != "" {
		p = chosen
	}
	if p == nil {
		c.CloseWith(ErrNoProtocol)
		return
	}
	c.Upgrade(p.NewHandler(c))
}

// hello is the handler that collects the ClientHello on the loop.
type hello struct{ handshake }

// OnOpen is part of reactor.Handler.
func (h *hello) OnOpen(c *reactor.Conn) {
	h.c = c
	c.InitTimer(&h.timer, h.expired)
	if h.server.timeout != unlimitedTimeout {
		h.timer.Reset(h.server.timeout)
	}
}

// OnData is part of reactor.Handler.
func (h *hello) OnData(c *reactor.Conn, in []byte) int {
	if h.state != stageHello {
		return len(in)
	}
	if h.scan.at == 0 {
		switch sniff(in) {
		case kindMore:
			return 0
		case kindTLS:
		case kindHTTP:
			c.Write(plainAnswer(in))
			h.fail(ErrPlainHTTP)
			return len(in)
		case kindSSLv2:
			h.refuse(alertProtocolVersion, ErrNotTLS)
			return len(in)
		default:
			h.fail(ErrNotTLS)
			return len(in)
		}
	}
	whole, err := h.scan.next(in, h.server.hello)
	switch {
	case err != nil:
		h.refuse(alertDecodeError, err)
		return len(in)
	case !whole:
		return 0
	}
	h.begin(c)
	return 0 // the Stream takes it
}

// begin hands the connection to a worker.
func (h *hello) begin(c *reactor.Conn) {
	h.ip = c.RemoteAddrPort().Addr()
	if err := h.server.gate.enter(h.ip); err != nil {
		h.refuse(alertInternalError, err)
		return
	}
	if h.server.timeout != unlimitedTimeout && c.Reactor().Draining() {
		h.timer.Reset(h.server.timeout) // OnDrain had cut it short
	}
	h.start(context.Background(), func(w *wire) *ctls.Conn { return ctls.Server(w, h.server.config) })
}

// OnDrain is part of reactor.DrainHandler: who has just connected may be about to ask, so the ClientHello has a second left.
func (h *hello) OnDrain(*reactor.Conn) {
	if h.state == stageHello {
		h.timer.Reset(min(drainHello, h.server.timeout))
	}
}

// OnClose is part of reactor.Handler.
func (h *hello) OnClose(_ *reactor.Conn, err error) { h.ended(err) }

// refuse sends an alert in the clear and closes.
func (h *hello) refuse(alert byte, err error) {
	h.c.Write([]byte{recordAlert, 3, 3, 0, 2, alertFatal, alert})
	h.fail(err)
}

// Of RFC 8446 section 6.
const (
	alertFatal           = 2
	alertDecodeError     = 50
	alertProtocolVersion = 70
	alertInternalError   = 80
)

const plainText = "This port speaks TLS, and the request came without: use https.\n"

// plainAnswer is what a plain HTTP request gets.
func plainAnswer(in []byte) []byte {
	head := "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " +
		"63\r\nConnection: close\r\n\r\n"
	if string(in[:min(len(in), 5)]) == "HEAD " {
		return []byte(head)
	}
	return []byte(head + plainText)
}
