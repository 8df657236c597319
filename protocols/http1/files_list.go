package http1

import (
	"cmp"
	"encoding/json"
	"html"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// listing is a directory as it is shown.
type listing struct {
	// Path is the directory's, from the root of the server, decoded, with a slash at its end.
	Path string `json:"path"`
	// Entries are sorted: directories first, then by name.
	Entries []listed `json:"entries"`
	// Truncated: there are more than MaxList.
	Truncated bool `json:"truncated"`
}

// listed is one entry of a listing. Size is a file's.
type listed struct {
	Name     string    `json:"name"`
	Type     string    `json:"type"` // "file" or "directory"
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
}

// list answers with a listing, which a worker makes each time.
func (s *FileServer) list(x *Exchange, key string) {
	asJSON := prefersJSON(x)
	title := s.cfg.Prefix + key
	t := x.ticket()
	err := x.Offload(func() {
		l, err := s.readList(key)
		l.Path = title
		var body []byte
		ctype := "text/html; charset=utf-8"
		switch {
		case err != nil:
		case asJSON:
			ctype = "application/json"
			body, err = json.Marshal(l)
		default:
			body = l.html()
		}
		t.post(func(x *Exchange) {
			if err != nil {
				s.fail(x, statusOfFile(err))
				return
			}
			x.fields = append(x.fields, "Vary: Accept\r\nX-Content-Type-Options: nosniff\r\n"...)
			x.fields = append(x.fields, s.common304...)
			x.Respond(http.StatusOK, ctype, body)
		})
	})
	if err != nil {
		s.fail(x, http.StatusServiceUnavailable)
	}
}

// prefersJSON says whether the request wants JSON rather than HTML (RFC 9110 section 12.5.1); a tie is HTML's.
func prefersJSON(x *Exchange) bool {
	weightOf := map[string]int{"application/json": -1, "text/html": -1, "*/*": -1, "application/*": -1, "text/*": -1}
	x.req.Values("Accept", func(v []byte) bool {
		for e := range strings.SplitSeq(string(v), ",") {
			name, params, _ := strings.Cut(e, ";")
			name = strings.ToLower(strings.TrimSpace(name))
			if _, known := weightOf[name]; !known {
				continue
			}
			weightOf[name] = 1000
			for p := range strings.SplitSeq(params, ";") {
				if w, ok := qvalue([]byte(strings.TrimSpace(p))); ok {
					weightOf[name] = w
				}
			}
		}
		return true
	})
	weight := func(names ...string) int {
		for _, n := range names {
			if w := weightOf[n]; w >= 0 {
				return w
			}
		}
		return 0
	}
	return weight("application/json", "application/*", "*/*") > weight("text/html", "text/*", "*/*")
}

// readList reads a directory. What cannot be asked for is left out: hidden names, what is neither a file nor a directory, and
// links that lead out of the root.
func (s *FileServer) readList(key string) (listing, error) {
	l := listing{Entries: []listed{}}
	dir := strings.TrimSuffix(key, "/")
	if dir == "" {
		dir = "."
	}
	f, err := s.root.Open(dir)
	if err != nil {
		return l, err
	}
	defer f.Close()
	for {
		all, err := f.ReadDir(256)
		for _, d := range all {
			e, ok := s.listed(dir, d)
			if !ok {
				continue
			}
			if len(l.Entries) >= s.cfg.MaxList {
				l.Truncated = true
				l.sort()
				return l, nil
			}
			l.Entries = append(l.Entries, e)
		}
		if err == io.EOF {
			l.sort()
			return l, nil
		}
		if err != nil {
			return l, err
		}
	}
}

// listed is an entry as it is shown, if it is.
func (s *FileServer) listed(dir string, d fs.DirEntry) (listed, bool) {
	name := d.Name()
	if !s.goodSegment([]byte(name)) || !utf8.ValidString(name) || strings.ContainsFunc(name, unservable) {
		return listed{}, false
	}
	info, err := s.root.Stat(path.Join(dir, name)) // of what a link leads to
	switch {
	case err != nil:
		return listed{}, false
	case info.IsDir():
		return listed{name, "directory", 0, info.ModTime().UTC()}, true
	case info.Mode().IsRegular():
		return listed{name, "file", info.Size(), info.ModTime().UTC()}, true
	}
	return listed{}, false
}

// unservable are the characters that key refuses.
func unservable(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }

func (l *listing) sort() {
	slices.SortFunc(l.Entries, func(a, b listed) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name)) // "directory" < "file"
	})
}

const listHead = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>`

const listStyle = `</title><style>
:root{color-scheme:light dark;font:1rem/1.6 system-ui,sans-serif}body{margin:2rem auto;max-width:60rem;padding:0 1rem}
td:nth-child(n+2){text-align:right;padding-left:2rem;font-variant-numeric:tabular-nums;white-space:nowrap}td:first-child{width:100%;overflow-wrap:anywhere}
</style></head><body><h1>`

// html renders a listing as a page. References begin with a dot, so that a name with a colon is no scheme.
func (l *listing) html() []byte {
	title := html.EscapeString(l.Path)
	b := append([]byte(listHead), title+listStyle+title+"</h1>\n<table>\n"...)
	b = append(b, "<tr><td><a href=\"../\">../</a></td></tr>\n"...)
	for _, e := range l.Entries {
		slash, size := "", strconv.FormatInt(e.Size, 10)
		if e.Type == "directory" {
			slash, size = "/", "-"
		}
		b = append(b, `<tr><td><a href="./`+html.EscapeString(url.PathEscape(e.Name))+slash+`">`...)
		b = append(b, html.EscapeString(e.Name)+slash+"</a></td><td>"...)
		b = append(b, e.Modified.Format("2006-01-02 15:04")+"</td><td>"+size+"</td></tr>\n"...)
	}
	b = append(b, "</table>\n"...)
	if l.Truncated {
		b = append(b, "<p>There are more than these.</p>\n"...)
	}
	return append(b, "</body></html>\n"...)
}
