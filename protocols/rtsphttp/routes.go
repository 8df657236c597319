package rtsphttp

import (
	"bytes"
	ctls "crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/rtsphttp/wire"
)

// Route leads requests to one camera.
type Route struct {
	// Host is the host that a request must be for, without its port; empty: any. Routes with one are looked at first.
	Host string
	// Prefix is the path that a request must be below, "/cam1" or "/"; the longest that fits is taken; empty: "/". In RTSP's URLs it
	// is replaced by the path of Backend.
	Prefix string
	// Backend is the camera: "rtsp://host[:port][/path]", or rtsps for TLS. The ports are 554 and 322 by default. User and password
	// in it are the same as in the fields below.
	Backend string
	// User and Password are the camera's: the gateway answers its challenges, Digest or Basic, and viewers need not know them.
	User, Password string
	// TLS is crypto/tls's for rtsps; nil is an empty one. Without a ServerName, a copy gets the camera's host.
	TLS *ctls.Config
	// Interleave has a SETUP over UDP rewritten to one inside the tunnel. Otherwise 461 answers it.
	Interleave bool
	// Allow are the networks that may use the route; nil: all. Deny are those that may not, and comes first. 403 answers them.
	Allow, Deny Networks
	// Auth is in front of this route in place of Config.Auth.
	Auth http1.Middleware
}

// Networks is a set of addresses: a *netaddr.Set, or a *netaddr.List that is read again when its files change.
type Networks interface {
	// Contains reports whether the address is in the set. Any goroutine.
	Contains(a netip.Addr) bool
}

// route is a Route that was checked.
type route struct {
	Route
	secure   bool
	host     string // the camera's
	addr     string // its host:port
	dir      string // the path of its URLs, without a slash at the end
	prefix   string // the gateway's, without a slash at the end
	rewrites bool   // messages are changed on their way
	handler  http1.Handler
}

var errRoute = errors.New("rtsphttp: bad route")

func (g *Gateway) compile(r Route) (*route, error) {
	bad := func(what string) (*route, error) {
		return nil, fmt.Errorf("%w: %s: %s", errRoute, what, redacted(r.Backend))
	}
	u, err := url.Parse(r.Backend)
	switch {
	case err != nil:
		return bad("backend is no URL")
	case u.Scheme != "rtsp" && u.Scheme != "rtsps":
		return bad("backend is not rtsp:// or rtsps://")
	case u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "":
		return bad("backend is not a host with a path")
	case r.Prefix != "" && (r.Prefix[0] != '/' || strings.ContainsAny(r.Prefix, "? #") || dotted([]byte(r.Prefix))):
		return bad("prefix " + r.Prefix + " is no path, for")
	case dotted([]byte(u.EscapedPath())):
		return bad("backend has dot segments")
	}
	out := &route{Route: r, secure: u.Scheme == "rtsps", host: u.Hostname()}
	port := u.Port()
	switch {
	case port != "":
	case out.secure:
		port = "322" // RFC 7826 section 4.2
	default:
		port = "554"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return bad("backend has no port of TCP")
	}
	if _, err := netip.ParseAddr(out.host); err != nil && strings.Contains(out.host, ":") {
		return bad("backend's host is neither a name nor an address")
	}
	out.addr = net.JoinHostPort(out.host, port)
	out.dir = strings.TrimRight(u.EscapedPath(), "/")
	out.prefix = strings.TrimRight(r.Prefix, "/")
	out.Host = strings.ToLower(r.Host)
	if u.User != nil && r.User == "" {
		out.User = u.User.Username()
		out.Password, _ = u.User.Password()
	}
	if out.secure {
		out.TLS = &ctls.Config{}
		if r.TLS != nil {
			out.TLS = r.TLS.Clone()
		}
		if out.TLS.ServerName == "" {
			out.TLS.ServerName = out.host
		}
	}
	out.rewrites = out.prefix != "" || out.dir != "" || out.User != ""
	out.handler = http1.HandlerFunc(func(x *http1.Exchange) { g.serve(x, out) })
	auth := g.cfg.Auth
	if r.Auth != nil {
		auth = r.Auth
	}
	if auth != nil {
		out.handler = auth(out.handler)
	}
	return out, nil
}

// name is the route as it is shown: without user and password.
func (r *route) name() string {
	scheme := "rtsp://"
	if r.secure {
		scheme = "rtsps://"
	}
	return scheme + r.addr + r.dir
}

// redacted is a backend for an error's text.
func redacted(backend string) string {
	if scheme, rest, ok := strings.Cut(backend, "://"); ok {
		if i := strings.LastIndexByte(rest, '@'); i >= 0 {
			rest = rest[i+1:]
		}
		return scheme + "://" + rest
	}
	return "(not shown)" // it may have a password anywhere
}

// dotted reports whether a path has segments that lead elsewhere: "." or "..", however they are encoded.
func dotted(path []byte) bool {
	path, _, _ = bytes.Cut(path, []byte("?"))
	for seg := range bytes.SplitSeq(path, []byte("/")) {
		if len(seg) == 0 || len(seg) > 6 {
			continue
		}
		plain := bytes.ReplaceAll(bytes.ToLower(seg), []byte("%2e"), []byte("."))
		if string(plain) == "." || string(plain) == ".." {
			return true
		}
	}
	return bytes.IndexByte(path, '\\') >= 0 || bytes.Contains(bytes.ToLower(path), []byte("%2f")) || bytes.Contains(bytes.ToLower(path), []byte("%5c"))
}

// SetRoutes replaces the routes, for requests that come from now on; tunnels that are open go on. After an error nothing has
// changed. Any goroutine.
func (g *Gateway) SetRoutes(all []Route) error {
	table := make([]*route, 0, len(all))
	for _, r := range all {
		c, err := g.compile(r)
		if err != nil {
			return err
		}
		table = append(table, c)
	}
	slices.SortStableFunc(table, func(a, b *route) int {
		switch {
		case (a.Host == "") != (b.Host == ""):
			return len(b.Host) - len(a.Host)
		default:
			return len(b.prefix) - len(a.prefix)
		}
	})
	g.routes.Store(&table)
	return nil
}

// find gives the route of a request, or nil.
func (g *Gateway) find(x *http1.Exchange) *route {
	host := x.Request().Authority()
	if i := bytes.LastIndexByte(host, ':'); i >= 0 && bytes.IndexByte(host[i:], ']') < 0 {
		host = host[:i]
	}
	host = bytes.TrimSuffix(bytes.TrimPrefix(host, []byte("[")), []byte("]"))
	for _, r := range *g.routes.Load() {
		if r.Host != "" && !strings.EqualFold(string(host), r.Host) {
			continue
		}
		if _, ok := wire.CutPrefix(x.Path(), r.prefix); ok {
			return r
		}
	}
	return nil
}
