package router

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// kind is what a segment of a pattern matches.
type kind uint8

const (
	literal kind = iota // itself
	wild                // any segment but the empty one at the end: {name}
	multi               // the rest of the path: {name...}, or nothing behind the last slash
	end                 // the path's end behind a slash: {$}
)

// segment is what stands between two slashes of a pattern. text is a literal's decoded bytes, or a wildcard's name.
type segment struct {
	kind kind
	text string
}

// pattern is a parsed pattern. It has one segment at the least.
type pattern struct {
	text     string
	method   string // empty: any
	host     string // in lower case; empty: any
	segments []segment
}

func (p *pattern) last() segment { return p.segments[len(p.segments)-1] }

// parse reads a pattern. What is an error is what net/http's ServeMux does not take.
func parse(text string) (*pattern, error) {
	if text == "" {
		return nil, errors.New("router: empty pattern")
	}
	p := &pattern{text: text}
	rest := text
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		p.method, rest = text[:i], strings.TrimLeft(text[i:], " \t")
		if p.method != "" && !wire.ValidToken(p.method) {
			return nil, p.fault(0, fmt.Sprintf("%q is no method", p.method))
		}
	}
	at := len(text) - len(rest)
	slash := strings.IndexByte(rest, '/')
	if slash < 0 {
		return nil, p.fault(at, "there is no '/', where the path begins")
	}
	if i := strings.IndexByte(rest[:slash], '{'); i >= 0 {
		return nil, p.fault(at+i, "'{' in the host: does the path lack its first '/'?")
	}
	p.host = strings.ToLower(rest[:slash])
	at, rest = at+slash, rest[slash:]
	if p.method != "" && p.method != http.MethodConnect && !cleanPath(rest) {
		return nil, p.fault(at, "requests have clean paths: this one can match none")
	}
	return p, p.parsePath(rest, at)
}

// parsePath reads the segments of path, which stands at offset at of the pattern.
func (p *pattern) parsePath(path string, at int) error {
	for path != "" {
		at, path = at+1, path[1:] // the slash
		n := strings.IndexByte(path, '/')
		if n < 0 {
			n = len(path)
		}
		s, err := p.parseSegment(path[:n], at, n == len(path))
		if err != nil {
			return err
		}
		p.segments = append(p.segments, s)
		if n == 0 && path == "" {
			return nil
		}
		at, path = at+n, path[n:]
	}
	return nil
}

func (p *pattern) parseSegment(s string, at int, last bool) (segment, error) {
	open := strings.IndexByte(s, '{')
	switch {
	case s == "" && last:
		return segment{kind: multi}, nil
	case open < 0:
		return segment{literal, decodeString(s)}, nil
	case open > 0:
		return segment{}, p.fault(at+open, "a wildcard is a whole segment: '{' stands behind something")
	case s[len(s)-1] != '}':
		return segment{}, p.fault(at, "a wildcard is a whole segment: it does not end in '}'")
	}
	name := s[1 : len(s)-1]
	if name == "$" {
		if !last {
			return segment{}, p.fault(at, "{$} stands at the end only")
		}
		return segment{kind: end}, nil
	}
	name, rest := strings.CutSuffix(name, "...")
	if rest && !last {
		return segment{}, p.fault(at, "{...} stands at the end only")
	}
	if !identifier(name) {
		return segment{}, p.fault(at, fmt.Sprintf("%q is no name of a wildcard: it has to be a Go identifier", name))
	}
	for _, other := range p.segments {
		if other.kind != literal && other.text == name {
			return segment{}, p.fault(at, fmt.Sprintf("two wildcards are named %q", name))
		}
	}
	if rest {
		return segment{multi, name}, nil
	}
	return segment{wild, name}, nil
}

func (p *pattern) fault(at int, what string) error {
	return fmt.Errorf("router: pattern %q: at offset %d: %s", p.text, at, what)
}

func identifier(s string) bool {
	for i, c := range s {
		if c != '_' && !unicode.IsLetter(c) && (i == 0 || !unicode.IsDigit(c)) {
			return false
		}
	}
	return s != ""
}

// route is a pattern with its handler, as the trees hold it.
type route struct {
	pattern
	handler  http1.Handler
	where    string     // the caller that registered it
	wilds    []wildcard // in the order of the path
	multi    bool       // the last of wilds, with a name or not, takes the rest
	literals string     // the whole path in the trees' form, if there are no wildcards
	unclean  bool       // the literals alone may match a path that is not clean
}

// wildcard is a named part of a path, or the unnamed rest.
type wildcard struct {
	name    string
	segment int // how many segments stand before
}

func newRoute(p *pattern, h http1.Handler, where string) *route {
	r := &route{pattern: *p, handler: h, where: where, multi: p.last().kind == multi}
	var path []byte
	for i, s := range p.segments {
		path = append(path, '/')
		switch s.kind {
		case wild, multi:
			r.wilds = append(r.wilds, wildcard{s.text, i})
			path = append(path, 'x')
		case literal:
			path = appendEncoded(path, s.text)
		}
	}
	r.unclean = !cleanPath(path)
	if len(r.wilds) == 0 && !r.unclean {
		r.literals = string(path)
	}
	return r
}
