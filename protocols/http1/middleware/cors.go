package middleware

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// CORS lets pages of other origins use the server, by the CORS protocol of the Fetch standard. It answers preflights itself, with
// 204. The zero value allows no other origin anything.
//
// CORS tells browsers whose pages may read answers. It does not keep requests away: a "simple" request of any origin still
// reaches the handler.
type CORS struct {
	// Origins are those allowed: as browsers write them, such as "https://example.com" or "http://localhost:8080"; "*" for all;
	// "https://*.example.com" for all subdomains, but not example.com itself. "null", the origin of files and sandboxes, has to be
	// named.
	Origins []string
	// OriginFunc is asked for an origin that is not in Origins; nil: none is allowed beyond them. It runs on the loop and must not
	// block; the origin it gets has the form of one.
	OriginFunc func(origin string) bool
	// Credentials lets pages send cookies and authorization. Not together with "*" or "null", which would let any page act
	// as the user.
	Credentials bool
	// Methods are those allowed; nil: GET, HEAD and POST.
	Methods []string
	// Headers are the request's fields that pages may set beyond those always allowed; "*": any that are asked for.
	Headers []string
	// Expose are the answer's fields that pages may read beyond those always allowed.
	Expose []string
	// MaxAge is how long a browser keeps what a preflight said; 0: the browser's default of 5 s; negative: not at all.
	MaxAge time.Duration
	// PrivateNetwork lets pages of public sites reach this server in a private network
	// (Access-Control-Allow-Private-Network).
	PrivateNetwork bool
}

// maxOrigin bounds an origin that is looked at: a host name has 253 characters.
const maxOrigin = 300

// Check says what is wrong with the configuration. Middleware panics with it.
func (c *CORS) Check() error {
	for _, o := range c.Origins {
		switch {
		case o == "*" || o == "null":
			if c.Credentials {
				return fmt.Errorf("middleware: CORS with Credentials for the origin %q", o)
			}
		case !validOrigin(strings.Replace(o, "://*.", "://", 1)):
			return fmt.Errorf("middleware: %q is no origin: scheme://host or scheme://host:port, in lower case, without a path", o)
		}
	}
	for _, list := range [][]string{c.Methods, c.Headers, c.Expose} {
		for _, name := range list {
			if !wire.ValidToken(name) {
				return fmt.Errorf("middleware: CORS: %q is no token", name)
			}
		}
	}
	if c.Credentials && slices.Contains(c.Expose, "*") {
		return errors.New(`middleware: CORS: with Credentials, "*" in Expose means a field of that name`)
	}
	return nil
}

// cors is a CORS made ready.
type cors struct {
	exact      map[string]bool
	wild       [][2]string // before and behind the "*"
	all        bool
	fn         func(string) bool
	credential bool
	methods    []string
	allow      string // Access-Control-Allow-Methods
	headers    string
	anyHeader  bool
	expose     string
	maxAge     string
	private    bool
	onAll      func(*http1.Exchange, *http1.Head)
	onNone     func(*http1.Exchange, *http1.Head)
}

// Middleware gives the http1.Middleware. It panics if Check finds something.
func (c *CORS) Middleware() http1.Middleware {
	if err := c.Check(); err != nil {
		panic(err)
	}
	return c.compile().wrap
}

func (m *cors) wrap(next http1.Handler) http1.Handler {
	return http1.HandlerFunc(func(x *http1.Exchange) {
		origin, ok := x.Request().Get("Origin")
		if ok && string(x.Method()) == http.MethodOptions {
			if method, ok := x.Request().Get("Access-Control-Request-Method"); ok {
				m.preflight(x, origin, method)
				return
			}
		}
		m.simple(x, origin)
		next.Handle(x)
	})
}

func (c *CORS) compile() *cors {
	m := &cors{
		exact: map[string]bool{}, fn: c.OriginFunc, credential: c.Credentials, methods: slices.Clone(c.Methods),
		anyHeader: slices.Contains(c.Headers, "*"), headers: strings.Join(c.Headers, ", "), expose: strings.Join(c.Expose, ", "),
		private: c.PrivateNetwork,
	}
	for _, o := range c.Origins {
		if before, after, wild := strings.Cut(o, "*"); o == "*" {
			m.all = true
		} else if wild {
			m.wild = append(m.wild, [2]string{before, after})
		} else {
			m.exact[o] = true
		}
	}
	if m.methods == nil {
		m.methods = []string{http.MethodGet, http.MethodHead, http.MethodPost}
	}
	m.allow = strings.Join(m.methods, ", ")
	switch {
	case c.MaxAge > 0:
		m.maxAge = strconv.FormatInt(int64((c.MaxAge+time.Second-1)/time.Second), 10)
	case c.MaxAge < 0:
		m.maxAge = "0"
	}
	m.onAll = func(_ *http1.Exchange, h *http1.Head) { m.grant(h, "*") }
	m.onNone = func(_ *http1.Exchange, h *http1.Head) { h.AddVary("Origin") }
	return m
}

// simple is for all requests but preflights. The answer depends on the origin also where there is none: Vary says so, or a
// cache would give the answer for one origin to another.
func (m *cors) simple(x *http1.Exchange, origin []byte) {
	switch {
	case m.all:
		x.OnHead(m.onAll)
	case m.allowed(origin):
		o := string(origin)
		x.OnHead(func(_ *http1.Exchange, h *http1.Head) { m.grant(h, o) })
	default:
		x.OnHead(m.onNone)
	}
}

// grant puts the fields into an answer.
func (m *cors) grant(h *http1.Head, origin string) {
	h.Set("Access-Control-Allow-Origin", origin)
	if origin != "*" {
		h.AddVary("Origin")
	}
	if m.credential {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if m.expose != "" {
		h.Set("Access-Control-Expose-Headers", m.expose)
	}
}

// preflight answers with what is allowed, or with nothing of it: that is a refusal, and the browser says so to the page.
func (m *cors) preflight(x *http1.Exchange, origin, method []byte) {
	q := x.Request()
	vary := "Access-Control-Request-Method, Access-Control-Request-Headers"
	if !m.all {
		vary = "Origin, " + vary
	}
	if m.private {
		vary += ", Access-Control-Request-Private-Network"
	}
	x.SetHeader("Vary", vary)
	if (m.all || m.allowed(origin)) && slices.ContainsFunc(m.methods, func(s string) bool { return s == "*" || s == string(method) }) {
		m.permit(x, q, origin, method)
	}
	x.Respond(http.StatusNoContent, "", nil)
}

func (m *cors) permit(x *http1.Exchange, q *wire.Request, origin, method []byte) {
	if m.all {
		x.SetHeader("Access-Control-Allow-Origin", "*")
	} else {
		x.SetHeader("Access-Control-Allow-Origin", string(origin))
	}
	if m.credential {
		x.SetHeader("Access-Control-Allow-Credentials", "true")
	}
	allow := m.allow
	if slices.Contains(m.methods, "*") {
		allow = string(method) // a method is a token already, and "*" means none with credentials
		if !wire.ValidToken(allow) {
			return
		}
	}
	x.SetHeader("Access-Control-Allow-Methods", allow)
	headers := m.headers
	if m.anyHeader {
		headers = askedHeaders(q)
	}
	if headers != "" {
		x.SetHeader("Access-Control-Allow-Headers", headers)
	}
	if m.maxAge != "" {
		x.SetHeader("Access-Control-Max-Age", m.maxAge)
	}
	if v, ok := q.Get("Access-Control-Request-Private-Network"); ok && m.private && string(v) == "true" {
		x.SetHeader("Access-Control-Allow-Private-Network", "true")
	}
}

// askedHeaders is the list of names that a preflight asks for, if each one is a field name: what is reflected is not the
// client's text but its tokens.
func askedHeaders(q *wire.Request) string {
	var list []byte
	ok := true
	q.Values("Access-Control-Request-Headers", func(v []byte) bool {
		for e := range bytes.SplitSeq(v, []byte(",")) {
			e = bytes.Trim(e, " \t")
			if len(e) == 0 {
				continue
			}
			if ok = wire.ValidToken(string(e)); !ok {
				return false
			}
			if len(list) > 0 {
				list = append(list, ", "...)
			}
			list = append(list, e...)
		}
		return true
	})
	if !ok {
		return ""
	}
	return string(list)
}

// allowed says whether an origin may use the server.
func (m *cors) allowed(origin []byte) bool {
	if len(origin) == 0 || len(origin) > maxOrigin {
		return false
	}
	if m.exact[string(origin)] {
		return true
	}
	if len(m.wild) == 0 && m.fn == nil {
		return false
	}
	o := string(origin)
	if !validOrigin(o) {
		return false
	}
	for _, w := range m.wild {
		if len(o) > len(w[0])+len(w[1]) && strings.HasPrefix(o, w[0]) && strings.HasSuffix(o, w[1]) {
			return true
		}
	}
	return m.fn != nil && m.fn(o)
}

// validOrigin says whether o is a serialized origin that is not opaque: scheme://host, with a port or not, in lower case.
func validOrigin(o string) bool {
	scheme, host, ok := strings.Cut(o, "://")
	if !ok || scheme == "" || host == "" || len(o) > maxOrigin || scheme[0] < 'a' || scheme[0] > 'z' {
		return false
	}
	for i := range len(scheme) {
		if c := scheme[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("+-.", rune(c)) {
			return false
		}
	}
	rest := host
	if host[0] == '[' {
		end := strings.IndexByte(host, ']')
		if end < 4 || strings.Trim(host[1:end], "0123456789abcdef:.") != "" {
			return false
		}
		host, rest = "v6", host[end+1:]
	} else if host, _, ok = strings.Cut(host, ":"); ok {
		rest = rest[len(host):]
	} else {
		rest = ""
	}
	for i := range len(host) {
		if c := host[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	if rest == "" {
		return host != ""
	}
	port, err := strconv.ParseUint(strings.TrimPrefix(rest, ":"), 10, 16)
	return err == nil && rest[0] == ':' && rest[1] >= '1' && port > 0 && host != ""
}
