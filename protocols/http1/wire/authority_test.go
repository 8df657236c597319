package wire

import (
	"net/netip"
	"strings"
	"testing"
)

// TestHostSyntax: RFC 9110 7.2, RFC 3986 3.2.2.
func TestHostSyntax(t *testing.T) {
	for _, c := range []struct {
		in   string
		port int
	}{
		{"h", -1},
		{"example.com", -1},
		{"example.com.", -1},
		{"EXAMPLE.com:80", 80},
		{"h:", -1},
		{"h:0", 0},
		{"h:65535", 65535},
		{"h:00080", 80},
		{"127.0.0.1:8080", 8080},
		{"999.999.999.999", -1}, // a reg-name
		{"a_b~c-d!$&'()*+;=", -1},
		{"%41%c3%A9.x", -1},
		{"xn--bcher-kva.example", -1},
		{"[::]", -1},
		{"[::1]:443", 443},
		{"[::1]:", -1},
		{"[2001:db8::8:800:200C:417A]", -1},
		{"[::ffff:192.0.2.1]", -1},
	} {
		if port, ok := parseAuthority([]byte(c.in)); !ok || port != c.port {
			t.Errorf("%q: %d, %v", c.in, port, ok)
		}
	}
	for _, in := range []string{
		"", ":", ":80", "@h", "u@h", "h@", "h:+1", "h:-1", "h:1e3", "h:65536", "h:000080", "h:80:", "h: 80", " h",
		"h ", "a b", "a,b", "a/b", "a?b", "a#b", "a\\b", "a\"b", "<a>", "a|b", "a^b", "`", "{a}", "a[", "[a", "a]",
		"%", "%4", "%4g", "a%", "h\x00", "h\x7f", "h\x80", "\xff", "h\t", "[]", "[::1", "::1", "[::1]a", "[::1]80",
		"[::1]]", "[[::1]]", "[::1%25lo]", "[::1%lo]", "[v1.x]", "[1.2.3.4]", "[::1 ]", "[h]:80",
	} {
		if port, ok := parseAuthority([]byte(in)); ok {
			t.Errorf("%q: %d", in, port)
		}
	}
}

// TestIPv6 compares with net/netip over addresses that are put together from all
// kinds of parts.
func TestIPv6(t *testing.T) {
	parts := []string{
		"", ":", "::", "0", "1:", ":1", "ffff", "fffff", "12:34", "g", ".", "1.2.3.4", "1.2.3.256",
		"01.2.3.4", "1.2.3", "255.255.255.255", "1:2:3:4:5:6", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8", "::1:2:3:4:5:6:7",
	}
	check := func(s string) {
		addr, err := netip.ParseAddr(s)
		want := err == nil && addr.Is6()
		if got := validIPv6([]byte(s)); got != want {
			t.Errorf("%q: %v, netip %v", s, got, want)
		}
	}
	n := 0
	for _, a := range parts {
		for _, b := range parts {
			for _, c := range parts {
				check(a + b + c)
				check(a + ":" + b + ":" + c)
				n += 2
			}
		}
	}
	for _, a := range []string{
		"1.2.3.4", "0.0.0.0", "255.255.255.255", "1.2.3", "1.2.3.4.5", "1..3.4", "256.1.1.1",
		"00.1.1.1", "1.1.1.1 ", "", ".", "1.1.1.", "1.1.1.1000", "a.1.1.1", strings.Repeat("1.", 10),
	} {
		_, err := netip.ParseAddr(a)
		if got := validIPv4([]byte(a)); got != (err == nil) {
			t.Errorf("%q: %v, netip %v", a, got, err)
		}
	}
	t.Logf("%d addresses", n)
}
