package proxy

import (
	"io"
	"net/netip"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/netaddr"
)

// Protocol is a reactor.Protocol in front of Next: it reads the header of each connection, sets its RemoteAddr by it, and
// hands over to Next's handler with the bytes that came behind it. With TLS this one is outside: Next is TLS's. It must not be
// changed once it serves.
//
// A connection that waits for its header costs one small struct, one timer of the loop's, and what came of the header; it has
// no goroutine and no buffer of a length that the peer announced.
type Protocol struct {
	// Next takes the connection over; it must be set.
	Next reactor.Protocol
	// Trusted are the proxies: only they may send a header. The nil Set is nobody, so that a forgotten field is not a hole.
	Trusted *netaddr.Set
	// TrustUnix trusts every peer of a unix socket, which has no address: its file's mode says who may connect.
	TrustUnix bool
	// IgnoreUntrusted gives connections of all others to Next as they are, as if Protocol were not there; without it they are
	// closed with ErrUntrusted. It is for a port that proxies and clients share.
	IgnoreUntrusted bool
	// Optional gives a connection of a trusted peer that does not begin with a header to Next with its own address. It is
	// dangerous: the specification forbids it, since a proxy that passes a client's bytes on without a header of its own lets
	// that client write one. It is for a time of transition, with all of the network behind Trusted under control. A peer
	// that must hear the server speak first never gets so far, and ends at Timeout.
	Optional bool
	// Versions is which ones are accepted: 1 or 2; 0: both.
	Versions int
	// Timeout bounds the time until the header is complete; 0: 5 s; negative: unlimited.
	Timeout time.Duration
	// MaxHeader bounds a header of version 2 in bytes, its TLVs included, and must be less than reactor.Config.InputLimit; 0
	// or negative: 4 KiB. Version 1 has 107 bytes at the most.
	MaxHeader int
	// Admit decides about the client that the header names, as reactor.ListenLimits.Admit does about the peer; nil admits
	// all. It is not asked for LOCAL and UNKNOWN, whose address Admit of the listener has seen. On the loop: it must not block.
	Admit func(client netip.AddrPort) bool
	// OnHeader is called with each header before Next.NewHandler, the address being set; nil for nothing. h and its TLVs are
	// valid during the call: Header.Clone keeps them. An error closes the connection with it.
	OnHeader func(c *reactor.Conn, h *Header) error
	// Keep has HeaderOf know the header as long as the connection lives: some hundred bytes, and the TLVs, for each.
	Keep bool
}

const defaultTimeout = 5 * time.Second

// NewHandler is part of reactor.Protocol.
func (p *Protocol) NewHandler(c *reactor.Conn) reactor.Handler {
	trusted := p.Trusted.Contains(c.RemoteAddrPort().Addr())
	if !c.RemoteAddrPort().IsValid() {
		trusted = p.TrustUnix
	}
	if !trusted && p.IgnoreUntrusted {
		return p.Next.NewHandler(c)
	}
	return &reader{p: p, trusted: trusted}
}

// reader is a connection until its header is there.
type reader struct {
	p       *Protocol
	trusted bool
	timer   reactor.Timer
}

// OnOpen is part of reactor.Handler.
func (r *reader) OnOpen(c *reactor.Conn) {
	if !r.trusted {
		c.Abort(ErrUntrusted)
		return
	}
	timeout := r.p.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	c.InitTimer(&r.timer, func() { c.Abort(ErrTimeout) })
	if timeout > 0 {
		r.timer.Reset(timeout)
	}
}

// OnData is part of reactor.Handler.
func (r *reader) OnData(c *reactor.Conn, in []byte) int {
	if !r.trusted {
		return len(in)
	}
	h, n, err := Parse(in, r.p.MaxHeader)
	if n > 0 && r.p.Versions != 0 && r.p.Versions != h.Version {
		n, err = 0, errOtherVersion
	}
	switch {
	case err == ErrNoHeader && r.p.Optional:
		r.handOver(c)
		return 0
	case err != nil:
		c.Abort(err)
		return len(in)
	case n == 0:
		return 0
	}
	if err := r.accept(c, &h); err != nil {
		c.Abort(err)
		return len(in)
	}
	r.handOver(c)
	return n
}

// accept takes a header for true.
func (r *reader) accept(c *reactor.Conn, h *Header) error {
	if h.Command == Proxied && h.Source.IsValid() {
		client := netip.AddrPortFrom(h.Source.Addr().Unmap(), h.Source.Port())
		if r.p.Admit != nil && !r.p.Admit(client) {
			return ErrRefused
		}
		c.SetRemoteAddr(client)
	}
	if r.p.OnHeader != nil {
		if err := r.p.OnHeader(c, h); err != nil {
			return err
		}
	}
	if r.p.Keep {
		keep(c, h.Clone())
	}
	return nil
}

// handOver ends this handler's part.
func (r *reader) handOver(c *reactor.Conn) {
	r.timer.Stop()
	c.Upgrade(r.p.Next.NewHandler(c))
}

// OnEOF is part of reactor.EOFHandler. A connection that ends without a byte is how load balancers look whether we live.
func (r *reader) OnEOF(c *reactor.Conn) {
	switch n := c.Buffered(); {
	case n == 0:
		c.CloseWith(io.EOF)
	case r.p.Optional: // less than a header is none
		r.handOver(c)
	default:
		c.Abort(ErrTruncated)
	}
}

// OnDrain is part of reactor.DrainHandler: what is on its way is waited for, Next decides then. Timeout bounds it.
func (r *reader) OnDrain(c *reactor.Conn) {
	if r.p.Timeout < 0 {
		c.CloseWith(reactor.ErrShutdown)
	}
}

// OnClose is part of reactor.Handler.
func (r *reader) OnClose(*reactor.Conn, error) {}
