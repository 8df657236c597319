package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/calandria-go/calandria/transports/netaddr"
)

func init() {
	register(command{"ifaces", "", "print this machine's interfaces, their addresses, and the address of the default route", ifaces})
}

// iface is what -json prints of an interface.
type iface struct {
	Name     string   `json:"name"`
	Index    int      `json:"index"`
	Kind     string   `json:"kind"`
	MAC      string   `json:"mac,omitempty"`
	Addrs    []string `json:"addrs"`
	MTU      int      `json:"mtu"`
	Flags    string   `json:"flags"`
	Gateways []string `json:"gateways,omitempty"`
	Speed    int      `json:"mbit_per_second,omitempty"`
}

func ifaces(_ context.Context, e *env, args []string) error {
	fs := e.flags("ifaces")
	if _, err := parse(fs, args, 0, 0); err != nil {
		return err
	}
	all, err := netaddr.Interfaces()
	if err != nil {
		return err
	}
	out := struct {
		Default    string  `json:"default,omitempty"`
		Interfaces []iface `json:"interfaces"`
	}{Interfaces: []iface{}}
	if addr, err := netaddr.DefaultAddr("ip"); err == nil { // else there is no way out
		out.Default = addr.String()
	}
	for _, i := range all {
		x := iface{Name: i.Name, Index: i.Index, Kind: i.Kind.String(), Addrs: []string{}, MTU: i.MTU, Flags: i.Flags.String(), Speed: i.Speed}
		if i.MAC != (netaddr.MAC{}) {
			x.MAC = i.MAC.String()
		}
		for _, a := range i.Addrs {
			x.Addrs = append(x.Addrs, a.String())
		}
		for _, g := range i.Gateways {
			x.Gateways = append(x.Gateways, g.String())
		}
		out.Interfaces = append(out.Interfaces, x)
	}
	if e.json {
		return writeJSON(e.out, out)
	}
	for _, x := range out.Interfaces {
		fmt.Fprintf(e.out, "%d %s: %s, mtu %d, %s\n", x.Index, x.Name, x.Kind, x.MTU, strings.ReplaceAll(x.Flags, "|", " "))
		if x.MAC != "" {
			fmt.Fprintf(e.out, "    mac %s\n", x.MAC)
		}
		for _, a := range x.Addrs {
			fmt.Fprintf(e.out, "    %s\n", a)
		}
		for _, g := range x.Gateways {
			fmt.Fprintf(e.out, "    via %s\n", g)
		}
	}
	if out.Default != "" {
		fmt.Fprintf(e.out, "default %s\n", out.Default)
	}
	return nil
}
