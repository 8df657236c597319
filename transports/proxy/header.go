package proxy

import (
	"fmt"
	"net/netip"
	"slices"
)

// Command is what a header is for.
type Command uint8

const (
	// Proxied is a connection made for somebody else, whose addresses the header has. Version 1 has only this one.
	Proxied Command = iota
	// Local is a connection that the proxy made by itself, as to see whether the server lives: its own address holds.
	Local
)

// Family is what the addresses of a header are.
type Family uint8

// Families. The connection between the client and the proxy may have been a datagram one: version 2 alone tells.
const (
	Unknown Family = iota // no addresses: the real ones hold
	TCP4
	UDP4
	TCP6
	UDP6
	UnixStream
	UnixDatagram
)

// String is as version 1 has it.
func (f Family) String() string {
	switch f {
	case Unknown:
		return "UNKNOWN"
	case TCP4:
		return "TCP4"
	case UDP4:
		return "UDP4"
	case TCP6:
		return "TCP6"
	case UDP6:
		return "UDP6"
	case UnixStream:
		return "UNIX_STREAM"
	case UnixDatagram:
		return "UNIX_DGRAM"
	}
	return fmt.Sprintf("Family(%d)", uint8(f))
}

// Header is what a proxy says of a connection. Parse gives one whose TLVs are parts of the bytes that it was given.
type Header struct {
	// Version is 1 or 2.
	Version int
	// Command is Proxied or Local. With Local all that follows is empty.
	Command Command
	// Family says which of the addresses are there.
	Family Family
	// Source is the client's address, Destination the one that it connected to; both invalid for Unknown and unix sockets.
	Source, Destination netip.AddrPort
	// SourcePath and DestinationPath are those of unix sockets, at most 108 bytes each, without what follows a first zero
	// byte; an abstract name begins with a zero byte.
	SourcePath, DestinationPath string
	// TLVs are what else version 2 says, in order, without padding and checksum.
	TLVs []TLV
	// Checksum says that the header had a CRC-32C, and that it was right; for AppendV2: add one.
	Checksum bool
}

// TLV is one item of version 2.
type TLV struct {
	// Type says what Value is.
	Type TLVType
	// Value is its bytes.
	Value []byte
}

// TLVType is the type of a TLV. Those from 0xe0 on are for applications' own use.
type TLVType uint8

// Types of section 2.2.
const (
	TypeALPN      TLVType = 0x01 // the protocol agreed on by ALPN
	TypeAuthority TLVType = 0x02 // the host name that the client asked for: SNI
	TypeCRC32C    TLVType = 0x03 // the header's checksum
	TypeNoop      TLVType = 0x04 // padding
	TypeUniqueID  TLVType = 0x05 // names the connection; 128 bytes at the most
	TypeSSL       TLVType = 0x20 // see SSL
	TypeNetNS     TLVType = 0x30 // the name of a network namespace
)

const maxUniqueID = 128

// Find is the value of the first TLV of that type.
func (h *Header) Find(t TLVType) (value []byte, ok bool) {
	for i := range h.TLVs {
		if h.TLVs[i].Type == t {
			return h.TLVs[i].Value, true
		}
	}
	return nil, false
}

// ALPN is the protocol that the client and the proxy agreed on, or empty.
func (h *Header) ALPN() string { return h.text(TypeALPN) }

// Authority is the host name that the client asked the proxy for, such as TLS's SNI, or empty.
func (h *Header) Authority() string { return h.text(TypeAuthority) }

// UniqueID names the connection in the proxy's logs, or is nil.
func (h *Header) UniqueID() []byte {
	v, _ := h.Find(TypeUniqueID)
	return v
}

func (h *Header) text(t TLVType) string {
	v, _ := h.Find(t)
	return string(v)
}

// Clone is a copy that shares nothing with h.
func (h *Header) Clone() *Header {
	c := *h
	c.TLVs = slices.Clone(h.TLVs)
	for i := range c.TLVs {
		c.TLVs[i].Value = slices.Clone(c.TLVs[i].Value)
	}
	return &c
}

// SSL is what a proxy that ended the client's TLS says of it (section 2.2.6).
type SSL struct {
	// Client is a set of flags: SSLUsed, SSLCertConn, SSLCertSess.
	Client uint8
	// Verified says that the client gave a certificate, and that the proxy has found it good.
	Verified bool
	// Version is TLS's, such as "TLSv1.3"; Cipher, SignatureAlgorithm and KeyAlgorithm are OpenSSL's names.
	Version, Cipher, SignatureAlgorithm, KeyAlgorithm string
	// CommonName is of the certificate's subject.
	CommonName string
}

// Flags of SSL.Client.
const (
	SSLUsed     = 1 << iota // the client connected over TLS
	SSLCertConn             // it gave a certificate on this connection
	SSLCertSess             // it gave one in this TLS session
)

const (
	sslVersion = 0x21
	sslCN      = 0x22
	sslCipher  = 0x23
	sslSigAlg  = 0x24
	sslKeyAlg  = 0x25
)

// SSL is what the header says of the client's TLS; false if it says nothing. Parse has seen that it is well-formed.
func (h *Header) SSL() (s SSL, ok bool) {
	v, ok := h.Find(TypeSSL)
	if !ok || len(v) < 5 {
		return SSL{}, false
	}
	s.Client = v[0]
	s.Verified = v[1]|v[2]|v[3]|v[4] == 0 && s.Client&(SSLCertConn|SSLCertSess) != 0
	err := eachTLV(v[5:], func(t TLVType, value []byte) error {
		switch t {
		case sslVersion:
			s.Version = string(value)
		case sslCN:
			s.CommonName = string(value)
		case sslCipher:
			s.Cipher = string(value)
		case sslSigAlg:
			s.SignatureAlgorithm = string(value)
		case sslKeyAlg:
			s.KeyAlgorithm = string(value)
		}
		return nil
	})
	return s, err == nil
}

// eachTLV calls f with each item of b.
func eachTLV(b []byte, f func(t TLVType, value []byte) error) error {
	for len(b) > 0 {
		if len(b) < 3 {
			return errTLVHead
		}
		n := 3 + int(b[1])<<8 + int(b[2])
		if n > len(b) {
			return errTLVLength
		}
		if err := f(TLVType(b[0]), b[3:n:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
