package tftp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp/transfer"
	"github.com/calandria-go/calandria/protocols/tftp/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/udp"
)

// Client gets files from a server and puts them there. It has no state: it may be copied, and used for several transfers
// at once.
type Client struct {
	// Reactor has the loops; nil is not allowed.
	Reactor *reactor.Reactor
	// Addr is the server's "host" or "host:port"; port 69 if there is none.
	Addr string
	// Mode is octet, or netascii: text, whose lines end with LF here.
	Mode wire.Mode
	// BlockSize is the blksize to ask for; 0: 1428, which fits an Ethernet packet; negative: do not ask, so 512.
	BlockSize int
	// WindowSize is the windowsize to ask for; 0: 16; negative: do not ask, so 1.
	WindowSize int
	// Timeout is the timeout option, in whole seconds; 0: do not ask, and adapt to the round trips.
	Timeout time.Duration
	// NoSize does not ask for tsize, or announce it.
	NoSize bool
	// Rollover asks that block 0 follows 65535. Most servers do that unasked.
	Rollover bool
	// NoFallback fails when the server refuses the options. Else the request is made again without them.
	NoFallback bool
	// Transfer has the limits: sizes and time-outs. A get takes any size unless MaxSize says otherwise.
	Transfer transfer.Config
	// Progress is called at most some times for each window with the bytes done, and the size if it is known, else -1. It is
	// called by the goroutine that called Get or Put.
	Progress func(done, size int64)
	// Open makes the socket of a transfer; nil: UDP. For networks of another kind, and for tests.
	Open func() (reactor.PacketSocket, error)
	// LocalAddr is the address to send from; the zero value: the system's choice.
	LocalAddr netip.AddrPort
}

const (
	clientBlock  = 1428
	clientWindow = 16
	clientBuffer = 1 << 20 // asked for; the system gives what it allows
)

// Result is what is known of a client's transfer.
type Result struct {
	Agreed transfer.Agreement // what the server has granted
	Stats  transfer.Stats     // the counts
	Took   time.Duration      // from the call to its return
	// FellBack: the server refused the options, and the request was made again without.
	FellBack bool
}

// ErrAddress: the host has no usable address.
var ErrAddress = errors.New("tftp: the host has no address")

// Get reads a file and writes it to w. It returns when all of it was written. The error is a *wire.RemoteError if the
// server refused, which is fs.ErrNotExist, fs.ErrPermission or fs.ErrExist by its code; os.ErrDeadlineExceeded if it does
// not answer; ctx's error; or what w returned. What came before an error was written. Not on a loop.
func (c Client) Get(ctx context.Context, name string, w io.Writer) (*Result, error) {
	return c.run(ctx, func(t *clientTransfer) error { return t.get(ctx, name, w) })
}

// Put writes what it reads from r, up to io.EOF, to a file. size is announced to the server; -1 if it is not known. It
// returns when the server has confirmed all of it. Errors are as for Get; an error of r ends the transfer with ERROR 0.
func (c Client) Put(ctx context.Context, name string, r io.Reader, size int64) (*Result, error) {
	return c.run(ctx, func(t *clientTransfer) error { return t.put(ctx, name, r, size) })
}

// run makes the request, once more without options if they are refused.
func (c Client) run(ctx context.Context, do func(t *clientTransfer) error) (*Result, error) {
	if reactor.OnLoop() {
		return nil, reactor.ErrOnLoop
	}
	began := time.Now()
	to, err := c.resolve(ctx)
	if err != nil {
		return nil, err
	}
	if c.Transfer.MaxSize == 0 {
		c.Transfer.MaxSize = -1
	}
	options := c.options()
	for fell := false; ; fell = true {
		t := &clientTransfer{client: &c, options: options, server: to}
		t.cond.L = &t.mu
		err := do(t)
		if err != nil && !fell && !c.NoFallback && options != nil && t.optionsRefused() {
			options = nil
			continue
		}
		res := t.result()
		res.Took, res.FellBack = time.Since(began), fell
		return res, err
	}
}

// options are what is asked for; nil for nothing.
func (c *Client) options() *transfer.Options {
	o := transfer.Options{Timeout: c.Timeout, Size: !c.NoSize, Rollover: c.Rollover}
	switch {
	case c.BlockSize == 0:
		o.BlockSize = clientBlock
	case c.BlockSize > 0:
		o.BlockSize = c.BlockSize
	}
	switch {
	case c.WindowSize == 0:
		o.WindowSize = clientWindow
	case c.WindowSize > 0:
		o.WindowSize = c.WindowSize
	}
	if o == (transfer.Options{}) {
		return nil
	}
	return &o
}

func (c *Client) resolve(ctx context.Context) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(c.Addr)
	if err != nil {
		host, port = c.Addr, "69"
	}
	n, err := net.DefaultResolver.LookupPort(ctx, "udp", port)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return netip.AddrPortFrom(ip.Unmap(), uint16(n)), nil
	}
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	local := c.LocalAddr.Addr()
	for _, ip := range all {
		if ip = ip.Unmap(); !local.IsValid() || local.Is4() == ip.Is4() {
			return netip.AddrPortFrom(ip, uint16(n)), nil
		}
	}
	return netip.AddrPort{}, ErrAddress
}

// open makes the socket.
func (t *clientTransfer) open() error {
	if open := t.client.Open; open != nil {
		s, err := open()
		if err == nil {
			_, err = t.client.Reactor.OpenPacket(s, reactor.PacketOptions{}, t)
		}
		return err
	}
	cfg := udp.Config{Network: "udp4", Coalesce: true, ReadBuffer: clientBuffer}
	if t.server.Addr().Is6() {
		cfg.Network = "udp6"
	}
	s, err := cfg.Open(t.client.LocalAddr)
	if err != nil {
		return err
	}
	_, err = t.client.Reactor.OpenPacket(s, reactor.PacketOptions{}, t)
	return err
}
