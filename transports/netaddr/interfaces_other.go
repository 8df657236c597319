//go:build !linux

package netaddr

import (
	"net"
	"net/netip"
)

func describe(i net.Interface) (Kind, int) { return kindByFlags(i.Flags), 0 }

func gateways() map[string][]netip.Addr { return nil }

func sourceAddr(to netip.Addr) (netip.Addr, error) { return askNet(to) }
