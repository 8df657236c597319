package proxy

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"net/netip"
	"strings"
)

const (
	// maxV1 is the longest line of version 1, its end included.
	maxV1  = 107
	prefix = "PROXY "
	// signature begins version 2: no protocol of text begins so.
	signature = "\r\n\r\n\x00\r\nQUIT\n"
	v2Head    = len(signature) + 4
	// DefaultMaxHeader bounds a header of version 2 unless something else is said.
	DefaultMaxHeader = 4 << 10
)

// Parse reads the header at the beginning of b, which may have more behind it. n is the header's length, and 0 if b is a part
// of one: ask again with more. maxHeader bounds a header of version 2, all of it; 0: DefaultMaxHeader. It says so from the
// first 16 bytes on, and what is not a header is ErrNoHeader from the first byte on that differs. It does no I/O and keeps
// no state; an unfinished header is not looked at but for its length, so that asking for each byte costs little.
func Parse(b []byte, maxHeader int) (h Header, n int, err error) {
	if maxHeader <= 0 {
		maxHeader = DefaultMaxHeader
	}
	switch {
	case len(b) == 0:
		return h, 0, nil
	case begins(b, prefix):
		return parseV1(b)
	case begins(b, signature):
		return parseV2(b, maxHeader)
	}
	return h, 0, ErrNoHeader
}

// begins says whether b begins with s, as far as it goes.
func begins(b []byte, s string) bool {
	n := min(len(b), len(s))
	return string(b[:n]) == s[:n]
}

// parseV1 reads a line of text (section 2.1).
func parseV1(b []byte) (h Header, n int, err error) {
	line := b[:min(len(b), maxV1)]
	cr := bytes.IndexAny(line, "\r\n")
	switch {
	case cr < 0 && len(b) >= maxV1, cr == maxV1-1:
		return h, 0, errV1Long
	case cr < 0:
		return h, 0, nil
	case line[cr] == '\n':
		return h, 0, errV1End
	case cr+1 == len(line):
		return h, 0, nil
	case line[cr+1] != '\n':
		return h, 0, errV1End
	}
	h.Version = 1
	if err := h.parseLine(string(line[:cr])); err != nil {
		return Header{}, 0, err
	}
	return h, cr + 2, nil
}

func (h *Header) parseLine(line string) error {
	family, rest, spaced := strings.Cut(line[min(len(prefix), len(line)):], " ")
	switch family {
	case "UNKNOWN":
		return nil // whatever follows
	case "TCP4":
		h.Family = TCP4
	case "TCP6":
		h.Family = TCP6
	default:
		return errV1Family
	}
	f := strings.Split(rest, " ")
	if !spaced || len(f) != 4 {
		return errV1Fields
	}
	src, err := parseAddr(f[0], h.Family)
	if err != nil {
		return err
	}
	dst, err := parseAddr(f[1], h.Family)
	if err != nil {
		return err
	}
	sport, ok := parsePort(f[2])
	dport, ok2 := parsePort(f[3])
	if !ok || !ok2 {
		return errV1Port
	}
	h.Source, h.Destination = netip.AddrPortFrom(src, sport), netip.AddrPortFrom(dst, dport)
	return nil
}

func parseAddr(s string, f Family) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" || a.Is4() != (f == TCP4) {
		return a, errV1Address
	}
	return a, nil
}

// parsePort takes 0 to 65535 in decimal, without leading zeros.
func parsePort(s string) (uint16, bool) {
	if len(s) == 0 || len(s) > 5 || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	v := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		v = v*10 + int(s[i]-'0')
	}
	return uint16(v), v <= 65535
}

// parseV2 reads the binary form (section 2.2).
func parseV2(b []byte, maxHeader int) (h Header, n int, err error) {
	if len(b) > len(signature) {
		switch c := b[len(signature)]; {
		case c>>4 != 2:
			return h, 0, errVersion
		case c&15 > 1:
			return h, 0, errCommand
		}
	}
	if len(b) < v2Head {
		return h, 0, nil
	}
	n = v2Head + int(b[14])<<8 + int(b[15])
	switch {
	case n > maxHeader:
		return h, 0, ErrTooLong
	case len(b) < n:
		return h, 0, nil
	}
	h.Version = 2
	if b[12]&15 == 0 {
		h.Command = Local // the rest is to be thrown away, whatever it is
		return h, n, nil
	}
	if err := h.parseBlock(b[:n:n]); err != nil {
		return Header{}, 0, err
	}
	return h, n, nil
}

// families are the second byte's values, and how long the addresses of each are.
var families = map[byte]struct {
	family Family
	size   int
}{
	0x00: {Unknown, 0}, 0x11: {TCP4, 12}, 0x12: {UDP4, 12}, 0x21: {TCP6, 36}, 0x22: {UDP6, 36},
	0x31: {UnixStream, 216}, 0x32: {UnixDatagram, 216},
}

// parseBlock reads the whole header b.
func (h *Header) parseBlock(b []byte) error {
	f, ok := families[b[13]]
	if !ok {
		return errFamily
	}
	h.Family = f.family
	p := b[v2Head:]
	if len(p) < f.size {
		return errShort
	}
	switch f.size {
	case 12:
		h.Source = addrPort4(p[0:4], p[8:10])
		h.Destination = addrPort4(p[4:8], p[10:12])
	case 36:
		h.Source = addrPort16(p[0:16], p[32:34])
		h.Destination = addrPort16(p[16:32], p[34:36])
	case 216:
		h.SourcePath, h.DestinationPath = unixPath(p[:108]), unixPath(p[108:216])
	}
	return h.parseTLVs(b, v2Head+f.size)
}

func addrPort4(a, port []byte) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(a)), uint16(port[0])<<8|uint16(port[1]))
}

func addrPort16(a, port []byte) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(a)), uint16(port[0])<<8|uint16(port[1]))
}

func unixPath(b []byte) string {
	if b[0] == 0 { // abstract: a zero byte and a name
		b = bytes.TrimRight(b, "\x00")
		return string(b)
	}
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// parseTLVs reads the items of the whole header b, which begin at at.
func (h *Header) parseTLVs(b []byte, at int) error {
	err := eachTLV(b[at:], func(t TLVType, v []byte) error {
		at += 3 // of v, now
		from := at
		at += len(v)
		switch t {
		case TypeNoop:
			return nil
		case TypeCRC32C:
			return h.check(b, from, len(v))
		case TypeUniqueID:
			if len(v) > maxUniqueID {
				return errUniqueID
			}
		case TypeSSL:
			if len(v) < 5 {
				return errSSLShort
			}
			if err := eachTLV(v[5:], func(TLVType, []byte) error { return nil }); err != nil {
				return err
			}
		}
		h.TLVs = append(h.TLVs, TLV{t, v})
		return nil
	})
	return err
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// check compares the checksum in n bytes from at on with that of the whole header b, in which it counts as zeros (section
// 2.2.3).
func (h *Header) check(b []byte, at, n int) error {
	switch {
	case n != 4:
		return errCRCSize
	case h.Checksum:
		return errCRCTwice
	}
	sum := crc32.Checksum(b[:at], castagnoli)
	sum = crc32.Update(sum, castagnoli, make([]byte, 4))
	sum = crc32.Update(sum, castagnoli, b[at+4:])
	if sum != binary.BigEndian.Uint32(b[at:]) {
		return ErrChecksum
	}
	h.Checksum = true
	return nil
}
