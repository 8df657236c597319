package proxy_test

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/transports/proxy"
)

func TestAppendV1(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ src, dst, want string }{
		{"192.0.2.1:12345", "198.51.100.2:443", "PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n"},
		{"[2001:db8::1]:1", "[2001:db8::2]:2", "PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n"},
		{"[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:2", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"},
		{"[::ffff:192.0.2.1]:1", "[2001:db8::2]:2", "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n"},
		{"[fe80::1%eth0]:1", "[fe80::2]:2", "PROXY TCP6 fe80::1 fe80::2 1 2\r\n"},
		{"192.0.2.1:1", "[2001:db8::2]:2", ""},
	} {
		b, err := proxy.AppendV1([]byte("before"), addr(c.src), addr(c.dst))
		if got := string(b[6:]); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s %s: %q, %v", c.src, c.dst, got, err)
		}
		if err == nil {
			if h, n, err := proxy.Parse(b[6:], 0); err != nil || n != len(b)-6 || h.Source.Port() != addr(c.src).Port() {
				t.Errorf("%q: %v", b, err)
			}
		}
	}
	if b, err := proxy.AppendV1(nil, netip.AddrPort{}, netip.AddrPort{}); string(b) != "PROXY UNKNOWN\r\n" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := proxy.AppendV1(nil, addr("192.0.2.1:1"), netip.AddrPort{}); err == nil {
		t.Error("half a pair of addresses")
	}
}

// What the encoder writes is what the parser reads, and the other way round.
func TestAppendV2(t *testing.T) {
	t.Parallel()
	for _, c := range good {
		if c.want.Version != 2 {
			continue
		}
		for _, sum := range []bool{false, true} {
			want := c.want
			want.Checksum = sum && want.Command == proxy.Proxied
			b, err := proxy.AppendV2([]byte("before"), &want)
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			h, n, err := proxy.Parse(b[6:], 0)
			if err != nil || n != len(b)-6 || !reflect.DeepEqual(h, want) {
				t.Errorf("%s: %+v, %d of %d, %v", c.name, h, n, len(b)-6, err)
			}
			if !sum && string(b[6:]) != c.text && !strings.Contains(c.text, "\x04\x00\x01\x00") && !c.want.Checksum && c.want.Command == proxy.Proxied {
				t.Errorf("%s: %q, want %q", c.name, b[6:], c.text)
			}
		}
	}
}

func TestAppendV2Families(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		h    proxy.Header
		want proxy.Family
	}{
		{proxy.Header{Source: addr("192.0.2.1:1"), Destination: addr("192.0.2.2:2")}, proxy.TCP4},
		{proxy.Header{Source: addr("[2001:db8::1]:1"), Destination: addr("[2001:db8::2]:2")}, proxy.TCP6},
		{proxy.Header{Source: addr("[::ffff:192.0.2.1]:1"), Destination: addr("192.0.2.2:2")}, proxy.TCP4},
		{proxy.Header{Family: proxy.TCP6, Source: addr("192.0.2.1:1"), Destination: addr("192.0.2.2:2")}, proxy.TCP6},
		{proxy.Header{Family: proxy.UDP6, Source: addr("[::1]:1"), Destination: addr("[::1]:2")}, proxy.UDP6},
	} {
		b, err := proxy.AppendV2(nil, &c.h)
		if err != nil {
			t.Errorf("%+v: %v", c.h, err)
			continue
		}
		h, _, err := proxy.Parse(b, 0)
		if err != nil || h.Family != c.want || h.Source.Addr().Unmap() != c.h.Source.Addr().Unmap() || h.Destination.Port() != 2 {
			t.Errorf("%+v: %+v, %v", c.h, h, err)
		}
	}
}

func TestAppendV2Refuses(t *testing.T) {
	t.Parallel()
	a4, b4, a6 := addr("192.0.2.1:1"), addr("192.0.2.2:2"), addr("[2001:db8::1]:1")
	for name, h := range map[string]proxy.Header{
		"two families":    {Source: a4, Destination: a6},
		"IPv6 as TCP4":    {Family: proxy.TCP4, Source: a6, Destination: a6},
		"no addresses":    {Family: proxy.TCP4},
		"one address":     {Source: a4},
		"unknown family":  {Family: 99, Source: a4, Destination: b4},
		"unknown command": {Command: 7, Source: a4, Destination: b4},
		"long path":       {Family: proxy.UnixStream, SourcePath: strings.Repeat("a", 109)},
		"own checksum":    {Source: a4, Destination: b4, TLVs: []proxy.TLV{{proxy.TypeCRC32C, make([]byte, 4)}}},
		"long unique ID":  {TLVs: []proxy.TLV{{proxy.TypeUniqueID, make([]byte, 129)}}},
		"long TLV":        {TLVs: []proxy.TLV{{0xe0, make([]byte, 1<<16)}}},
		"too long in all": {TLVs: []proxy.TLV{{0xe0, make([]byte, 1<<15)}, {0xe1, make([]byte, 1<<15)}}},
		"with its sum":    {Checksum: true, TLVs: []proxy.TLV{{0xe0, make([]byte, 65535-3-6)}}},
	} {
		b, err := proxy.AppendV2([]byte("before"), &h)
		if err == nil || string(b) != "before" {
			t.Errorf("%s: %.40q, %v", name, b, err)
		}
	}
	if b, err := proxy.AppendV2(nil, &proxy.Header{TLVs: []proxy.TLV{{0xe0, make([]byte, 65535-3)}}}); err != nil || len(b) != 16+65535 {
		t.Errorf("the longest header: %d, %v", len(b), err)
	}
}

func TestClone(t *testing.T) {
	t.Parallel()
	h := &proxy.Header{TLVs: []proxy.TLV{{proxy.TypeALPN, []byte("h2")}}}
	c := h.Clone()
	h.TLVs[0].Value[0] = 'x'
	if c.ALPN() != "h2" {
		t.Error("a clone shares its bytes")
	}
}
