package cache

import (
	"net/http"
	"strings"
	"time"
)

// seconds is the argument of a directive; negative: the directive is not there.
type seconds int64

const (
	absent seconds = -1
	// most is what a number of seconds counts at the most (RFC 9111 section 1.2.2).
	most seconds = 1 << 31
)

func (s seconds) duration() time.Duration { return time.Duration(s) * time.Second }

// directives are those of a Cache-Control field that a private cache knows (RFC 9111 section 5.2, RFC 5861, RFC 8246).
type directives struct {
	noStore, noCache, public, mustRevalidate, mustUnderstand, immutable, onlyIfCached bool

	maxAge, minFresh, maxStale, staleIfError, staleWhileRevalidate seconds
}

// control reads Cache-Control; pragma too where a request has none (RFC 9111 section 5.4). What cannot be read counts as what is
// more careful: a bad max-age is 0 (section 4.2.1), a bad min-fresh boundless, and permissions to serve stale are none. Of
// directives that are there twice, the lesser is meant, of min-fresh the greater.
func control(h http.Header, request bool) directives {
	d := directives{maxAge: absent, minFresh: absent, maxStale: absent, staleIfError: absent, staleWhileRevalidate: absent}
	values := h["Cache-Control"]
	if request && len(values) == 0 {
		for _, v := range h["Pragma"] {
			elements(v, func(name, _ string, _ bool) { d.noCache = d.noCache || name == "no-cache" })
		}
	}
	for _, v := range values {
		elements(v, d.take)
	}
	return d
}

func (d *directives) take(name, arg string, has bool) {
	least := func(to *seconds, bad seconds) {
		n, ok := delta(arg)
		if !has || !ok {
			n = bad
		}
		if *to == absent || n < *to {
			*to = n
		}
	}
	switch name {
	case "no-store":
		d.noStore = true
	case "no-cache": // with field names too: then the whole is validated (section 5.2.2.4)
		d.noCache = true
	case "public":
		d.public = true
	case "must-revalidate":
		d.mustRevalidate = true
	case "must-understand":
		d.mustUnderstand = true
	case "immutable":
		d.immutable = true
	case "only-if-cached":
		d.onlyIfCached = true
	case "max-age":
		least(&d.maxAge, 0)
	case "min-fresh":
		n, ok := delta(arg)
		if !ok {
			n = most
		}
		d.minFresh = max(d.minFresh, n)
	case "max-stale":
		if !has { // any staleness (section 5.2.1.2)
			if d.maxStale == absent {
				d.maxStale = most
			}
			return
		}
		least(&d.maxStale, 0)
	case "stale-if-error":
		least(&d.staleIfError, 0)
	case "stale-while-revalidate":
		least(&d.staleWhileRevalidate, 0)
	}
}

// delta reads delta-seconds (RFC 9111 section 1.2.2).
func delta(s string) (seconds, bool) {
	if s == "" {
		return 0, false
	}
	var n seconds
	for i := range len(s) {
		c := s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		n = min(n*10+seconds(c-'0'), most)
	}
	return n, true
}

// elements calls f for each directive of a list, its name in lower case, its argument without quotes (RFC 9111 section 5.2 has
// recipients take both forms).
func elements(s string, f func(name, arg string, has bool)) {
	for s != "" {
		var element string
		element, s = cutElement(s)
		name, arg, has := strings.Cut(element, "=")
		name = strings.ToLower(strings.Trim(name, " \t"))
		arg = strings.Trim(arg, " \t")
		if len(arg) >= 2 && arg[0] == '"' && arg[len(arg)-1] == '"' {
			arg = unquote(arg[1 : len(arg)-1])
		}
		if name != "" {
			f(name, arg, has)
		}
	}
}

// cutElement cuts a list at its first comma that is in no quoted string.
func cutElement(s string) (element, rest string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

func unquote(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
