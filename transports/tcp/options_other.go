//go:build !linux

package tcp

// canReusePort is false: other systems have SO_REUSEPORT, or something near it, without the spreading.
const canReusePort = false

// options has package net's to add to: what a connection needs is set on each that is accepted.
func (c *Config) options(fd int) error {
	if c.Control != nil {
		return c.Control(fd)
	}
	return nil
}

func (c *Config) inherited(int) error { return nil }

func (c *Config) relisten(int) error { return nil }

func stream(int, bool, KeepAlive, int, int) error { return nil }
