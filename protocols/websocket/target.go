package websocket

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// target is where a URL leads.
type target struct {
	url    *url.URL // with http or https: what a cookie jar knows
	addr   string   // "host:port", or the path of a socket
	host   string   // the name to verify
	field  string   // of Host
	uri    string   // of the request line
	auth   string   // of Authorization, from the URL's user; empty for none
	secure bool
	socket bool
}

// parseTarget reads a URL of RFC 6455 3, or one of a unix socket.
func parseTarget(raw string) (*target, error) {
	if rest, ok := strings.CutPrefix(raw, "ws+unix:"); ok {
		return parseSocket(rest, false)
	}
	if rest, ok := strings.CutPrefix(raw, "wss+unix:"); ok {
		return parseSocket(rest, true)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBadURL, err)
	}
	t := &target{secure: u.Scheme == "wss" || u.Scheme == "https"}
	switch {
	case !t.secure && u.Scheme != "ws" && u.Scheme != "http":
		return nil, fmt.Errorf("%w: scheme %q", errBadURL, u.Scheme)
	case u.Fragment != "" || strings.HasSuffix(raw, "#"):
		return nil, fmt.Errorf("%w: it has a fragment", errBadURL)
	case u.Hostname() == "":
		return nil, fmt.Errorf("%w: it has no host", errBadURL)
	}
	port := u.Port()
	u.Scheme = "http"
	def := "80"
	if t.secure {
		u.Scheme, def = "https", "443"
	}
	t.field = u.Host
	if port == "" {
		port = def
		t.field = strings.TrimSuffix(u.Host, ":")
	}
	t.host = u.Hostname()
	t.addr = net.JoinHostPort(t.host, port)
	if host, _, err := net.SplitHostPort(t.addr); err != nil || host != t.host || strings.ContainsAny(host, "[] \t\r\n") {
		return nil, fmt.Errorf("%w: bad host %q", errBadURL, t.host)
	}
	return t.finish(u), nil
}

// parseSocket reads "/path/of/socket:/uri", where the URI may be missing.
func parseSocket(rest string, secure bool) (*target, error) {
	path, uri, _ := strings.Cut(strings.TrimPrefix(rest, "//"), ":")
	if path == "" {
		return nil, fmt.Errorf("%w: it has no path of a socket", errBadURL)
	}
	u, err := url.Parse("http://localhost" + uri)
	if err != nil || uri != "" && uri[0] != '/' || u.Fragment != "" {
		return nil, fmt.Errorf("%w: bad URI behind the path of the socket", errBadURL)
	}
	t := &target{addr: path, host: "localhost", field: "localhost", secure: secure, socket: true}
	if secure {
		u.Scheme = "https"
	}
	return t.finish(u), nil
}

func (t *target) finish(u *url.URL) *target {
	if u.User != nil {
		password, _ := u.User.Password()
		t.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password))
		u.User = nil
	}
	t.url, t.uri = u, u.RequestURI()
	return t
}
