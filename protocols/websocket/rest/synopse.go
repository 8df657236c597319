package rest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	hwire "github.com/calandria-go/calandria/protocols/http1/wire"
)

// jsonType is the content type that synopsejson sends as an empty string.
const jsonType = "application/json; charset=UTF-8"

// magic begins a string that is binary content in base64: U+FFF0.
const magic = "\uFFF0"

// synopse is a message of synopsejson: {"request":[method,url,headers,noAnswer,type,content]} or
// {"answer":[status,headers,type,content]}. An empty method is POST, an empty type JSON.
type synopse struct {
	request     bool
	method, url string
	noAnswer    bool
	status      int
	headers     string // lines with CRLF between them, Content-Type not among them
	contentType string
	content     []byte
}

// append renders the message. JSON stands in it as it is, text as a string, all else as base64.
func (m *synopse) append(b []byte) ([]byte, error) {
	if m.request {
		b = append(b, `{"request":[`...)
		b = appendJSON(b, m.method)
		b = appendJSON(append(b, ','), m.url)
		b = appendJSON(append(b, ','), m.headers)
		if m.noAnswer {
			b = append(b, ",1,"...)
		} else {
			b = append(b, ",0,"...)
		}
	} else {
		b = append(b, `{"answer":[`...)
		b = strconv.AppendInt(b, int64(m.status), 10)
		b = appendJSON(append(b, ','), m.headers)
		b = append(b, ',')
	}
	kind := m.contentType
	if isJSON(kind) || len(m.content) == 0 && kind == "" {
		kind = ""
	} else if kind == "" {
		kind = "application/octet-stream"
	}
	b = appendJSON(b, kind)
	b = append(b, ',')
	switch {
	case len(m.content) == 0:
		b = append(b, `""`...)
	case kind == "":
		if !json.Valid(m.content) || !utf8.Valid(m.content) {
			return nil, ErrBody
		}
		b = append(b, m.content...)
	case isText(kind):
		if !utf8.Valid(m.content) {
			return nil, ErrBody
		}
		b = appendJSON(b, string(m.content))
	default:
		b = append(b, `"`+magic...)
		b = base64.StdEncoding.AppendEncode(b, m.content)
		b = append(b, '"')
	}
	return append(b, "]}"...), nil
}

// isJSON says whether a type is the one that is sent as an empty string: without parameters, or with the charset.
func isJSON(kind string) bool {
	base, param, _ := strings.Cut(kind, ";")
	param = strings.TrimSpace(param)
	return strings.EqualFold(strings.TrimSpace(base), "application/json") && (param == "" || strings.EqualFold(param, "charset=utf-8"))
}

func isText(kind string) bool { return len(kind) >= 5 && strings.EqualFold(kind[:5], "text/") }

// appendJSON appends a string, with no more escapes than JSON asks for.
func appendJSON(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c == '\t':
			b = append(b, '\\', 't')
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// parseSynopse reads a message. The names may be any that begin with "r" and "a", as mORMot takes them: request and answer.
func parseSynopse(b []byte) (m synopse, err error) {
	bad := func(what string) (synopse, error) { return synopse{}, violation("synopsejson: " + what) }
	var object map[string]json.RawMessage
	if err := json.Unmarshal(b, &object); err != nil || len(object) != 1 {
		return bad("not an object with one member")
	}
	var name string
	var values []json.RawMessage
	for k, v := range object {
		if name = k; json.Unmarshal(v, &values) != nil {
			return bad("its member is no array")
		}
	}
	var heads []string
	switch {
	case strings.HasPrefix(name, "r") && len(values) == 6:
		m.request = true
	case strings.HasPrefix(name, "a") && len(values) == 4:
	default:
		return bad("neither a request nor an answer")
	}
	for _, v := range values[:len(values)-1] {
		s, ok := scalar(v)
		if !ok {
			return bad("a value is neither a string nor a number")
		}
		heads = append(heads, s)
	}
	m.contentType = heads[len(heads)-1]
	if m.request {
		m.method, m.url, m.headers, m.noAnswer = heads[0], heads[1], heads[2], heads[3] == "1"
		if m.method == "" {
			m.method = http.MethodPost
		}
		if !strings.HasPrefix(m.url, "/") {
			m.url = "/" + m.url // mORMot's clients leave it out
		}
		if !hwire.ValidToken(m.method) || !validTarget(m.url) {
			return bad("bad method or URL")
		}
	} else {
		m.headers = heads[1]
		if m.status, err = strconv.Atoi(heads[0]); err != nil || m.status < 200 || m.status > 999 {
			return bad("bad status")
		}
	}
	return m.take(values[len(values)-1])
}

// take reads the content by its type.
func (m *synopse) take(v json.RawMessage) (synopse, error) {
	if m.contentType == "" || isJSON(m.contentType) {
		if string(v) != `""` {
			m.contentType, m.content = jsonType, v
		}
		return *m, nil
	}
	s, ok := scalar(v)
	if !ok {
		return synopse{}, violation("synopsejson: content is no string")
	}
	if rest, ok := strings.CutPrefix(s, magic); ok && !isText(m.contentType) {
		raw, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			return synopse{}, violation("synopsejson: content is no base64")
		}
		m.content = raw
		return *m, nil
	}
	m.content = []byte(s)
	return *m, nil
}

// scalar is the text of a string or a number.
func scalar(v json.RawMessage) (string, bool) {
	if len(v) > 0 && v[0] == '"' {
		var s string
		return s, json.Unmarshal(v, &s) == nil
	}
	var n json.Number
	d := json.NewDecoder(bytes.NewReader(v))
	d.UseNumber()
	if len(v) == 0 || v[0] == 'n' || d.Decode(&n) != nil {
		return "", false
	}
	return n.String(), true
}

// parseLines reads the lines of headers; what is no field is an error.
func parseLines(lines string, lim *Config) ([]field, error) {
	var all []field
	used := 0
	for line := range strings.SplitSeq(lines, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		used += len(line) + fieldCost
		switch {
		case !ok || !hwire.ValidToken(name) || !hwire.ValidFieldValue(value):
			return nil, violation("synopsejson: bad header line")
		case len(all) >= lim.MaxFields || used > lim.MaxHeadBytes:
			return nil, violation("head is too large")
		}
		all = append(all, field{name, value})
	}
	return all, nil
}
