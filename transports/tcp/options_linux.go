package tcp

import (
	"os"

	"golang.org/x/sys/unix"
)

const canReusePort = true

// options sets what accepted sockets inherit, and what has to be set before bind.
func (c *Config) options(fd int) error {
	if err := c.inherited(fd); err != nil {
		return err
	}
	if err := set(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	if c.ReusePort {
		if err := set(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return err
		}
	}
	if c.Control != nil {
		return c.Control(fd)
	}
	return nil
}

// inherited sets the options that every accepted socket has from its listener.
func (c *Config) inherited(fd int) error {
	if err := stream(fd, c.Nagle, c.KeepAlive, c.ReadBuffer, c.WriteBuffer); err != nil {
		return err
	}
	if c.DeferAccept > 0 {
		return set(fd, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, seconds(c.DeferAccept))
	}
	return nil
}

// stream sets the options of a connection, or of the listener that hands them on.
func stream(fd int, nagle bool, keep KeepAlive, rcv, snd int) error {
	k := keep.config()
	type option struct{ level, name, value int }
	all := []option{
		{unix.IPPROTO_TCP, unix.TCP_NODELAY, flag(!nagle)},
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, flag(k.Enable)},
	}
	if k.Enable {
		all = append(all,
			option{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, seconds(k.Idle)},
			option{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, seconds(k.Interval)},
			option{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, k.Count})
	}
	if rcv > 0 {
		all = append(all, option{unix.SOL_SOCKET, unix.SO_RCVBUF, rcv})
	}
	if snd > 0 {
		all = append(all, option{unix.SOL_SOCKET, unix.SO_SNDBUF, snd})
	}
	for _, o := range all {
		if err := set(fd, o.level, o.name, o.value); err != nil {
			return err
		}
	}
	return nil
}

func flag(on bool) int {
	if on {
		return 1
	}
	return 0
}

func set(fd, level, name, value int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, level, name, value))
}

// relisten changes the backlog of a socket that listens already.
func (c *Config) relisten(fd int) error {
	if c.Backlog <= 0 {
		return nil
	}
	return os.NewSyscallError("listen", unix.Listen(fd, c.Backlog))
}
