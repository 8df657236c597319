package multipart

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Part is the head of a part.
type Part struct {
	// Name is the name of the form's field, with what browsers encode decoded: %22, %0D and %0A (the HTML standard, section
	// "multipart/form-data"). It may hold any bytes.
	Name string
	// IsFile: the part has a filename, perhaps an empty one, as of an input without a choice.
	IsFile bool
	// FileName is the last element of what the client calls the file, without control characters, at most 255 bytes, and
	// empty if nothing is left. It is what a person may be shown; never use it as a path.
	FileName string
	// ContentType is what the client says of the data; empty: nothing, which means text/plain.
	ContentType string

	disposed bool
}

// field takes a line of the head. Fields other than these are to be ignored (RFC 7578 section 4.8).
func (p *Part) field(line []byte) error {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || !isToken(name) || bytes.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return ErrHead // a folded line begins with white space, and is none either
	}
	v := strings.Trim(string(value), " \t")
	switch strings.ToLower(string(name)) {
	case "content-disposition":
		if p.disposed {
			return ErrDisposition
		}
		p.disposed = true
		return p.disposition(v)
	case "content-type":
		if p.ContentType != "" {
			return ErrHead
		}
		p.ContentType = v
	case "content-transfer-encoding":
		switch strings.ToLower(v) {
		case "7bit", "8bit", "binary":
		default:
			return ErrEncoding
		}
	}
	return nil
}

func isToken(b []byte) bool {
	for _, c := range b {
		alnum := '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
		if !alnum && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return len(b) > 0
}

// disposition reads the value of Content-Disposition.
func (p *Part) disposition(v string) error {
	typ, rest, _ := strings.Cut(v, ";")
	if !strings.EqualFold(strings.TrimRight(typ, " \t"), "form-data") {
		return ErrDisposition
	}
	named := false
	for rest = strings.TrimLeft(rest, " \t"); rest != ""; {
		name, after, ok := strings.Cut(rest, "=")
		name = strings.ToLower(name)
		if !ok || !isToken([]byte(name)) {
			return ErrDisposition
		}
		var value string
		if value, rest, ok = parameter(after); !ok {
			return ErrDisposition
		}
		switch name {
		case "name":
			if named {
				return ErrDisposition
			}
			p.Name, named = decodeBrowser(value), true
		case "filename":
			if p.IsFile {
				return ErrDisposition
			}
			p.IsFile, p.FileName = true, baseName(decodeBrowser(value))
		}
	}
	if !named {
		return ErrDisposition
	}
	return nil
}

// parameter reads a parameter's value, quoted or not, and what separates it from the next. In a quoted one a backslash stands
// for itself unless a quote or a backslash follows: old browsers send paths like that.
func parameter(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		i := strings.IndexAny(s, "; \t")
		if i < 0 {
			i = len(s)
		}
		value, rest = s[:i], s[i:]
		if !isToken([]byte(value)) {
			return "", "", false
		}
	} else {
		var b strings.Builder
		i := 1
		for ; i < len(s) && s[i] != '"'; i++ {
			if s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') {
				i++
			}
			b.WriteByte(s[i])
		}
		if i >= len(s) {
			return "", "", false
		}
		value, rest = b.String(), s[i+1:]
	}
	rest = strings.TrimLeft(rest, " \t")
	if rest == "" {
		return value, "", true
	}
	if rest[0] != ';' {
		return "", "", false
	}
	return value, strings.TrimLeft(rest[1:], " \t"), true
}

var browserEncoded = strings.NewReplacer("%22", `"`, "%0D", "\r", "%0d", "\r", "%0A", "\n", "%0a", "\n")

// decodeBrowser undoes what browsers encode; a percent sign itself they leave.
func decodeBrowser(s string) string { return browserEncoded.Replace(s) }

// maxFileName is what file systems take.
const maxFileName = 255

// baseName makes a harmless name of a client's.
func baseName(s string) string {
	s = s[strings.LastIndexAny(s, `/\`)+1:]
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return '_'
		case r == ':' || r == '"' || r == '<' || r == '>' || r == '|' || r == '?' || r == '*':
			return '_' // what Windows refuses, or takes for a stream
		case !unicode.IsPrint(r): // control characters, and marks that turn the direction of text around
			return -1
		}
		return r
	}, s)
	s = strings.Trim(s, " ")
	for len(s) > maxFileName {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	if strings.Trim(s, ".") == "" {
		return ""
	}
	return s
}
