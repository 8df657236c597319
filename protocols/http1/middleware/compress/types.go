package compress

import "strings"

// defaultTypes are the media types whose bodies are worth the work. Images, sound, films, archives and fonts in WOFF are
// compressed already.
var defaultTypes = []string{
	"text/*", "*+json", "*+xml", "*+text",
	"application/json", "application/x-ndjson", "application/ld+json", "application/json-seq",
	"application/javascript", "application/x-javascript", "application/ecmascript",
	"application/xml", "application/xhtml+xml", "application/rss+xml", "application/atom+xml",
	"application/wasm", "application/graphql", "application/sql", "application/yaml", "application/toml",
	"application/vnd.ms-fontobject", "font/ttf", "font/otf", "font/collection", "image/svg+xml", "image/bmp", "image/x-icon",
	"image/vnd.microsoft.icon", "model/gltf+json",
}

// typeSet matches media types: exact ones, "text/*" and "*+json".
type typeSet struct {
	exact    map[string]bool
	prefixes []string // "text/"
	suffixes []string // "+json"
}

func newTypeSet(types []string) *typeSet {
	s := &typeSet{exact: map[string]bool{}}
	for _, t := range types {
		t = strings.ToLower(strings.TrimSpace(t))
		switch {
		case strings.HasSuffix(t, "/*"):
			s.prefixes = append(s.prefixes, strings.TrimSuffix(t, "*"))
		case strings.HasPrefix(t, "*+"):
			s.suffixes = append(s.suffixes, t[1:])
		case t != "":
			s.exact[t] = true
		}
	}
	return s
}

// has looks at the media type alone, not at its parameters, in any letter case.
func (s *typeSet) has(contentType string) bool {
	t, _, _ := strings.Cut(contentType, ";")
	t = strings.ToLower(strings.TrimSpace(t)) // does not allocate if it is in lower case
	if t == "" {
		return false
	}
	if s.exact[t] {
		return true
	}
	for _, p := range s.prefixes {
		if strings.HasPrefix(t, p) {
			return true
		}
	}
	for _, p := range s.suffixes {
		if strings.HasSuffix(t, p) {
			return true
		}
	}
	return false
}
