//go:build !linux || portable

package tcp

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// open makes one listening socket by package net.
func open(c *Config, ap netip.AddrPort) (net.Listener, error) {
	host := ""
	if ap.Addr().IsValid() {
		host = ap.Addr().String()
	}
	lc := net.ListenConfig{
		KeepAlive: -1, // shard.Accept sets all of it
		Control: func(_, _ string, rc syscall.RawConn) error {
			return control(rc, c.options)
		},
	}
	lc.SetMultipathTCP(false)
	ln, err := lc.Listen(context.Background(), c.Network, net.JoinHostPort(host, strconv.Itoa(int(ap.Port()))))
	if err != nil {
		return nil, err
	}
	rc, err := ln.(*net.TCPListener).SyscallConn()
	if err == nil {
		err = control(rc, c.relisten)
	}
	if err != nil {
		ln.Close()
		return nil, err
	}
	return ln, nil
}

func control(rc syscall.RawConn, f func(fd int) error) error {
	var err error
	if cerr := rc.Control(func(fd uintptr) { err = f(int(fd)) }); cerr != nil {
		return cerr
	}
	return err
}

// adopt sets what can be set on a listener that exists.
func adopt(c *Config, t *net.TCPListener) (net.Listener, error) {
	rc, err := t.SyscallConn()
	if err != nil {
		return nil, err
	}
	if err := control(rc, c.inherited); err != nil {
		return nil, err
	}
	return t, control(rc, c.relisten)
}
