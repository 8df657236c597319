package netaddr

import (
	"encoding/hex"
	"errors"
	"net"
	"strings"
)

// ErrMAC is why a text or bytes are no hardware address.
var ErrMAC = errors.New("netaddr: not a MAC address")

// MAC is a hardware address of 6 bytes (EUI-48), 8 (EUI-64) or 20 (InfiniBand). It is a value that can be compared and be the
// key of a map; the zero MAC is none.
type MAC struct {
	b [20]byte
	n uint8
}

// MACFrom is the address with these bytes, 6, 8 or 20 of them; else ErrMAC.
func MACFrom(b []byte) (MAC, error) {
	var m MAC
	if len(b) != 6 && len(b) != 8 && len(b) != 20 {
		return MAC{}, ErrMAC
	}
	m.n = uint8(copy(m.b[:], b))
	return m, nil
}

// ParseMAC reads a hardware address in one of the forms 00:00:5e:00:53:01, 00-00-5E-00-53-01, 0000.5e00.5301 and 00005e005301.
// Anything else is ErrMAC: digits that are missing, separators that are mixed, blanks around it.
func ParseMAC(s string) (MAC, error) {
	if !strings.ContainsAny(s, ":-.") {
		if len(s) > 40 {
			return MAC{}, ErrMAC
		}
		b, err := hex.DecodeString(s)
		if err != nil {
			return MAC{}, ErrMAC
		}
		return MACFrom(b)
	}
	b, err := net.ParseMAC(s)
	if err != nil {
		return MAC{}, ErrMAC
	}
	return MACFrom(b)
}

// IsValid says whether m is an address at all.
func (m MAC) IsValid() bool { return m.n > 0 }

// Bytes is a copy of the address.
func (m MAC) Bytes() []byte { return append([]byte(nil), m.b[:m.n]...) }

// HardwareAddr is a copy of the address as package net has it.
func (m MAC) HardwareAddr() net.HardwareAddr { return m.Bytes() }

// String is the form 00:00:5e:00:53:01; empty for the zero MAC.
func (m MAC) String() string { return m.Format(":") }

// Format is the form with another separator: "-", "." as Cisco has it, in groups of four digits, or none.
func (m MAC) Format(separator string) string {
	digits := hex.EncodeToString(m.b[:m.n])
	if separator == "" {
		return digits
	}
	group := 2
	if separator == "." {
		group = 4
	}
	var b strings.Builder
	for i := 0; i < len(digits); i += group {
		if i > 0 {
			b.WriteString(separator)
		}
		b.WriteString(digits[i : i+group])
	}
	return b.String()
}

// IsLocal says whether it was given out locally and not by a manufacturer, as those of virtual machines and of phones that hide
// theirs are (the second bit of the first byte).
func (m MAC) IsLocal() bool { return m.n > 0 && m.b[0]&2 != 0 }

// IsMulticast says whether it is of a group, the broadcast address included (the first bit).
func (m MAC) IsMulticast() bool { return m.n > 0 && m.b[0]&1 != 0 }

// MarshalText is String.
func (m MAC) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText is ParseMAC; the empty text is the zero MAC.
func (m *MAC) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*m = MAC{}
		return nil
	}
	got, err := ParseMAC(string(text))
	if err == nil {
		*m = got
	}
	return err
}
