package inherit

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/calandria-go/calandria/transports"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/unix"
)

// Config is how Listen listens. The zero value is good.
type Config struct {
	// TCP is for sockets that are made. Of it only the Limits apply to those of the process before, whose options and number
	// stay as they are; those of systemd get the options that a socket can be given while it listens.
	TCP tcp.Config
	// Unix is for unix sockets that are made; only its Limits apply to others.
	Unix unix.Config
	// Name tells sockets apart that have the same target, and is the FileDescriptorName of a systemd socket unit; empty: the
	// target.
	Name string
}

// socket is an inherited descriptor.
type socket struct {
	fd   int
	name string
	addr net.Addr
	old  bool // from the process before, which may still accept from it
}

// state is what a process has inherited, and what it can pass on. There is one in a process; tests make their own.
type state struct {
	once sync.Once
	err  error // of the environment

	mu       sync.Mutex
	given    []socket // that nobody has taken
	ready    int      // the descriptor on which the process before waits; -1 without
	passed   []passed
	starting bool // a Restart runs
	replaced bool // one has succeeded
}

// passed is a listener for the successor.
type passed struct {
	name string
	ln   net.Listener
}

var process = &state{ready: -1}

// ErrReplaced: this process has a successor, which is ready.
var ErrReplaced = errors.New("inherit: this process has a successor already")

// Listen is Config.Listen with the zero Config.
func Listen(target string) (net.Listener, error) {
	return Config{}.Listen(context.Background(), target)
}

// Listen listens at target, "host:port", "unix:/path" or "unix:@name". It takes over all sockets that this process inherited
// under Config.Name, or else those that are bound to the target's address, and makes one if there are none. The listener is
// for Reactor.Serve, and Restart passes it on; a port of 0 is the same port in the successor. The first call takes the
// variables of the protocol out of the environment: make it before anything starts another process. Any goroutine.
func (c Config) Listen(ctx context.Context, target string) (net.Listener, error) {
	return c.listen(ctx, process, target)
}

func (c Config) listen(ctx context.Context, p *state, target string) (net.Listener, error) {
	t, err := transports.ParseTarget(target)
	if err != nil {
		return nil, err
	}
	if err := p.load(); err != nil {
		return nil, err
	}
	name := c.Name
	if name == "" {
		name = t.String()
	}
	ln, err := c.open(ctx, t, p.take(name, t))
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.passed = append(p.passed, passed{name, ln})
	return ln, nil
}

// Names are the names of inherited sockets that nobody has taken yet.
func Names() ([]string, error) {
	if err := process.load(); err != nil {
		return nil, err
	}
	process.mu.Lock()
	defer process.mu.Unlock()
	var names []string
	for _, s := range process.given {
		names = append(names, s.name)
	}
	return names, nil
}

// take removes the sockets for a target from those that are there.
func (p *state) take(name string, t transports.Target) []socket {
	p.mu.Lock()
	defer p.mu.Unlock()
	got := p.takeIf(func(s *socket) bool { return s.name == name })
	if len(got) == 0 {
		got = p.takeIf(func(s *socket) bool { return bound(s.addr, t) })
	}
	return got
}

func (p *state) takeIf(ok func(*socket) bool) (got []socket) {
	var rest []socket
	for _, s := range p.given {
		if ok(&s) {
			got = append(got, s)
		} else {
			rest = append(rest, s)
		}
	}
	p.given = rest
	return got
}

// bound says whether a is what listening at t would be bound to.
func bound(a net.Addr, t transports.Target) bool {
	switch a := a.(type) {
	case *net.UnixAddr:
		return t.Network == "unix" && a.Name == t.Address
	case *net.TCPAddr:
		if t.Network != "tcp" {
			return false
		}
		host, port, err := net.SplitHostPort(t.Address)
		if err != nil {
			return false
		}
		n, err := net.LookupPort("tcp", port)
		if err != nil || n == 0 || n != a.Port {
			return false
		}
		ip := net.ParseIP(host)
		if host == "" || ip != nil && ip.IsUnspecified() {
			return a.IP.IsUnspecified()
		}
		return ip != nil && ip.Equal(a.IP)
	}
	return false
}
