package tls

import "bytes"

// Of the record layer: RFC 8446 section 5.1.
const (
	recordHeader    = 5
	recordCCS       = 20
	recordAlert     = 21
	recordHandshake = 22
	recordData      = 23
	maxRecord       = 1 << 14 // a record in the clear
	clientHello     = 1       // a handshake message's type
	messageHeader   = 4       // its type and length
)

// kind is what the first bytes of a connection look like.
type kind uint8

const (
	kindMore  kind = iota // too few bytes to tell
	kindTLS               // a handshake record
	kindHTTP              // a request in the clear
	kindSSLv2             // a ClientHello in the format of SSL 2.0
	kindOther
)

// methods are those that clients send to a wrong port.
var methods = [...]string{"GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "CONNECT ", "OPTIONS ", "TRACE ", "PATCH ", "PROPFIND "}

// sniff looks at the first bytes.
func sniff(in []byte) kind {
	if len(in) == 0 {
		return kindMore
	}
	if in[0] == recordHandshake {
		return kindTLS
	}
	if in[0]&0x80 != 0 {
		return sniffSSLv2(in)
	}
	for _, m := range methods {
		if n := min(len(m), len(in)); string(in[:n]) == m[:n] {
			if n < len(m) {
				return kindMore
			}
			return kindHTTP
		}
	}
	return kindOther
}

// sniffSSLv2 looks for a two-byte length, the type of a ClientHello and a version of 2.0 or later (RFC 5246 appendix E.2).
func sniffSSLv2(in []byte) kind {
	for i, want := range [][]byte{{clientHello}, {0, 3}} {
		switch {
		case len(in) <= 2+i:
			return kindMore
		case bytes.IndexByte(want, in[2+i]) < 0:
			return kindOther
		}
	}
	return kindSSLv2
}

// scan finds the end of a ClientHello, which may be spread over records. It looks at each record once.
type scan struct {
	at   int // where the next record begins
	have int // bytes of the message in the records before it
	want int // bytes of the message with its header; 0: not known yet
	head [messageHeader]byte
}

// next looks at what has come so far, from the first byte on, and says whether the whole message is there.
func (s *scan) next(in []byte, limit int) (whole bool, err error) {
	for len(in) >= s.at+recordHeader {
		h := in[s.at : s.at+recordHeader]
		n := int(h[3])<<8 | int(h[4])
		if h[0] != recordHandshake || h[1] != 3 || n == 0 || n > maxRecord {
			return false, ErrNotTLS
		}
		end := s.at + recordHeader + n
		if end > limit {
			return false, ErrHelloTooLarge
		}
		if len(in) < end {
			break
		}
		if err := s.take(in[s.at+recordHeader:end], limit); err != nil {
			return false, err
		}
		if s.at = end; s.want > 0 && s.have >= s.want {
			return true, nil
		}
	}
	if len(in) >= limit {
		return false, ErrHelloTooLarge
	}
	return false, nil
}

// take counts a record's bytes, and reads the message's header off the first.
func (s *scan) take(body []byte, limit int) error {
	if s.have < messageHeader {
		copy(s.head[s.have:], body)
	}
	s.have += len(body)
	if s.head[0] != clientHello {
		return ErrNotTLS
	}
	if s.have >= messageHeader && s.want == 0 {
		s.want = messageHeader + int(s.head[1])<<16 + int(s.head[2])<<8 + int(s.head[3])
		if s.want > limit {
			return ErrHelloTooLarge
		}
	}
	return nil
}
