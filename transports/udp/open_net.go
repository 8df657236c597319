//go:build !linux || portable

package udp

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

const sharding = false

// open makes one socket by package net.
func open(c *Config, ap netip.AddrPort) (*Socket, error) {
	lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
		if c.Control == nil {
			return nil
		}
		var err error
		if cerr := rc.Control(func(fd uintptr) { err = c.Control(int(fd)) }); cerr != nil {
			return cerr
		}
		return err
	}}
	pc, err := lc.ListenPacket(context.Background(), c.network(), portString(ap))
	if err != nil {
		return nil, err
	}
	u := pc.(*net.UDPConn)
	if c.ReadBuffer > 0 {
		err = u.SetReadBuffer(c.ReadBuffer)
	}
	if c.WriteBuffer > 0 && err == nil {
		err = u.SetWriteBuffer(c.WriteBuffer)
	}
	if err != nil {
		u.Close()
		return nil, err
	}
	return &Socket{fd: -1, pc: u}, nil
}

func localAddr(s *Socket) net.Addr {
	if s.pc == nil {
		return &net.UDPAddr{}
	}
	return s.pc.LocalAddr()
}

func closeSocket(s *Socket) {
	if s.pc != nil {
		s.pc.Close()
		s.pc = nil
	}
}

func portString(ap netip.AddrPort) string {
	host := ""
	if ap.Addr().IsValid() {
		host = ap.Addr().String()
	}
	return net.JoinHostPort(host, strconv.Itoa(int(ap.Port())))
}
