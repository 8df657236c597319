package wire

import "encoding/binary"

// kind is a field that the codec itself looks at.
type kind uint8

const (
	kOther kind = iota
	kHost
	kConnection
	kContentLength
	kTransferEncoding
	kTE
	kExpect
	kUpgrade
	kinds
)

// head is what request heads, response heads and trailer sections share: the
// scanner of field lines and the table of what it found. It keeps offsets, not
// pointers: the bytes may move between two calls.
type head struct {
	buf    []byte // the bytes last given to Parse
	fields []field
	err    *Error
	first  [kinds]int32 // index in fields + 1 of the first field of that kind
	state  state
	body   bodyFraming
	pos    int32 // next byte to look at
	mark   int32 // start of the element at pos
	colon  int32
	value  int32
}

// field is one field line, as offsets into the head.
type field struct{ name, colon, value, end int32 }

type state uint8

// The states of a scan. Those of a start line come first.
const (
	sStart state = iota
	sLeadLF
	sMethodStart
	sMethod
	sPath
	sQuery
	sVersion
	sStatus
	sReason
	sLineLF
	sField // at the first byte of a field line, or of the final CRLF
	sName
	sLead // white space before the value
	sValue
	sValueLF
	sEndLF
	sDone
)

// What scan stopped for.
type event uint8

const (
	eMore event = iota // the bytes ended
	eLine              // a field line is complete
	eDone              // the final CRLF was seen
	eError
)

// takeLines enters the field lines at h.pos that are complete and plain, and the
// final CRLF. It stops after a field of a known kind, so that what is wrong with
// it is refused before any later line is looked at. It never refuses, and never
// grows the table: whatever is not plain is left to scan, which looks at that
// line again. It is one function, and not a handful, for the sake of speed.
func (h *head) takeLines(b []byte, maxFields int) (event, kind) {
	if h.state != sField || len(b) < 8 {
		return eMore, kOther
	}
	i, n := int(h.pos), len(h.fields)
	fields := h.fields[:min(cap(h.fields), maxFields)]
	ev, k := eMore, kOther
	for ev == eMore {
		if len(b)-i >= 2 && le.Uint16(b[i:i+2]) == leCRLF {
			h.state, i, ev = sDone, i+2, eDone
			break
		}
		name := i
		m := notName(word(b, i))
		for m == 0 {
			i += 8
			m = notName(word(b, i))
		}
		i += firstIn(m)
		if len(b)-i < 2 || i == name || n >= len(fields) {
			i = name
			break
		}
		colon, value := i, i+2
		if c := le.Uint16(b[i : i+2]); c != leColonSP {
			if c&0xff != ':' {
				i = name
				break
			}
			value--
		}
		i = value
		for {
			if m = notPlain(word(b, i)); m != 0 {
				break
			}
			i += 8
			if m = notPlain(word(b, i)); m != 0 {
				break
			}
			i += 8
		}
		i += firstIn(m)
		if len(b)-i < 2 || le.Uint16(b[i:i+2]) != leCRLF || i > value && (b[i-1] == ' ' || b[value] == ' ') {
			i = name // HTAB, obs-text, white space to trim, or something to refuse
			break
		}
		fields[n] = field{int32(name), int32(colon), int32(value), int32(i)}
		i += 2
		n++
		if l := colon - name; l <= 17 && knownLengths>>l&1 != 0 {
			if k = kindOf(b[name:colon]); k != kOther {
				h.know(k, n)
				ev = eLine
			}
		}
	}
	h.fields, h.pos = h.fields[:n], int32(i)
	return ev, k
}

// scan goes on with one field line, or the final CRLF, from h.pos on, as far as
// the bytes go.
func (h *head) scan(b []byte, maxFields int) (event, kind, *Error) {
	i := int(h.pos)
	if i >= len(b) {
		return eMore, 0, nil
	}
	switch h.state {
	case sField:
		if b[i] == '\r' {
			h.state, h.pos = sEndLF, int32(i+1)
			return h.scan(b, maxFields)
		}
		if chars[b[i]]&cToken == 0 {
			return eError, 0, h.badFieldStart(b[i])
		}
		if len(h.fields) >= maxFields {
			return eError, 0, errTooManyFields
		}
		h.mark, h.state = int32(i), sName
		fallthrough
	case sName:
		if i = skip(b, i, cToken); i == len(b) {
			break
		}
		if b[i] != ':' {
			return eError, 0, badName(b[i])
		}
		h.colon, h.state = int32(i), sLead
		i++
		fallthrough
	case sLead:
		if i = skipOWS(b, i); i == len(b) {
			break
		}
		h.value, h.state = int32(i), sValue
		fallthrough
	case sValue:
		if i = skipText(b, i); i == len(b) {
			break
		}
		if b[i] != '\r' {
			return eError, 0, badValue(b[i])
		}
		h.state = sValueLF
		if i++; i == len(b) {
			break
		}
		fallthrough
	case sValueLF:
		if b[i] != '\n' {
			return eError, 0, errBareCR
		}
		h.state, h.pos = sField, int32(i+1)
		return eLine, h.add(b, int(h.mark), int(h.colon), int(h.value), i-1), nil
	case sEndLF:
		if b[i] != '\n' {
			return eError, 0, errBareCR
		}
		h.state, h.pos = sDone, int32(i+1)
		return eDone, 0, nil
	}
	h.pos = int32(i)
	return eMore, 0, nil
}

// add enters a field line that ends at b[end], and says of what kind it is.
func (h *head) add(b []byte, name, colon, value, end int) kind {
	for end > value && isOWS(b[end-1]) {
		end--
	}
	if h.fields == nil {
		h.fields = make([]field, 0, 16)
	}
	h.fields = append(h.fields, field{int32(name), int32(colon), int32(value), int32(end)})
	k := kindOf(b[name:colon])
	if k != kOther {
		h.know(k, len(h.fields))
	}
	return k
}

// know notes that the nth field is of that kind, if it is the first one.
func (h *head) know(k kind, n int) {
	if h.first[k] == 0 {
		h.first[k] = int32(n)
	}
}

// badFieldStart says what is wrong with a field line that begins with c.
func (h *head) badFieldStart(c byte) *Error {
	switch {
	case isOWS(c) && len(h.fields) == 0:
		return errSpaceFirst
	case isOWS(c):
		return errObsFold
	case c == ':':
		return errEmptyName
	}
	return badName(c)
}

// badName says what is wrong with a field name that is followed by c.
func badName(c byte) *Error {
	switch c {
	case ' ', '\t':
		return errSpaceColon
	case '\n':
		return errBareLF
	case '\r':
		return errNoColon
	}
	return errFieldName
}

func badValue(c byte) *Error {
	if c == '\n' {
		return errBareLF
	}
	return errFieldValue
}

var le = binary.LittleEndian

const (
	leColonSP = ':' | ' '<<8
	leCRLF    = '\r' | '\n'<<8
)

// The known names as little-endian words in lower case.
const (
	leTE   = 't' | 'e'<<8
	leHost = 'h' | 'o'<<8 | 's'<<16 | 't'<<24
	leExpe = 'e' | 'x'<<8 | 'p'<<16 | 'e'<<24
	leCT   = 'c' | 't'<<8
	leUpgr = 'u' | 'p'<<8 | 'g'<<16 | 'r'<<24
	leRade = 'r' | 'a'<<8 | 'd'<<16 | 'e'<<24
	leConn = 'c' | 'o'<<8 | 'n'<<16 | 'n'<<24 | 'e'<<32 | 'c'<<40 | 't'<<48 | 'i'<<56
	leOn   = 'o' | 'n'<<8
	leCont = 'c' | 'o'<<8 | 'n'<<16 | 't'<<24 | 'e'<<32 | 'n'<<40 | 't'<<48 | '-'<<56
	leLeng = 't' | '-'<<8 | 'l'<<16 | 'e'<<24 | 'n'<<32 | 'g'<<40 | 't'<<48 | 'h'<<56
	leTran = 't' | 'r'<<8 | 'a'<<16 | 'n'<<24 | 's'<<32 | 'f'<<40 | 'e'<<48 | 'r'<<56
	leEnco = '-' | 'e'<<8 | 'n'<<16 | 'c'<<24 | 'o'<<32 | 'd'<<40 | 'i'<<48 | 'n'<<56
)

// knownLengths has a bit for each length of a known name.
const knownLengths = 1<<2 | 1<<4 | 1<<6 | 1<<7 | 1<<10 | 1<<14 | 1<<17

// kindOf says of what kind a field name is. In a token, setting the bit 0x20
// makes a byte equal to a letter or to '-' only if it is that letter in either
// case or is '-', so whole words can be compared.
func kindOf(n []byte) kind {
	switch len(n) {
	case 2:
		if le.Uint16(n)|0x2020 == leTE {
			return kTE
		}
	case 4:
		if le.Uint32(n)|0x20202020 == leHost {
			return kHost
		}
	case 6:
		if le.Uint32(n)|0x20202020 == leExpe && le.Uint16(n[4:])|0x2020 == leCT {
			return kExpect
		}
	case 7:
		if le.Uint32(n)|0x20202020 == leUpgr && le.Uint32(n[3:])|0x20202020 == leRade {
			return kUpgrade
		}
	case 10:
		if le.Uint64(n)|each20 == leConn && le.Uint16(n[8:])|0x2020 == leOn {
			return kConnection
		}
	case 14:
		if le.Uint64(n)|each20 == leCont && le.Uint64(n[6:])|each20 == leLeng {
			return kContentLength
		}
	case 17:
		if le.Uint64(n)|each20 == leTran && le.Uint64(n[8:])|each20 == leEnco && n[16]|0x20 == 'g' {
			return kTransferEncoding
		}
	}
	return kOther
}
