package proxy

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
	"strconv"
)

// Errors of the encoders.
var (
	errFamilies = errors.New("proxy: source and destination are of different families")
	errSize     = errors.New("proxy: header would be longer than 65,551 bytes")
	errPath     = errors.New("proxy: path of a unix socket longer than 108 bytes")
	errOwnTLV   = errors.New("proxy: the checksum is added by Header.Checksum, not as a TLV")
	errNoFamily = errors.New("proxy: unknown command or family")
	errLongID   = errors.New("proxy: unique ID longer than 128 bytes")
	errLongTLV  = errors.New("proxy: TLV longer than 65,535 bytes")
)

// AppendV1 appends a header of version 1 for a connection from src to dst, which must be of one family: IPv4-mapped
// addresses go as IPv6, unless both are. With an invalid src it is UNKNOWN.
func AppendV1(b []byte, src, dst netip.AddrPort) ([]byte, error) {
	if !src.IsValid() {
		return append(b, "PROXY UNKNOWN\r\n"...), nil
	}
	from, to, err := oneFamily(src, dst)
	if err != nil {
		return b, err
	}
	if from.Is4() {
		b = append(b, "PROXY TCP4 "...)
	} else {
		b = append(b, "PROXY TCP6 "...)
	}
	b = append(from.AppendTo(b), ' ')
	b = append(to.AppendTo(b), ' ')
	b = append(strconv.AppendUint(b, uint64(src.Port()), 10), ' ')
	b = strconv.AppendUint(b, uint64(dst.Port()), 10)
	return append(b, "\r\n"...), nil
}

// oneFamily gives both addresses as IPv4 or both as IPv6.
func oneFamily(src, dst netip.AddrPort) (from, to netip.Addr, err error) {
	from, to = src.Addr().Unmap().WithZone(""), dst.Addr().Unmap().WithZone("")
	if !from.IsValid() || !to.IsValid() {
		return from, to, errFamilies
	}
	if from.Is4() != to.Is4() { // as long as one of them is IPv4 in IPv6's form, as on a socket of both
		if !src.Addr().Is4In6() && !dst.Addr().Is4In6() {
			return from, to, errFamilies
		}
		from, to = netip.AddrFrom16(from.As16()), netip.AddrFrom16(to.As16())
	}
	return from, to, nil
}

// AppendV2 appends h as a header of version 2. h.Family may be Unknown with valid addresses: then it is TCP4 or TCP6, as they
// are. h.Version does not matter.
func AppendV2(b []byte, h *Header) ([]byte, error) {
	start := len(b)
	out := append(b, signature...)
	if h.Command == Local {
		return append(out, 0x20, 0, 0, 0), nil
	}
	if h.Command != Proxied {
		return b, errNoFamily
	}
	out = append(out, 0x21, 0, 0, 0)
	out, code, err := h.appendAddresses(out)
	if err != nil {
		return b, err
	}
	out[start+13] = code
	for _, t := range h.TLVs {
		switch {
		case t.Type == TypeCRC32C:
			return b, errOwnTLV
		case t.Type == TypeUniqueID && len(t.Value) > maxUniqueID:
			return b, errLongID
		case len(t.Value) > 0xffff:
			return b, errLongTLV
		}
		out = append(out, byte(t.Type), byte(len(t.Value)>>8), byte(len(t.Value)))
		out = append(out, t.Value...)
	}
	sum := len(out) + 3
	if h.Checksum {
		out = append(out, byte(TypeCRC32C), 0, 4, 0, 0, 0, 0)
	}
	n := len(out) - start - v2Head
	if n > 0xffff {
		return b, errSize
	}
	binary.BigEndian.PutUint16(out[start+14:], uint16(n))
	if h.Checksum {
		binary.BigEndian.PutUint32(out[sum:], crc32.Checksum(out[start:], castagnoli))
	}
	return out, nil
}

// appendAddresses appends the addresses, and gives the byte for their family.
func (h *Header) appendAddresses(b []byte) (out []byte, code byte, err error) {
	f := h.Family
	switch f {
	case UnixStream, UnixDatagram:
		if len(h.SourcePath) > 108 || len(h.DestinationPath) > 108 {
			return b, 0, errPath
		}
		b = append(b, make([]byte, 216)...)
		copy(b[len(b)-216:], h.SourcePath)
		copy(b[len(b)-108:], h.DestinationPath)
		return b, 0x31 + byte(f-UnixStream), nil
	case Unknown:
		if !h.Source.IsValid() {
			return b, 0, nil
		}
	case TCP4, TCP6, UDP4, UDP6:
	default:
		return b, 0, errNoFamily
	}
	from, to, err := oneFamily(h.Source, h.Destination)
	if err != nil {
		return b, 0, err
	}
	if f == TCP6 || f == UDP6 {
		from, to = netip.AddrFrom16(from.As16()), netip.AddrFrom16(to.As16())
	}
	switch {
	case from.Is6() && (f == TCP4 || f == UDP4):
		return b, 0, errFamilies
	case from.Is4():
		code = 0x11
	default:
		code = 0x21
	}
	if f == UDP4 || f == UDP6 {
		code++
	}
	b = append(append(b, from.AsSlice()...), to.AsSlice()...)
	b = binary.BigEndian.AppendUint16(b, h.Source.Port())
	return binary.BigEndian.AppendUint16(b, h.Destination.Port()), code, nil
}
