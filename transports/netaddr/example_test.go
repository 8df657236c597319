package netaddr_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/calandria-go/calandria/transports/netaddr"
)

func ExampleParse() {
	text := "; a list\n192.0.2.0/24 ; SBL123\n198.51.100.7 # one address\n203.0.113.10-203.0.113.19\n2001:db8::/32\nexample.com\n"
	set, report, err := netaddr.Parse(strings.NewReader(text), netaddr.ParseConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set.Contains(netip.MustParseAddr("192.0.2.99")), set.Contains(netip.MustParseAddr("203.0.113.20")))
	fmt.Println(report.BadLines, &report.Bad[0])
	// Output:
	// true false
	// 1 netaddr: line 6: "example.com": neither an IP address, a network nor a range
}

// A list that is replaced while it is used. Rename a new file into its place, so that nobody reads half of it.
func ExampleList() {
	dir, _ := os.MkdirTemp("", "netaddr")
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "drop.txt")
	os.WriteFile(path, []byte("192.0.2.0/24 ; SBL123\n"), 0o600)

	list, err := netaddr.NewList(netaddr.ListConfig{Files: []string{path}}) // looked at every 5 s
	if err != nil {
		fmt.Println(err)
		return
	}
	defer list.Close()
	addr := netip.MustParseAddr("192.0.2.1")
	fmt.Println(list.Contains(addr))

	os.WriteFile(path+".new", []byte("198.51.100.0/24\n"), 0o600)
	os.Rename(path+".new", path)
	fmt.Println(list.Reload(), list.Contains(addr))
	// Output:
	// true
	// <nil> false
}

func ExampleParseMAC() {
	m, err := netaddr.ParseMAC("00-00-5E-00-53-01")
	fmt.Println(m, m.Format("."), m.IsLocal(), err)
	_, err = netaddr.ParseMAC("00:00:5e:00:53")
	fmt.Println(err)
	// Output:
	// 00:00:5e:00:53:01 0000.5e00.5301 false <nil>
	// netaddr: not a MAC address
}

func ExampleInterfaces() {
	all, err := netaddr.Interfaces()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, i := range all {
		if i.Kind == netaddr.Loopback {
			fmt.Println(i.Kind, i.Addrs[0])
		}
	}
	// Output: loopback 127.0.0.1/8
}
