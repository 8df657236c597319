package wire

import (
	"strconv"
	"strings"
)

// DeflateName is the extension's name (RFC 7692 7).
const DeflateName = "permessage-deflate"

const (
	minWindowBits = 8
	maxWindowBits = 15

	serverNoTakeover = "server_no_context_takeover"
	clientNoTakeover = "client_no_context_takeover"
	serverBits       = "server_max_window_bits"
	clientBits       = "client_max_window_bits"
)

// Deflate is a set of parameters of permessage-deflate (RFC 7692 7.1): what one end wants, or what both agreed on. Window
// bits are 8 to 15; 0, and anything else, means 15. The zero value allows everything: 32 KiB of window each way, and
// contexts that outlive messages.
type Deflate struct {
	// ServerNoContextTakeover and ClientNoContextTakeover keep the messages of that end from referring to earlier ones.
	ServerNoContextTakeover, ClientNoContextTakeover bool
	// ServerMaxWindowBits and ClientMaxWindowBits bound how far back the messages of that end refer, and with it the
	// window of the other's inflater, 1 << bits bytes.
	ServerMaxWindowBits, ClientMaxWindowBits int
}

// Deflater returns the compressor of an endpoint of that role for what was agreed.
func (a Deflate) Deflater(role Role) *Deflater {
	if role == Client {
		return NewDeflater(a.ClientMaxWindowBits, !a.ClientNoContextTakeover)
	}
	return NewDeflater(a.ServerMaxWindowBits, !a.ServerNoContextTakeover)
}

// Inflater returns the decompressor of an endpoint of that role for what was agreed.
func (a Deflate) Inflater(role Role) *Inflater {
	if role == Client {
		return NewInflater(a.ServerMaxWindowBits, !a.ServerNoContextTakeover)
	}
	return NewInflater(a.ClientMaxWindowBits, !a.ClientNoContextTakeover)
}

// params are the parameters of one element, read strictly.
type params struct {
	serverNo, clientNo, hasServerBits, hasClientBits bool
	serverBits, clientBits                           int // 0 for one without a value
}

// readParams reads the parameters of permessage-deflate. It reports false for what RFC 7692 7.1 has declined: an unknown
// or repeated parameter, a value where there is none, none where there must be, and one that is not 8 to 15.
func readParams(e Extension) (p params, ok bool) {
	for _, q := range e.Params {
		switch {
		case strings.EqualFold(q.Name, serverNoTakeover):
			ok, p.serverNo = !p.serverNo && !q.Has, true
		case strings.EqualFold(q.Name, clientNoTakeover):
			ok, p.clientNo = !p.clientNo && !q.Has, true
		case strings.EqualFold(q.Name, serverBits):
			ok = !p.hasServerBits
			p.hasServerBits, p.serverBits = true, readBits(q.Value)
			ok = ok && p.serverBits > 0
		case strings.EqualFold(q.Name, clientBits):
			ok = !p.hasClientBits
			p.hasClientBits, p.clientBits = true, readBits(q.Value)
			ok = ok && (!q.Has || p.clientBits > 0)
		default:
			ok = false
		}
		if !ok {
			return p, false
		}
	}
	return p, true
}

// readBits reads 8 to 15, without leading zeros (RFC 7692 7.1.2), else it gives 0.
func readBits(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < minWindowBits || n > maxWindowBits || strconv.Itoa(n) != s {
		return 0
	}
	return n
}

// Accept is a server's side of the negotiation: it takes the values of the request's Sec-WebSocket-Extensions fields, in
// order, and answers the first offer of permessage-deflate that it can keep to, with the agreed parameters and the value
// for the response. False means none: no extension is used, and the handshake goes on.
//
// An offer with a parameter that is unknown, repeated or out of range is declined, and so is every offer of a field that is
// malformed. The answer has only parameters that were offered, with one exception: if want asks for
// ClientNoContextTakeover it is sent in any case, which RFC 7692 7.1.1.2 allows and every client must honour, as there is
// no other way to bound memory. The server's own limits hold whether they are announced or not. A client that did not offer
// client_max_window_bits cannot be told a window: then the agreed one is 15 bits, whatever want says.
func (want Deflate) Accept(values []string) (agreed Deflate, response string, ok bool) {
	for _, v := range values {
		list, _ := ParseExtensions(v)
		for _, e := range list {
			if !strings.EqualFold(e.Name, DeflateName) {
				continue
			}
			if p, ok := readParams(e); ok {
				agreed, response = want.answer(p)
				return agreed, response, true
			}
		}
	}
	return Deflate{}, "", false
}

// answer agrees to an offer.
func (want Deflate) answer(p params) (agreed Deflate, response string) {
	b := []byte(DeflateName)
	agreed = Deflate{
		ServerNoContextTakeover: want.ServerNoContextTakeover || p.serverNo,
		ClientNoContextTakeover: want.ClientNoContextTakeover || p.clientNo,
		ServerMaxWindowBits:     int(windowBits(want.ServerMaxWindowBits)),
		ClientMaxWindowBits:     maxWindowBits,
	}
	if p.serverNo {
		b = append(b, "; "+serverNoTakeover...)
	}
	if agreed.ClientNoContextTakeover {
		b = append(b, "; "+clientNoTakeover...)
	}
	if p.hasServerBits {
		agreed.ServerMaxWindowBits = min(agreed.ServerMaxWindowBits, p.serverBits)
		b = appendBits(b, serverBits, agreed.ServerMaxWindowBits)
	}
	if p.hasClientBits {
		agreed.ClientMaxWindowBits = min(int(windowBits(want.ClientMaxWindowBits)), int(windowBits(p.clientBits)))
		if agreed.ClientMaxWindowBits < maxWindowBits {
			b = appendBits(b, clientBits, agreed.ClientMaxWindowBits)
		}
	}
	return agreed, string(b)
}

func appendBits(b []byte, name string, bits int) []byte {
	b = append(b, "; "+name+"="...)
	return strconv.AppendInt(b, int64(bits), 10)
}

// Offer is a client's offer of permessage-deflate, the value for Sec-WebSocket-Extensions. It says what want asks for, and
// client_max_window_bits in any case, so that the server may choose a smaller window.
func (want Deflate) Offer() string {
	b := []byte(DeflateName)
	if want.ServerNoContextTakeover {
		b = append(b, "; "+serverNoTakeover...)
	}
	if want.ClientNoContextTakeover {
		b = append(b, "; "+clientNoTakeover...)
	}
	if n := int(windowBits(want.ServerMaxWindowBits)); n < maxWindowBits {
		b = appendBits(b, serverBits, n)
	}
	if n := int(windowBits(want.ClientMaxWindowBits)); n < maxWindowBits {
		return string(appendBits(b, clientBits, n))
	}
	return string(append(b, "; "+clientBits...))
}

// Confirm is a client's judgement of the response to the offer of want: the values of the Sec-WebSocket-Extensions fields.
// No field means that compression was declined, false with no error. An error fails the handshake (RFC 6455 4.1;
// RFC 7692 5.1, 7.1): a malformed field, another extension, permessage-deflate twice, a parameter that is unknown,
// repeated, out of range or larger than offered, or missing though it was asked for. It is always a [*Refusal].
func (want Deflate) Confirm(values []string) (agreed Deflate, ok bool, err error) {
	var all []Extension
	for _, v := range values {
		list, ok := ParseExtensions(v)
		if !ok {
			return Deflate{}, false, errExtensionsSyntax
		}
		all = append(all, list...)
	}
	if len(all) == 0 {
		return Deflate{}, false, nil
	}
	if len(all) > 1 || !strings.EqualFold(all[0].Name, DeflateName) {
		return Deflate{}, false, errExtensionUnasked
	}
	p, ok := readParams(all[0])
	if !ok || p.hasClientBits && p.clientBits == 0 {
		return Deflate{}, false, errDeflateParams
	}
	own, peer := int(windowBits(want.ClientMaxWindowBits)), int(windowBits(want.ServerMaxWindowBits))
	if want.ServerNoContextTakeover && !p.serverNo || peer < maxWindowBits && !p.hasServerBits ||
		p.serverBits > peer || p.clientBits > own {
		return Deflate{}, false, errDeflateAnswer
	}
	if p.hasServerBits {
		peer = p.serverBits
	}
	if p.hasClientBits {
		own = p.clientBits
	}
	return Deflate{
		ServerNoContextTakeover: p.serverNo,
		ClientNoContextTakeover: p.clientNo || want.ClientNoContextTakeover,
		ServerMaxWindowBits:     peer,
		ClientMaxWindowBits:     own,
	}, true, nil
}
