package wire

// NumFields returns the number of field lines.
func (h *head) NumFields() int { return len(h.fields) }

// Field returns the name and the value of field line i, counted from 0 in the
// order of arrival: the name as it was sent, the value without the white space
// around it. Both alias the bytes given to Parse. It panics if there is no such
// line.
func (h *head) Field(i int) (name, value []byte) {
	f := &h.fields[i]
	return h.buf[f.name:f.colon:f.colon], h.buf[f.value:f.end:f.end]
}

// Get returns the value of the first field of that name, in any letter case.
// For Host, Connection, Content-Length, Transfer-Encoding, TE, Expect and
// Upgrade it costs the same however many fields there are; for others it looks
// through them.
func (h *head) Get(name string) (value []byte, ok bool) {
	if k := knownName(name); k != kOther {
		if h.first[k] == 0 {
			return nil, false
		}
		_, value = h.Field(int(h.first[k]) - 1)
		return value, true
	}
	i := h.find(name, 0)
	if i < 0 {
		return nil, false
	}
	_, value = h.Field(i)
	return value, true
}

// Values calls f with the value of each field of that name, in any letter case
// and in order, until f returns false.
func (h *head) Values(name string, f func(value []byte) bool) {
	for i := h.find(name, 0); i >= 0; i = h.find(name, i+1) {
		if _, v := h.Field(i); !f(v) {
			return
		}
	}
}

// HasToken reports whether the fields of that name, taken as one
// comma-separated list (RFC 9110 5.6.1), have the element token, in any letter
// case. An element with parameters is not equal to its token.
func (h *head) HasToken(name, token string) bool {
	for i := h.find(name, 0); i >= 0; i = h.find(name, i+1) {
		if _, v := h.Field(i); ContainsToken(v, token) {
			return true
		}
	}
	return false
}

// find returns the index of the next field of that name from i on, or -1.
func (h *head) find(name string, i int) int {
	for ; i < len(h.fields); i++ {
		f := &h.fields[i]
		if int(f.colon-f.name) == len(name) && equalFold(h.buf[f.name:f.colon], name) {
			return i
		}
	}
	return -1
}

func knownName(name string) kind {
	var known string
	var k kind
	switch len(name) {
	case 2:
		known, k = "te", kTE
	case 4:
		known, k = "host", kHost
	case 6:
		known, k = "expect", kExpect
	case 7:
		known, k = "upgrade", kUpgrade
	case 10:
		known, k = "connection", kConnection
	case 14:
		known, k = "content-length", kContentLength
	case 17:
		known, k = "transfer-encoding", kTransferEncoding
	}
	if k == kOther || !equalFold(name, known) {
		return kOther
	}
	return k
}

// ContainsToken reports whether the comma-separated list (RFC 9110 5.6.1) has
// the element token, in any letter case. Commas inside quoted strings do not
// separate. It does not allocate.
func ContainsToken(list []byte, token string) bool {
	for len(list) > 0 {
		var e []byte
		if e, list = nextElement(list); equalFold(e, token) && len(e) > 0 {
			return true
		}
	}
	return false
}

// nextElement cuts the first element, without the white space around it, off a
// comma-separated list.
func nextElement(list []byte) (elem, rest []byte) {
	quoted := false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == ',' && !quoted:
			return trimOWS(list[:i]), list[i+1:]
		}
	}
	return trimOWS(list), nil
}
