package http1

import (
	"bytes"
	"strings"
)

// pick chooses the form of a file that a request prefers (RFC 9110 section 12.5.3): of those that it takes with the highest
// weight, the one that we prefer, which is the plain one only if it weighs more.
func (e *fileEntry) pick(x *Exchange) *content {
	if len(e.coded) == 0 {
		return e.file
	}
	var accept acceptEncoding
	x.req.Values("Accept-Encoding", func(v []byte) bool {
		accept.read(v)
		return true
	})
	best, weight := e.file, -1
	for _, c := range e.coded {
		if w := accept.weight(c.coding); w > 0 && w > weight {
			best, weight = c, w
		}
	}
	if w, said := accept.said("identity"); said && w > weight {
		return e.file
	}
	return best
}

// acceptEncoding is what a request says of the codings that we may have, in thousandths, plus one; 0: nothing.
type acceptEncoding struct {
	br, zstd, gzip, identity, any int
}

func (a *acceptEncoding) of(coding string) *int {
	switch coding {
	case "br":
		return &a.br
	case "zstd":
		return &a.zstd
	case "gzip", "x-gzip": // RFC 9110 section 8.4.1.3
		return &a.gzip
	case "identity":
		return &a.identity
	case "*":
		return &a.any
	}
	return nil
}

func (a *acceptEncoding) said(coding string) (weight int, said bool) {
	w := *a.of(coding)
	return w - 1, w > 0
}

// weight is that of a coding; 0: not taken. A request that says nothing is one of a client that may not know any.
func (a *acceptEncoding) weight(coding string) int {
	if w, said := a.said(coding); said {
		return w
	}
	w, _ := a.said("*")
	return max(w, 0)
}

// read takes a field value. An element that is wrong is passed over.
func (a *acceptEncoding) read(v []byte) {
	for len(v) > 0 {
		var e []byte
		e, v, _ = bytes.Cut(v, []byte(","))
		name, params, weighted := bytes.Cut(e, []byte(";"))
		to := a.of(strings.ToLower(string(bytes.TrimSpace(name))))
		if to == nil {
			continue
		}
		w := 1000
		if weighted {
			var ok bool
			if w, ok = qvalue(bytes.TrimSpace(params)); !ok {
				continue
			}
		}
		*to = w + 1
	}
}

// qvalue reads a weight (RFC 9110 section 12.4.2) in thousandths.
func qvalue(p []byte) (w int, ok bool) {
	if len(p) < 3 || len(p) > 7 || p[0]|0x20 != 'q' || p[1] != '=' || p[2] != '0' && p[2] != '1' {
		return 0, false
	}
	w = int(p[2]-'0') * 1000
	if len(p) == 3 {
		return w, true
	}
	if p[3] != '.' {
		return 0, false
	}
	unit := 100
	for _, c := range p[4:] {
		if c < '0' || c > '9' {
			return 0, false
		}
		w += int(c-'0') * unit
		unit /= 10
	}
	return w, w <= 1000
}
