package tftp

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp/transfer"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/udp"
)

// Server is a TFTP server. Set what you want and call Serve; after that nothing may be changed. A negative limit means
// unlimited.
type Server struct {
	// Source answers requests to read; nil: they are refused with ERROR 2.
	Source Source
	// Sink takes the files that clients write; nil: they are refused with ERROR 2.
	Sink Sink
	// Rewrite makes another name of what the client asks for, before Source or Sink see the request; nil: none. It runs on a
	// worker goroutine. An error refuses the request, with the code that it has.
	Rewrite func(req *Request) (string, error)

	// SinglePort answers from the port that the server listens on, instead of from a new one for each transfer (RFC 1350
	// 4): for NAT, firewalls and containers. Clients cannot tell the difference.
	SinglePort bool
	// PortLow and PortHigh bound the ports of transfers, for firewalls; 0: any. If none is free the request is dropped.
	PortLow, PortHigh uint16

	// MaxTransfers bounds the transfers in progress; 0: 4096. One more gets ERROR 0, and may try again.
	MaxTransfers int
	// MaxTransfersPerIP bounds those of one IP address; 0: 256.
	MaxTransfersPerIP int
	// TransferRate and Rate bound the bytes a second that one transfer and that all of them send; 0 or negative: unlimited.
	TransferRate, Rate int64
	// Transfer has the limits of each transfer: blocks, windows, sizes, time-outs. The zero value is good.
	Transfer transfer.Config
	// OpenTimeout bounds the time that Source and Sink take to open a file, and then for each of their steps; 0: 30 s.
	OpenTimeout time.Duration

	// OnEnd is called once for each transfer that has ended, and for each request that was refused, on a loop: it must not
	// block. For access logs. nil: none.
	OnEnd func(t *Info)
	// Logger gets what an operator should know, such as a client that may not get past block 65,535; nil discards.
	Logger *slog.Logger

	once     sync.Once
	cfg      transfer.Config
	all      *sharedPace
	counts   counts
	ids      atomic.Uint64
	reactor  *reactor.Reactor
	mu       sync.Mutex
	perIP    map[netip.Addr]int
	running  int
	hubs     []*hub
	draining bool
	idle     chan struct{} // closed when nothing runs after Shutdown began
}

const (
	defaultTransfers      = 4096
	defaultTransfersPerIP = 256
	defaultOpenTimeout    = 30 * time.Second
)

// init fills the defaults in.
func (s *Server) init() {
	s.once.Do(func() {
		s.cfg = s.Transfer
		s.MaxTransfers = limit(s.MaxTransfers, defaultTransfers)
		s.MaxTransfersPerIP = limit(s.MaxTransfersPerIP, defaultTransfersPerIP)
		if s.OpenTimeout == 0 {
			s.OpenTimeout = defaultOpenTimeout
		}
		if s.Logger == nil {
			s.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
		}
		s.all = newSharedPace(s.Rate)
		s.perIP = map[netip.Addr]int{}
		s.idle = make(chan struct{})
	})
}

func limit(v, def int) int {
	switch {
	case v == 0:
		return def
	case v < 0:
		return int(^uint(0) >> 1)
	}
	return v
}

// errPorts says that the range of ports makes no sense.
var errPorts = errors.New("tftp: PortLow is above PortHigh")

// errPanic is what a panic in a back-end or in Rewrite comes to.
var errPanic = errors.New("tftp: back-end panicked")

// Serve serves the sockets of a udp.Socket on r's loops, and returns at once. It may be called for several. The reactor's
// Shutdown ends them, transfers in progress first; so does the server's.
func (s *Server) Serve(r *reactor.Reactor, socket *udp.Socket) error {
	s.init()
	if s.PortLow > s.PortHigh && s.PortHigh != 0 {
		return errPorts
	}
	s.reactor = r
	local, _ := socket.LocalAddr().(interface{ AddrPort() netip.AddrPort })
	_, err := udp.Serve(r, socket, reactor.PacketOptions{MaxUnsent: 4 << 20}, func(int) reactor.PacketHandler {
		h := &hub{server: s, sessions: map[netip.AddrPort]*session{}}
		if local != nil {
			h.bound = local.AddrPort().Addr().Unmap()
		}
		s.mu.Lock()
		s.hubs = append(s.hubs, h)
		s.mu.Unlock()
		return h
	})
	return err
}

// Shutdown refuses new requests, waits for the transfers in progress, and closes the sockets. When ctx ends first it aborts
// the rest, which get ERROR 0, and returns ctx's error. Not on a loop.
func (s *Server) Shutdown(ctx context.Context) error {
	if reactor.OnLoop() {
		return reactor.ErrOnLoop
	}
	s.init()
	s.mu.Lock()
	s.draining = true
	if s.running == 0 {
		s.signalIdle()
	}
	hubs := s.hubs
	s.mu.Unlock()
	var err error
	select {
	case <-s.idle:
	case <-ctx.Done():
		err = ctx.Err()
	}
	for _, h := range hubs {
		if h.end.Load() != nil {
			h.end.Load().Post(h.abort)
			h.end.Load().Post(func() { h.end.Load().Close() })
		}
	}
	return err
}

// signalIdle is called with the lock held.
func (s *Server) signalIdle() {
	select {
	case <-s.idle:
	default:
		close(s.idle)
	}
}

// admit counts a transfer of ip; the error says why there cannot be one more.
func (s *Server) admit(ip netip.Addr) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.draining:
		return errDraining
	case s.running >= s.MaxTransfers:
		return errTooMany
	case s.perIP[ip] >= s.MaxTransfersPerIP:
		return errTooManyOfIP
	}
	s.running++
	s.perIP[ip]++
	return nil
}

// release ends what admit counted.
func (s *Server) release(ip netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.perIP[ip]--; s.perIP[ip] <= 0 {
		delete(s.perIP, ip)
	}
	if s.running--; s.running == 0 && s.draining {
		s.signalIdle()
	}
}
