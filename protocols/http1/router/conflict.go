package router

import (
	"fmt"
	"net/http"
	"strings"
)

// ConflictError is what Register gives for a pattern that some request matches as well as it matches another one, of the same
// host, without one of the two being more specific.
type ConflictError struct {
	// Pattern is the refused one, Other the one that is registered.
	Pattern, Other string
	// PatternAt and OtherAt are the files and lines that registered them.
	PatternAt, OtherAt string
	// Reason says what both match, and what only one does.
	Reason string
}

// Error names both patterns, where they were registered, and why they conflict.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("router: pattern %q (registered at %s) conflicts with pattern %q (registered at %s): %s",
		e.Pattern, e.PatternAt, e.Other, e.OtherAt, e.Reason)
}

// conflict says whether there is a request that a and b both match while neither wins. A pattern with a host wins over one
// without, and one that matches a proper subset of what the other matches wins over that.
func conflict(a, b *pattern) bool {
	return a.host == b.host && methodsOverlap(a.method, b.method) && pathsOverlap(a.segments, b.segments) &&
		covers(a, b) == covers(b, a)
}

// covers says whether a matches all that b does.
func covers(a, b *pattern) bool {
	return methodCovers(a.method, b.method) && pathCovers(a.segments, b.segments)
}

func methodCovers(a, b string) bool {
	return a == "" || a == b || a == http.MethodGet && b == http.MethodHead
}

func methodsOverlap(a, b string) bool { return methodCovers(a, b) || methodCovers(b, a) }

func pathCovers(a, b []segment) bool {
	for i := 0; i < len(a) && i < len(b); i++ {
		switch {
		case a[i].kind == multi:
			return true
		case b[i].kind == multi:
			return false
		case a[i].kind == wild && b[i].kind != end:
		case a[i].kind != b[i].kind || a[i].text != b[i].text:
			return false
		}
	}
	return len(a) == len(b)
}

func pathsOverlap(a, b []segment) bool {
	for i := 0; i < len(a) && i < len(b); i++ {
		ka, kb := a[i].kind, b[i].kind
		switch {
		case ka == multi || kb == multi:
			return true
		case ka == wild && kb != end, kb == wild && ka != end:
		case ka != kb || a[i].text != b[i].text:
			return false
		}
	}
	return len(a) == len(b)
}

func newConflict(a, b *route) *ConflictError {
	e := &ConflictError{Pattern: a.text, Other: b.text, PatternAt: a.where, OtherAt: b.where}
	aPaths, bPaths := pathCovers(a.segments, b.segments), pathCovers(b.segments, a.segments)
	switch {
	case covers(&a.pattern, &b.pattern):
		e.Reason = "they match the same requests"
	case !aPaths && !bPaths:
		e.Reason = fmt.Sprintf("both match %s; %s is for the first only, and %s for the second only",
			common(a.segments, b.segments), only(a.segments, b.segments), only(b.segments, a.segments))
	case methodCovers(a.method, b.method):
		e.Reason = "the first has more methods, and the second more paths"
	default:
		e.Reason = "the first has more paths, and the second more methods"
	}
	return e
}

// common is a path that both match, of which there is one.
func common(a, b []segment) string {
	if len(a) < len(b) {
		a, b = b, a
	}
	var path strings.Builder
	for i, s := range a {
		if i < len(b) && (s.kind == multi || s.kind == wild && b[i].kind == literal) {
			s = b[i]
		}
		path.WriteString("/" + example(s))
	}
	return path.String()
}

// only is a path that a matches and b does not, of which there is one, as neither covers the other.
func only(a, b []segment) string {
	var path strings.Builder
	for i, s := range a {
		text := example(s)
		switch {
		case i >= len(b) || s.kind == literal || b[i].kind == multi:
		case s.kind == multi && b[i].kind == end:
			text = "x"
		case s.kind == wild && b[i].kind == literal && b[i].text == text:
			text += "x"
		}
		path.WriteString("/" + text)
	}
	return path.String()
}

// example is a segment that s matches.
func example(s segment) string {
	switch s.kind {
	case wild:
		return s.text
	case literal:
		return location(appendEncoded(nil, s.text))
	}
	return ""
}
