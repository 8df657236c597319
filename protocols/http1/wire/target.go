package wire

import "bytes"

// Form is the form of a request target (RFC 9112 3.2).
type Form uint8

// The four forms.
const (
	OriginForm    Form = iota // /path?query
	AbsoluteForm              // scheme://authority/path?query
	AuthorityForm             // host:port, with CONNECT and only with it
	AsteriskForm              // *, with OPTIONS only
)

// String returns the RFC's name of the form, such as "origin-form".
func (f Form) String() string {
	switch f {
	case OriginForm:
		return "origin-form"
	case AbsoluteForm:
		return "absolute-form"
	case AuthorityForm:
		return "authority-form"
	case AsteriskForm:
		return "asterisk-form"
	}
	return "unknown form"
}

// target is a request target taken apart, as offsets into it.
type target struct {
	form                    Form
	scheme                  int // end of the scheme, 0 if none
	authority, authorityEnd int
	path, query             int // query: where '?' stands, else the length
}

// parseTarget takes apart a target of which the scanner knows that its
// characters are allowed and where its first '?' is (its length, if nowhere).
func parseTarget(method, b []byte, query int) (t target, err *Error) {
	t.path, t.query = len(b), query
	switch {
	case string(method) == "CONNECT":
		// RFC 9112 3.2.3: host and port, both.
		if port, ok := parseAuthority(b); !ok || port < 1 {
			return t, errConnectForm
		}
		t.form, t.authorityEnd = AuthorityForm, len(b)
		return t, nil
	case b[0] == '/':
		t.path = 0
		return t, checkPercent(b[:query])
	case len(b) == 1 && b[0] == '*':
		// RFC 9112 3.2.4
		if string(method) != "OPTIONS" {
			return t, errAsteriskForm
		}
		t.form, t.path = AsteriskForm, 0
		return t, nil
	}
	return t, t.parseAbsolute(b)
}

// parseAbsolute takes apart scheme "://" authority path-abempty [ "?" query ]
// (RFC 9112 3.2.2, RFC 9110 4.2, RFC 3986 3). Every scheme may stand there; one
// without an authority has nothing that a request could be sent to.
func (t *target) parseAbsolute(b []byte) *Error {
	t.form = AbsoluteForm
	for t.scheme < t.query && b[t.scheme] != ':' {
		c := b[t.scheme]
		first := t.scheme == 0
		if !isAlpha(c) && (first || chars[c]&cDigit == 0 && c != '+' && c != '-' && c != '.') {
			return errTargetForm
		}
		t.scheme++
	}
	if t.scheme == 0 || !bytes.HasPrefix(b[t.scheme:], []byte("://")) {
		return errTargetForm
	}
	t.authority = t.scheme + 3
	end := bytes.IndexByte(b[t.authority:t.query], '/')
	if end < 0 {
		t.authorityEnd = t.query
	} else {
		t.authorityEnd = t.authority + end
	}
	a := b[t.authority:t.authorityEnd]
	if bytes.IndexByte(a, '@') >= 0 {
		// RFC 9110 4.2.4: it may only be there to mislead about the host.
		return errUserinfo
	}
	if _, ok := parseAuthority(a); !ok {
		return errTargetAuthority
	}
	t.path = t.authorityEnd
	return checkPercent(b[t.path:t.query])
}

// checkPercent refuses a path in which a percent sign does not begin a
// pct-encoded octet (RFC 3986 2.1): decoders disagree about what it means. A
// query is not decoded before the application looks at it, and user agents send
// a bare percent sign there.
func checkPercent(path []byte) *Error {
	for {
		i := bytes.IndexByte(path, '%')
		if i < 0 {
			return nil
		}
		if !percentAt(path, i) {
			return errPercent
		}
		path = path[i+3:]
	}
}
