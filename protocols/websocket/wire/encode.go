package wire

// AppendFrame appends one frame as an endpoint of that role sends it: a client's with a fresh mask. It copies the payload,
// and does not change it. Splitting messages, and what may be sent when, are the caller's to know.
func AppendFrame(dst []byte, role Role, op Opcode, fin bool, payload []byte) []byte {
	return appendFrame(dst, role, Header{Fin: fin, Op: op}, payload)
}

func appendFrame(dst []byte, role Role, h Header, payload []byte) []byte {
	h.Length = int64(len(payload))
	if role == Client {
		h.Masked, h.Mask = true, NewMask()
	}
	dst = AppendHeader(dst, h)
	at := len(dst)
	dst = append(dst, payload...)
	if h.Masked {
		Cipher(dst[at:], h.Mask, 0)
	}
	return dst
}

// AppendMessage appends a whole message in one frame. With a deflater it is compressed; unless that gains nothing and the
// deflater keeps no context. A nil deflater, or one left out for short messages, sends it as it is, at any time.
func AppendMessage(dst []byte, role Role, op Opcode, payload []byte, d *Deflater) []byte {
	if d == nil {
		return AppendFrame(dst, role, op, true, payload)
	}
	at := len(dst)
	var gap [MaxHeader]byte
	dst = d.Append(append(dst, gap[:]...), payload)
	packed := dst[at+MaxHeader:]
	if !d.takeover && len(packed) >= len(payload) {
		return AppendFrame(dst[:at], role, op, true, payload)
	}
	h := Header{Fin: true, RSV: rsv1, Op: op, Length: int64(len(packed))}
	if role == Client {
		h.Masked, h.Mask = true, NewMask()
		Cipher(packed, h.Mask, 0)
	}
	end := len(AppendHeader(dst[:at], h)) // never more than the gap
	return dst[:end+copy(dst[end:], packed)]
}

// AppendControl appends a ping or a pong (RFC 6455 5.5.2, 5.5.3). A payload is cut to 125 bytes.
func AppendControl(dst []byte, role Role, op Opcode, payload []byte) []byte {
	return AppendFrame(dst, role, op, true, payload[:min(len(payload), maxControl)])
}

// AppendClose appends a close frame (RFC 6455 5.5.1): with no payload if code may not be sent, such as [NoStatus]; else
// with the reason cut to 123 bytes, see [AppendClosePayload].
func AppendClose(dst []byte, role Role, code CloseCode, reason string) []byte {
	var b [maxControl]byte
	return AppendFrame(dst, role, Close, true, AppendClosePayload(b[:0], code, reason))
}
