package wire

import (
	"bytes"
	"strconv"
)

// Interleaved looks at the Transport field of a SETUP (RFC 2326 section 12.39): a list of transports, of which a tunnel can carry
// those over TCP only. kept is the list without the others: value itself if there are none. It is empty if no transport is left.
func Interleaved(value []byte) (kept []byte, err error) {
	all, dropped := 0, 0
	for one := range transports(value) {
		protocol, _, _ := bytes.Cut(one, []byte(";"))
		protocol = bytes.TrimSpace(protocol)
		if len(protocol) == 0 {
			return nil, ErrTransport
		}
		if all++; !overTCP(protocol) {
			dropped++
			continue
		}
		if len(kept) > 0 {
			kept = append(kept, ',')
		}
		kept = append(kept, one...)
	}
	switch {
	case all == 0:
		return nil, ErrTransport
	case dropped == 0:
		return value, nil
	}
	return kept, nil
}

// AppendInterleaved appends the transport that a SETUP over UDP is rewritten to: the first of the list's, over TCP, on the two
// channels from first on.
func AppendInterleaved(dst, value []byte, first int) []byte {
	for one := range transports(value) {
		protocol, params, _ := bytes.Cut(one, []byte(";"))
		profile := bytes.TrimSuffix(bytes.TrimSpace(protocol), []byte("/UDP"))
		dst = append(append(dst, profile...), "/TCP;unicast;interleaved="...)
		dst = strconv.AppendInt(dst, int64(first), 10)
		dst = strconv.AppendInt(append(dst, '-'), int64(first+1), 10)
		for p := range bytes.SplitSeq(params, []byte(";")) {
			if p = bytes.TrimSpace(p); len(p) > 5 && equalFold(p[:5], "mode=") {
				dst = append(append(dst, ';'), p...)
			}
		}
		break
	}
	return dst
}

// overTCP reports whether a protocol such as RTP/AVP/TCP is carried inside the RTSP connection.
func overTCP(protocol []byte) bool {
	i := bytes.LastIndexByte(protocol, '/')
	return i >= 0 && bytes.EqualFold(protocol[i+1:], []byte("TCP"))
}

// transports gives the elements of the list, without the white space around them. A comma inside a quoted string does not
// separate.
func transports(value []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		quoted, from := false, 0
		for i := 0; i <= len(value); i++ {
			switch {
			case i < len(value) && value[i] == '"':
				quoted = !quoted
			case i == len(value), value[i] == ',' && !quoted:
				one := bytes.TrimSpace(value[from:i])
				from = i + 1
				if len(one) > 0 && !yield(one) {
					return
				}
			}
		}
	}
}
