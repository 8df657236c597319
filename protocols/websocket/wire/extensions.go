package wire

import "strings"

// Extension is one element of Sec-WebSocket-Extensions (RFC 6455 9.1): an offer, or what a server answers.
type Extension struct {
	Name   string  // a token
	Params []Param // in their order
}

// Param is a parameter of an extension.
type Param struct {
	Name  string // a token
	Value string // what a quoted one stands for
	Has   bool   // a value was given
}

// maxExtensions bounds the elements of a field, and the parameters of each: more are refused as malformed.
const maxExtensions = 32

// ParseExtensions parses one value of Sec-WebSocket-Extensions (RFC 6455 9.1). It is strict: what is not in the grammar, of
// which a quoted value must be a token within its quotes, gives false. Empty elements of the list are allowed
// (RFC 9110 5.6.1), an empty list is not; nor are more than 32 elements, or parameters of one.
func ParseExtensions(value string) ([]Extension, bool) {
	s := scanner{value}
	var list []Extension
	for {
		s.space()
		if s.take(',') {
			continue
		}
		if s.s == "" {
			return list, len(list) > 0
		}
		e, ok := s.extension()
		if !ok || len(list) == maxExtensions {
			return nil, false
		}
		list = append(list, e)
		if s.s != "" && !s.take(',') {
			return nil, false
		}
	}
}

// scanner reads the elements of a field value.
type scanner struct{ s string }

func (s *scanner) space() { s.s = strings.TrimLeft(s.s, " \t") }

func (s *scanner) take(c byte) bool {
	if s.s == "" || s.s[0] != c {
		return false
	}
	s.s = s.s[1:]
	return true
}

func (s *scanner) token() string {
	n := 0
	for n < len(s.s) && isToken(s.s[n]) {
		n++
	}
	t := s.s[:n]
	s.s = s.s[n:]
	return t
}

// extension reads one element and the white space behind it.
func (s *scanner) extension() (e Extension, ok bool) {
	if e.Name = s.token(); e.Name == "" {
		return e, false
	}
	for s.space(); s.take(';'); s.space() {
		s.space()
		p, ok := s.param()
		if !ok || len(e.Params) == maxExtensions {
			return e, false
		}
		e.Params = append(e.Params, p)
	}
	return e, true
}

func (s *scanner) param() (p Param, ok bool) {
	if p.Name = s.token(); p.Name == "" {
		return p, false
	}
	s.space()
	if !s.take('=') {
		return p, true
	}
	s.space()
	p.Has = true
	if s.take('"') {
		p.Value, ok = s.quoted()
		return p, ok
	}
	p.Value = s.token()
	return p, p.Value != ""
}

// quoted reads a quoted-string behind its first quote. RFC 6455 9.1: without its escapes it must be a token.
func (s *scanner) quoted() (string, bool) {
	var b []byte
	for i := 0; i < len(s.s); i++ {
		c := s.s[i]
		if c == '"' {
			s.s = s.s[i+1:]
			return string(b), len(b) > 0
		}
		if c == '\\' {
			if i++; i == len(s.s) {
				break
			}
			c = s.s[i]
		}
		if !isToken(c) {
			break
		}
		b = append(b, c)
	}
	return "", false
}

// isToken reports whether c is a tchar (RFC 9110 5.6.2).
func isToken(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

func isTokenString(s string) bool {
	for i := range len(s) {
		if !isToken(s[i]) {
			return false
		}
	}
	return s != ""
}

// hasToken reports whether a list of tokens, such as the value of Connection, has t, in lower case.
func hasToken(value, t string) bool {
	for e := range strings.SplitSeq(value, ",") {
		if strings.EqualFold(strings.Trim(e, " \t"), t) {
			return true
		}
	}
	return false
}
