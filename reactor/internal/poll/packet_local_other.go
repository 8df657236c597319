//go:build !linux

package poll

import (
	"net"
	"net/netip"
)

// Elsewhere the system chooses the address that an answer comes from.

const oobSize = 0

func wantLocal(*net.UDPConn, bool) bool { return false }

func truncated(int) bool { return false }

func localOf([]byte, *Datagram) {}

func appendLocal(b []byte, _ netip.Addr, _ bool) []byte { return b }
