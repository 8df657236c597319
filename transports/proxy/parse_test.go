package proxy_test

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/transports/proxy"
)

// sig begins version 2.
const sig = "\r\n\r\n\x00\r\nQUIT\n"

const (
	block4 = "\xc0\x00\x02\x01\xc6\x33\x64\x02\x30\x39\x01\xbb" // 192.0.2.1:12345 -> 198.51.100.2:443
	block6 = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x30\x39\x01\xbb"
)

func addr(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func pad(s string, n int) string { return s + strings.Repeat("\x00", n-len(s)) }

var good = []struct {
	name, text string
	want       proxy.Header
}{
	{"v1 IPv4", "PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n", proxy.Header{
		Version: 1, Family: proxy.TCP4, Source: addr("192.0.2.1:12345"), Destination: addr("198.51.100.2:443"),
	}},
	{"v1 longest IPv4", "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", proxy.Header{
		Version: 1, Family: proxy.TCP4, Source: addr("255.255.255.255:65535"), Destination: addr("255.255.255.255:65535"),
	}},
	{"v1 IPv6", "PROXY TCP6 2001:db8::1 2001:db8::2 0 443\r\n", proxy.Header{
		Version: 1, Family: proxy.TCP6, Source: addr("[2001:db8::1]:0"), Destination: addr("[2001:db8::2]:443"),
	}},
	{"v1 longest IPv6", "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n", proxy.Header{
		Version: 1, Family: proxy.TCP6, Source: addr("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"),
		Destination: addr("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"),
	}},
	{"v1 unknown", "PROXY UNKNOWN\r\n", proxy.Header{Version: 1}},
	{"v1 unknown, longest", "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n", proxy.Header{Version: 1}},
	{"v2 IPv4", sig + "\x21\x11\x00\x0c" + block4, proxy.Header{
		Version: 2, Family: proxy.TCP4, Source: addr("192.0.2.1:12345"), Destination: addr("198.51.100.2:443"),
	}},
	{"v2 UDP over IPv4", sig + "\x21\x12\x00\x0c" + block4, proxy.Header{
		Version: 2, Family: proxy.UDP4, Source: addr("192.0.2.1:12345"), Destination: addr("198.51.100.2:443"),
	}},
	{"v2 IPv6", sig + "\x21\x21\x00\x24" + block6, proxy.Header{
		Version: 2, Family: proxy.TCP6, Source: addr("[2001:db8::1]:12345"), Destination: addr("[2001:db8::2]:443"),
	}},
	{"v2 unix", sig + "\x21\x31\x00\xd8" + pad("/run/a", 108) + pad("\x00abstract", 108), proxy.Header{
		Version: 2, Family: proxy.UnixStream, SourcePath: "/run/a", DestinationPath: "\x00abstract",
	}},
	{"v2 unix, full paths", sig + "\x21\x32\x00\xd8" + strings.Repeat("a", 216), proxy.Header{
		Version: 2, Family: proxy.UnixDatagram, SourcePath: strings.Repeat("a", 108), DestinationPath: strings.Repeat("a", 108),
	}},
	{"v2 unknown", sig + "\x21\x00\x00\x00", proxy.Header{Version: 2}},
	{"v2 local", sig + "\x20\x00\x00\x00", proxy.Header{Version: 2, Command: proxy.Local}},
	{"v2 local, whose block is no block", sig + "\x20\x99\x00\x03abc", proxy.Header{Version: 2, Command: proxy.Local}},
	{"v2 TLVs", sig + "\x21\x11\x00\x26" + block4 + "\x01\x00\x02h2" + "\x04\x00\x01\x00" + "\x02\x00\x07a.local" + "\xea\x00\x04\x01vpc", proxy.Header{
		Version: 2, Family: proxy.TCP4, Source: addr("192.0.2.1:12345"), Destination: addr("198.51.100.2:443"),
		TLVs: []proxy.TLV{{proxy.TypeALPN, []byte("h2")}, {proxy.TypeAuthority, []byte("a.local")}, {0xea, []byte("\x01vpc")}},
	}},
	{"v2 TLVs of an unknown family", sig + "\x21\x00\x00\x05" + "\x05\x00\x02id", proxy.Header{
		Version: 2, TLVs: []proxy.TLV{{proxy.TypeUniqueID, []byte("id")}},
	}},
	// The checksum of this one was made by another implementation's table, bit by bit: see TestChecksum.
	{"v2 checksum", sig + "\x21\x11\x00\x13" + block4 + "\x03\x00\x04" + crcOf(sig+"\x21\x11\x00\x13"+block4+"\x03\x00\x04\x00\x00\x00\x00"), proxy.Header{
		Version: 2, Family: proxy.TCP4, Source: addr("192.0.2.1:12345"), Destination: addr("198.51.100.2:443"), Checksum: true,
	}},
}

// crcOf is CRC-32C (RFC 3720 appendix B.4), bit by bit.
func crcOf(s string) string {
	crc := ^uint32(0)
	for i := range len(s) {
		crc ^= uint32(s[i])
		for range 8 {
			crc = crc>>1 ^ 0x82f63b78&-(crc&1)
		}
	}
	crc = ^crc
	return string([]byte{byte(crc >> 24), byte(crc >> 16), byte(crc >> 8), byte(crc)})
}

func TestChecksum(t *testing.T) {
	t.Parallel()
	if got := hex.EncodeToString([]byte(crcOf("123456789"))); got != "e3069283" { // the check value of CRC-32C
		t.Errorf("the test's own CRC is wrong: %s", got)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range good {
		for n := range len(c.text) {
			if h, k, err := proxy.Parse([]byte(c.text[:n]), 0); k != 0 || err != nil {
				t.Errorf("%s, %d bytes of %d: %+v, %d, %v", c.name, n, len(c.text), h, k, err)
			}
		}
		for _, more := range []string{"", "x", "\r\n", c.text} {
			h, n, err := proxy.Parse([]byte(c.text+more), 0)
			if err != nil || n != len(c.text) || !reflect.DeepEqual(h, c.want) {
				t.Errorf("%s: %+v, %d of %d, %v", c.name, h, n, len(c.text), err)
			}
		}
	}
}

var bad = []struct{ name, text, why string }{
	{"nothing of the kind", "GET / HTTP/1.1\r\n", "no PROXY header"},
	{"lower case", "proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n", "no PROXY header"},
	{"TLS", "\x16\x03\x01\x02\x00", "no PROXY header"},
	{"a line end first", "\r\nPROXY UNKNOWN\r\n", "no PROXY header"},
	{"almost the signature", "\r\n\r\n\x00\r\nQUIT\r", "no PROXY header"},
	{"v1 unknown family", "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n", "family"},
	{"v1 no family", "PROXY \r\n", "family"},
	{"v1 too few fields", "PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n", "fields"},
	{"v1 no fields", "PROXY TCP4\r\n", "fields"},
	{"v1 too many fields", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n", "fields"},
	{"v1 two spaces", "PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n", "fields"},
	{"v1 a space at the end", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n", "fields"},
	{"v1 a tab", "PROXY TCP4 192.0.2.1\t198.51.100.2 1 2\r\n", "fields"},
	{"v1 IPv6 as TCP4", "PROXY TCP4 ::1 ::1 1 2\r\n", "address"},
	{"v1 IPv4 as TCP6", "PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n", "address"},
	{"v1 leading zeros", "PROXY TCP4 192.000.2.1 198.51.100.2 1 2\r\n", "address"},
	{"v1 a name", "PROXY TCP4 localhost 198.51.100.2 1 2\r\n", "address"},
	{"v1 bad destination", "PROXY TCP4 192.0.2.1 198.51.100.256 1 2\r\n", "address"},
	{"v1 a zone", "PROXY TCP6 fe80::1%1 fe80::2 1 2\r\n", "address"},
	{"v1 port too large", "PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n", "port"},
	{"v1 port of six digits", "PROXY TCP4 192.0.2.1 198.51.100.2 1 000002\r\n", "port"},
	{"v1 port with a zero", "PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n", "port"},
	{"v1 no port", "PROXY TCP4 192.0.2.1 198.51.100.2  2\r\n", "port"},
	{"v1 signed port", "PROXY TCP4 192.0.2.1 198.51.100.2 +1 2\r\n", "port"},
	{"v1 LF alone", "PROXY UNKNOWN\n", "CR without LF"},
	{"v1 CR alone", "PROXY UNKNOWN\rx", "CR without LF"},
	{"v1 108 bytes", "PROXY UNKNOWN " + strings.Repeat("x", 92) + "\r\n", "107"},
	{"v1 endless", "PROXY UNKNOWN " + strings.Repeat("x", 93), "107"},
	{"v2 version 1", sig + "\x11\x11\x00\x0c" + block4, "version number"},
	{"v2 version 3", sig + "\x31", "version number"},
	{"v2 command 2", sig + "\x22", "command"},
	{"v2 unknown family", sig + "\x21\x41\x00\x0c" + block4, "family"},
	{"v2 unknown transport", sig + "\x21\x13\x00\x0c" + block4, "family"},
	{"v2 inet without transport", sig + "\x21\x10\x00\x0c" + block4, "family"},
	{"v2 short IPv4", sig + "\x21\x11\x00\x0b" + block4, "too short"},
	{"v2 short IPv6", sig + "\x21\x21\x00\x23" + block6, "too short"},
	{"v2 short unix", sig + "\x21\x31\x00\xd7" + strings.Repeat("a", 216), "too short"},
	{"v2 TLV head cut", sig + "\x21\x11\x00\x0e" + block4 + "\x01\x00", "cut short"},
	{"v2 TLV too long", sig + "\x21\x11\x00\x10" + block4 + "\x01\x00\x02h", "longer than the header"},
	{"v2 checksum of 3 bytes", sig + "\x21\x11\x00\x12" + block4 + "\x03\x00\x03abc", "wrong size"},
	{"v2 wrong checksum", sig + "\x21\x11\x00\x13" + block4 + "\x03\x00\x04abcd", "wrong checksum"},
	{"v2 SSL too short", sig + "\x21\x00\x00\x07" + "\x20\x00\x04\x01\x00\x00\x00", "SSL"},
	{"v2 bad item in SSL", sig + "\x21\x00\x00\x09" + "\x20\x00\x06\x01\x00\x00\x00\x00\x21", "cut short"},
	{"v2 long unique ID", sig + "\x21\x00\x00\x84" + "\x05\x00\x81" + strings.Repeat("i", 129), "unique ID"},
	{"v2 too long", sig + "\x21\x11\x0f\xf1", "header too long"},
}

// A bad header is refused for the same reason however much of it has come, and before that nothing is said.
func TestParseBad(t *testing.T) {
	t.Parallel()
	for _, c := range bad {
		_, _, want := proxy.Parse([]byte(c.text), 0)
		var pe *proxy.Error
		if !errors.As(want, &pe) || !strings.Contains(want.Error(), c.why) {
			t.Errorf("%s: %v, want %q", c.name, want, c.why)
		}
		for n := range len(c.text) {
			if _, k, err := proxy.Parse([]byte(c.text[:n]), 0); k != 0 || err != nil && err != want {
				t.Errorf("%s, %d bytes: %d, %v", c.name, n, k, err)
			}
		}
	}
}

func TestParseMaxHeader(t *testing.T) {
	t.Parallel()
	text := []byte(sig + "\x21\x11\x00\x0c" + block4)
	if _, n, err := proxy.Parse(text, len(text)); n != len(text) || err != nil {
		t.Errorf("as long as allowed: %v", err)
	}
	if _, _, err := proxy.Parse(text[:16], len(text)-1); err != proxy.ErrTooLong {
		t.Errorf("one byte more: %v", err)
	}
	if _, n, err := proxy.Parse([]byte(sig+"\x21\x11\xff\xff"), 1<<20); n != 0 || err != nil {
		t.Errorf("the longest: %v", err)
	}
}

// An announced length costs nothing until the bytes are there.
func TestParseAllocatesNothing(t *testing.T) {
	text := []byte(sig + "\x21\x11\x0f\xf0" + block4)
	whole := []byte(sig + "\x21\x11\x00\x0c" + block4)
	if n := testing.AllocsPerRun(100, func() { proxy.Parse(text, 0); proxy.Parse(whole, 0) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSSL(t *testing.T) {
	t.Parallel()
	item := func(kind byte, v string) string { return string([]byte{kind, byte(len(v) >> 8), byte(len(v))}) + v }
	ssl := "\x03\x00\x00\x00\x00" + item(0x21, "TLSv1.3") + item(0x22, "client") + item(0x23, "AES") + item(0x24, "SHA256") + item(0x25, "RSA2048") + item(0x77, "?")
	all := item(0x20, ssl) + item(0x05, "id7")
	h, n, err := proxy.Parse([]byte(sig+"\x21\x00"+string([]byte{0, byte(len(all))})+all), 0)
	if err != nil || n == 0 {
		t.Fatal(err)
	}
	want := proxy.SSL{Client: proxy.SSLUsed | proxy.SSLCertConn, Verified: true, Version: "TLSv1.3", CommonName: "client", Cipher: "AES", SignatureAlgorithm: "SHA256", KeyAlgorithm: "RSA2048"}
	if got, ok := h.SSL(); !ok || got != want {
		t.Errorf("%+v", got)
	}
	if string(h.UniqueID()) != "id7" || h.ALPN() != "" || h.Authority() != "" {
		t.Errorf("%+v", h)
	}
	h.TLVs[0].Value[4] = 1
	if got, _ := h.SSL(); got.Verified {
		t.Error("a certificate that was not good is taken for one")
	}
	h.TLVs[0].Value[0], h.TLVs[0].Value[4] = 1, 0
	if got, _ := h.SSL(); got.Verified {
		t.Error("a client without a certificate is verified")
	}
	if _, ok := (&proxy.Header{}).SSL(); ok {
		t.Error("TLS out of nothing")
	}
}
