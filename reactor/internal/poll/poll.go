// Package poll is the seam between the reactor and the operating system: the only place that imports netpoll, that uses
// unsafe, and that reads and writes file descriptors.
//
// An Engine gives Loops. A Loop is one goroutine that runs batches: the hooks of the Sources that are ready, then its
// Owner's BatchEnd. A Source is one byte stream on a loop with level-triggered readiness, whatever lies below it: a file
// descriptor on a netpoll poller (loop_netpoll.go, source_fd.go), or any net.Conn with a goroutine of its own
// (loop_portable.go, source_conn.go), which is the portable engine and carries the in-memory connections of tests. A
// PacketSource is the same for datagrams (packet_linux.go, packet_conn.go).
package poll

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"time"
)

// ErrAgain is returned by a Source or an Acceptor that has nothing to give or no room to take: wait for its next event.
var ErrAgain = errors.New("poll: try again")

// ErrUnsupported is returned for an operation that the stream below does not have.
var ErrUnsupported = errors.ErrUnsupported

// Engine gives the loops that a reactor runs on.
type Engine interface {
	// Loops returns n loops. Those of the netpoll engine are process singletons; others are made anew and must be closed.
	Loops(n int) ([]Loop, error)
	// Adopt turns an open connection into a Handle for these loops.
	Adopt(nc net.Conn) (Handle, error)
	// AdoptPacket is Adopt for a datagram socket.
	AdoptPacket(s PacketSocket) (PacketHandle, error)
	// Name is "netpoll" or "portable".
	Name() string
}

// Owner is the reactor's side of a Loop. Its methods run on the loop's goroutine.
type Owner interface {
	// BatchStart is called before the first hook of a batch.
	BatchStart()
	// BatchEnd is called after the last one. Only here may Sources be attached, updated and closed.
	BatchEnd()
}

// QuietOwner is an Owner that knows when a batch cannot have made any goroutine runnable.
type QuietOwner interface {
	Owner
	// Quiet says so of the batch that has just ended: the loop may wait for the next one without yielding first.
	Quiet() bool
}

// Loop is one poller goroutine.
type Loop interface {
	// Start installs the owner; batches run from then on. The first call wins: a singleton has one owner for ever.
	Start(o Owner)
	// Wake makes a batch run soon. Any goroutine.
	Wake()
	// Arm makes a batch run when d has passed, or never for d < 0; it replaces the last Arm. Loop only.
	Arm(d time.Duration)
	// Attach registers an open stream and returns its Source, without interest in reading or writing. In BatchEnd only.
	Attach(h Handle, s Sink) (Source, error)
	// AttachPacket is Attach for a datagram socket, which is read from its first Update on. In BatchEnd only.
	AttachPacket(h PacketHandle, s PacketSink) (PacketSource, error)
	// Dial begins a connection and returns at once; Sink.Connected tells how it ended. In BatchEnd only.
	Dial(t Target, s Sink) (Source, error)
	// Listen registers a listener. In BatchEnd only.
	Listen(ln net.Listener, shard int, s AcceptSink) (Acceptor, error)
	// Goroutine is the id of the loop's goroutine.
	Goroutine() uint64
	// Shared says that the loop is a singleton of the process, with one owner for ever.
	Shared() bool
	// Close ends a loop that is not a singleton. Any goroutine but the loop's own.
	Close()
}

// Sink receives the events of one Source, on the loop, never in BatchEnd of the batch that attached it.
type Sink interface {
	// Readable: a Read may give bytes, io.EOF or an error. Level-triggered while read interest is set.
	Readable()
	// Writable: a Write may take bytes. Level-triggered while write interest is set.
	Writable()
	// Broken: the stream failed while it was not being read.
	Broken(err error)
	// Hangup: the peer closed both directions; bytes that it left can still be read.
	Hangup()
	// Connected ends a Dial, once.
	Connected(err error)
}

// Source is one byte stream on a loop. All methods belong to the loop.
type Source interface {
	// Read gives bytes, io.EOF after the peer's FIN, or ErrAgain.
	Read(p []byte) (int, error)
	// Write takes what the kernel has room for; ErrAgain for none.
	Write(p []byte) (int, error)
	// Writev is Write for several slices at once.
	Writev(bufs [][]byte) (int, error)
	// SendFile takes up to n bytes of f at off. ErrUnsupported: copy through Write.
	SendFile(f *os.File, off int64, n int) (int, error)
	// Interest says which events are wanted from the next Update on.
	Interest(read, write bool)
	// Update applies Interest. In BatchEnd only.
	Update() error
	// CloseWrite sends FIN after what was written.
	CloseWrite() error
	// Close detaches and closes; reset discards what the kernel still holds and sends RST where the transport can.
	// In BatchEnd only.
	Close(reset bool)
	// LocalAddr and RemoteAddr are nil where the transport has none.
	LocalAddr() net.Addr
	RemoteAddr() net.Addr
	// Unacked is how many bytes the kernel holds that the peer has not acknowledged, or -1 where it does not say.
	Unacked() int
}

// DirectWriter is a Source whose Write may be called off the loop too, by who makes sure that neither another Write nor Close
// runs meanwhile.
type DirectWriter interface{ WriteDirect(p []byte) (int, error) }

// Handle is an open stream on its way to a loop: a file descriptor, or a net.Conn.
type Handle struct {
	FD     int
	Conn   net.Conn       // used when not nil
	Remote netip.AddrPort // invalid for unix sockets and unknown peers
}

// Close closes a Handle that no loop took.
func (h Handle) Close() {
	if h.Conn != nil {
		h.Conn.Close()
		return
	}
	closeFD(h.FD)
}

// Target is what to dial: a *net.TCPAddr or *net.UnixAddr.
type Target struct {
	Remote, Local net.Addr
	// Control is called with the socket before it connects; nil for none. Not called where there are no descriptors.
	Control func(fd int) error
	// Timeout ends an attempt where the engine has no other way to end it; 0 for none.
	Timeout time.Duration
}

// AcceptSink receives the events of an Acceptor, on the loop.
type AcceptSink interface {
	// Acceptable: Accept may give a connection. Level-triggered while enabled.
	Acceptable()
}

// Acceptor is a listener on a loop. All methods belong to the loop.
type Acceptor interface {
	// Accept gives the next connection, non-blocking and close-on-exec, or ErrAgain.
	Accept() (Handle, error)
	// Shed accepts one connection on a descriptor kept in reserve and closes it, so that a client that cannot be served
	// learns it at once. False: there was none, or no reserve.
	Shed() bool
	// Enable turns Acceptable events on or off. In BatchEnd only.
	Enable(on bool) error
	// Close ends it. In BatchEnd only.
	Close()
}

// FDListener is a listener that gives its descriptors to the loops. A descriptor stays the listener's own: the loops work
// on duplicates.
type FDListener interface {
	net.Listener
	ListenFDs() []int
}

// Sharded is a listener with several sockets on one address, one per loop.
type Sharded interface {
	net.Listener
	Shards() []net.Listener
}
