package access

import (
	"errors"
	"net/netip"
	"testing"
)

// malformed are targets that no form allows: each would be something else to some resolver, parser or shell.
var malformed = []string{
	// IPv4 in forms that inet_aton(3) takes.
	"tcp://0177.0.0.1:80", "tcp://0x7f.0.0.1:80", "tcp://0x7f000001:80", "tcp://2130706433:80", "tcp://017700000001:80",
	"tcp://127.1:80", "tcp://127.0.1:80", "tcp://127.0.0.01:80", "tcp://127.0.0.1.:80", "tcp://0:80", "tcp://0x0:80", "tcp://00000000000:80",
	"tcp://169.254.43518:80", "tcp://0xa9fea9fe:80", "tcp://2852039166:80", "tcp://0251.0376.0251.0376:80", "tcp://169.254.169.0xfe:80",
	"tcp://10.0.0.256:80", "tcp://256.0.0.1:80", "tcp://1.2.3.4.5:80", "tcp://1.2.3:80", "tcp://1..2:80", "tcp://127.0.0.1e0:80.",
	"tcp://4294967296:80", "tcp://-1:80", "tcp://+127.0.0.1:80", "tcp://127.0.0.1%00:80", "tcp://foo.0x7f:80", "tcp://foo.1:80", "tcp://foo.0X7F:80",
	"tcp://0x:80", "tcp://a.b.0x:80",
	// IPv4 inside IPv6, zones, and other forms of brackets.
	"tcp://[::ffff:127.0.0.1]:80", "tcp://[::ffff:7f00:1]:80", "tcp://[0:0:0:0:0:ffff:127.0.0.1]:80", "tcp://[::ffff:169.254.169.254]:80",
	"tcp://[fe80::1%eth0]:80", "tcp://[fe80::1%25eth0]:80", "tcp://[::1%lo]:80", "tcp://[::1%25lo]:80", "tcp://[fe80::1%]:80",
	"tcp://[127.0.0.1]:80", "tcp://[localhost]:80", "tcp://[]:80", "tcp://[::1:80", "tcp://::1:80", "tcp://::1]:80", "tcp://[[::1]]:80",
	"tcp://[::1]80", "tcp://[::1]:", "tcp://[::1]", "tcp://[:::1]:80", "tcp://[1::2::3]:80", "tcp://[v1.fe80::1]:80", "tcp://[::1].example:80",
	"tcp://[::1]:80:81", "tcp://[::g]:80", "tcp://[00000::1]:80", "tcp://[0x1::]:80",
	// User, path, query, fragment.
	"tcp://user@127.0.0.1:80", "tcp://user:pw@example.org:80", "tcp://example.org@127.0.0.1:80", "tcp://127.0.0.1:80@example.org:80",
	"tcp://127.0.0.1:80@example.org", "tcp://example.org:80/", "tcp://example.org:80/x", "tcp://example.org:80?x", "tcp://example.org:80#x",
	"tcp://example.org/:80", "tcp://example.org\\@127.0.0.1:80", "tcp://example.org#@127.0.0.1:80", "tcp://example.org?@127.0.0.1:80", "http://a:80/../",
	"http://a:80//b:80", "tcp://a,b:80", "tcp://a;b:80", "tcp://a|b:80", "tcp://$(x):80", "tcp://`x`:80", "tcp://*:80", "tcp://a&b:80",
	// Line breaks, blanks, controls, escapes, other scripts.
	"tcp://example.org:80\r\nX: y", "tcp://example.org\r\n:80", "tcp://example.org\n:80", "tcp://example.org:80\n", "tcp://example.org:80\x00",
	"tcp://exam\x00ple.org:80", "tcp://127.0.0.1\x00.example.org:80", " tcp://example.org:80", "tcp://example.org:80 ", "tcp:// example.org:80",
	"tcp://example .org:80", "tcp://example.org :80", "tcp://example.org: 80", "tcp://\texample.org:80", "tcp://example%2eorg:80",
	"tcp://%31%32%37.0.0.1:80", "tcp://127%2e0.0.1:80", "tcp://localhost%23:80", "tcp://１２７.0.0.1:80", "tcp://127。0。0。1:80", "tcp://ⓛocalhost:80",
	"tcp://ex\u00adample.org:80", "tcp://\u202eexample.org:80", "tcp://exämple.org:80", "tcp://example.org\u2028:80", "tcp://\x7f:80",
	// Names that are none.
	"tcp://:80", "tcp://.:80", "tcp://..:80", "tcp://.example.org:80", "tcp://example..org:80", "tcp://-a.example:80", "tcp://a-.example:80",
	"tcp://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:80", "tcp://example.org..:80", "tcp://~:80", "tcp://a'b:80", "tcp://\"a\":80",
	// Ports.
	"tcp://example.org", "tcp://example.org:", "tcp://example.org:0", "tcp://example.org:65536", "tcp://example.org:99999999999", "tcp://example.org:-1",
	"tcp://example.org:+80", "tcp://example.org:080", "tcp://example.org:0x50", "tcp://example.org:80.0", "tcp://example.org:http", "tcp://example.org:８０",
	"tcp://example.org:80:80", "tcp://example.org:1e2",
	// Schemes and sockets.
	"", "example.org:80", "//example.org:80", "TCP://example.org:80", "tcp:example.org:80", "tcp:/example.org:80", "tcp:///example.org:80", "ftp://example.org:80",
	"gopher://127.0.0.1:6379", "file:///etc/passwd", "https://example.org:443", "ws://example.org:80", "dict://a:80", "javascript:alert(1)", "tcp4://a:80",
	"unix:", "unix:relative", "unix:./x", "unix://", "unix:@abstract", "unix:/a/../b", "unix:/..", "unix:/a/..", "unix:/a\x00b", "unix:/a b", "unix:/a%2e%2e/b", "unix:/a\nb",
}

// reservedAddrs are addresses that may not be dialed unless they are configured.
var reservedAddrs = []string{
	"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1", "127.0.0.2", "127.255.255.255",
	"169.254.0.1", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1",
	"192.168.0.1", "192.168.255.255", "192.175.48.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
	"::", "::1", "::2", "::7f00:1", "::127.0.0.1", "::169.254.169.254", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:0", "::ffff:c0a8:1",
	"64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::a00:1", "64:ff9b:1::7f00:1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:2::1", "2001:db8::1", "2001:10::1", "2002:7f00:1::", "2002:a9fe:a9fe::",
	"2002:a00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd00::1", "fd00:ec2::254", "fdff:ffff::1", "fe80::1", "febf::1", "fec0::1", "ff02::1", "ff0e::1",
	"fe80::1%eth0", "::1%lo", "2606:4700::1111%eth0",
}

// TestForbidden: not one row of the table passes.
func TestForbidden(t *testing.T) {
	if n := len(malformed) + len(reservedAddrs); n < 200 {
		t.Fatalf("the table has %d rows", n)
	}
	for _, s := range malformed {
		got, err := ParseTarget(s)
		if err == nil {
			t.Errorf("%q is taken, as %v", s, got)
		} else if !errors.Is(err, ErrTarget) {
			t.Errorf("%q: %v", s, err)
		}
	}
	var none Targets
	for _, s := range reservedAddrs {
		if err := none.Check(netip.AddrPortFrom(netip.MustParseAddr(s), 80)); !errors.Is(err, ErrForbidden) {
			t.Errorf("%s may be dialed: %v", s, err)
		}
	}
	if none.Check(netip.AddrPort{}) == nil || none.Check(netip.MustParseAddrPort("1.1.1.1:0")) == nil {
		t.Error("no address, or no port, may be dialed")
	}
}

// TestAllowed: what is on the Internet may be dialed, and what is configured, and nothing beside it.
func TestAllowed(t *testing.T) {
	var none Targets
	for _, s := range []string{"1.1.1.1", "8.8.8.8", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.0", "169.253.0.1", "2606:4700::1111", "2a00:1450::1", "::ffff:1.1.1.1"} {
		if err := none.Check(netip.AddrPortFrom(netip.MustParseAddr(s), 443)); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	some := Targets{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("127.0.0.1/32")}, Ports: []uint16{80}}
	for s, want := range map[string]bool{
		"10.1.2.3:80": true, "10.2.0.1:80": false, "127.0.0.1:80": true, "127.0.0.2:80": false, "10.1.2.3:81": false, "1.1.1.1:81": false,
		"[::ffff:10.1.2.3]:80": true, "169.254.1.1:80": true, "169.254.169.254:80": false, "169.254.170.2:80": false,
	} {
		if err := some.Check(netip.MustParseAddrPort(s)); (err == nil) != want {
			t.Errorf("%s: %v", s, err)
		}
	}
	exact := Targets{Allow: []netip.Prefix{netip.MustParsePrefix("169.254.169.254/32")}}
	if err := exact.Check(netip.MustParseAddrPort("169.254.169.254:80")); err != nil {
		t.Error(err)
	}
}

func TestParseTarget(t *testing.T) {
	for s, want := range map[string]Target{
		"tcp://127.0.0.1:3000":     {Scheme: "tcp", Addr: netip.MustParseAddr("127.0.0.1"), Port: 3000},
		"http://Example.ORG:80":    {Scheme: "http", Host: "example.org", Port: 80},
		"udp://[2001:db8::1]:53":   {Scheme: "udp", Addr: netip.MustParseAddr("2001:db8::1"), Port: 53},
		"unix:/run/x.sock":         {Scheme: "unix", Path: "/run/x.sock"},
		"unix:///run/x.sock":       {Scheme: "unix", Path: "/run/x.sock"},
		"tcp://localhost:65535":    {Scheme: "tcp", Host: "localhost", Port: 65535},
		"tcp://a_b.example.:80":    {Scheme: "tcp", Host: "a_b.example.", Port: 80},
		"tcp://xn--bcher-kva.de:1": {Scheme: "tcp", Host: "xn--bcher-kva.de", Port: 1},
	} {
		got, err := ParseTarget(s)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v", s, got, err)
		}
		if again, err := ParseTarget(got.String()); err != nil || again != got {
			t.Errorf("%q again: %+v, %v", got.String(), again, err)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, s := range malformed {
		f.Add(s)
	}
	f.Add("tcp://localhost:80")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseTarget(s)
		if err != nil {
			return
		}
		if again, err := ParseTarget(got.String()); err != nil || again != got {
			t.Errorf("%q is %+v, and again %+v, %v", s, got, again, err)
		}
		if got.Addr.IsValid() && (got.Addr.Zone() != "" || got.Addr.Is4In6()) {
			t.Errorf("%q: %v", s, got.Addr)
		}
	})
}
