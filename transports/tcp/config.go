package tcp

import (
	"net"
	"runtime"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

// Config is how to listen. The zero value is good for a server.
type Config struct {
	// Network is "tcp", "tcp4" or "tcp6"; empty: "tcp". As in package net, "tcp" on an unspecified address (":80",
	// "0.0.0.0:80", "[::]:80") takes IPv6 and IPv4, "tcp6" is IPv6 alone.
	Network string
	// Backlog is how many connections may wait to be accepted; 0 or negative: as many as the system allows
	// (net.core.somaxconn). It is the system's choice on other systems than Linux.
	Backlog int
	// Shards is the number of sockets on the one address, among which the system spreads connections (SO_REUSEPORT): one
	// for each loop, so that no loop accepts for another. 0: one, or GOMAXPROCS if ReusePort is set. Linux only;
	// elsewhere more than one is errors.ErrUnsupported. Connections that wait on a socket are lost when it is closed, so
	// several processes that share an address should not come and go.
	Shards int
	// ReusePort sets SO_REUSEPORT even on a single socket, so that other processes of this user can share the address.
	ReusePort bool
	// DeferAccept has a connection accepted only when its first bytes came, or after about this time without any;
	// 0: at once. For protocols whose client speaks first. Linux only; elsewhere it does nothing.
	DeferAccept time.Duration
	// KeepAlive is when silent peers are probed; the zero value is on.
	KeepAlive KeepAlive
	// Nagle lets the kernel hold small writes back until the last one is acknowledged. The reactor writes once a turn,
	// so the zero value sets TCP_NODELAY.
	Nagle bool
	// ReadBuffer and WriteBuffer fix SO_RCVBUF and SO_SNDBUF; 0: the system tunes them itself, which is better unless
	// memory is short. Linux counts its own bookkeeping in and doubles them.
	ReadBuffer, WriteBuffer int
	// Control is called with each socket before it is bound, for options that are not here; nil for none. On Windows it is
	// called with the socket's handle.
	Control func(fd int) error
	// Limits are what the reactor that serves the listener keeps to: AcceptBudget, MaxConns, MaxConnsPerIP, Admit.
	Limits reactor.ListenLimits
}

// KeepAlive is when the system asks a silent peer whether it is still there. With the zero value a dead peer is noticed
// after four minutes, and a live one is asked often enough for NAT devices and load balancers to remember the connection.
type KeepAlive struct {
	// Idle is the silence before the first probe; 0: 120 s; negative: no probes at all. It is rounded up to a second.
	Idle time.Duration
	// Interval is between probes; 0 or negative: 30 s. It is rounded up to a second.
	Interval time.Duration
	// Count is how many probes may stay unanswered; 0 or negative: 4.
	Count int
}

// config is k as package net has it, defaults filled in.
func (k KeepAlive) config() net.KeepAliveConfig {
	c := net.KeepAliveConfig{Enable: k.Idle >= 0, Idle: k.Idle, Interval: k.Interval, Count: k.Count}
	if c.Idle <= 0 {
		c.Idle = 120 * time.Second
	}
	if c.Interval <= 0 {
		c.Interval = 30 * time.Second
	}
	if c.Count <= 0 {
		c.Count = 4
	}
	return c
}

// seconds rounds up, since system calls count in them and 0 is not legal.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

func network(s string) string {
	if s == "" {
		return "tcp"
	}
	return s
}

// sockets is how many Shards there are.
func (c *Config) sockets() int {
	switch {
	case c.Shards > 0:
		return c.Shards
	case c.ReusePort:
		return runtime.GOMAXPROCS(0)
	}
	return 1
}
