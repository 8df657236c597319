package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/proxy"
	"github.com/calandria-go/calandria/transports/resolve"
)

// passwordVar has the password where -user gives none: what is on the command line others can see.
const passwordVar = "NETCLI_PASSWORD"

// httpFlags are what all commands of HTTP have in common.
type httpFlags struct {
	headers                list
	user, agent            string
	insecure               bool
	cacert, cert, key      string
	proxy                  string
	noProxy, std, compress bool
	timeout, connect       time.Duration
}

func (f *httpFlags) add(fs *flag.FlagSet) {
	f.addConnection(fs)
	fs.BoolVar(&f.std, "std", false, "use net/http's Transport (HTTP/2) in place of calandria's client")
	fs.BoolVar(&f.compress, "compressed", false, "ask for a compressed answer, and decode it")
}

// addConnection adds those that a WebSocket has, too.
func (f *httpFlags) addConnection(fs *flag.FlagSet) {
	fs.Var(&f.headers, "H", "a field of the request, \"Name: value\"; repeatable")
	fs.StringVar(&f.user, "user", "", "name:password for Basic authentication; without a password that of $"+passwordVar)
	fs.StringVar(&f.agent, "A", "netcli", "the User-Agent")
	fs.BoolVar(&f.insecure, "k", false, "do not verify the server's certificate")
	fs.StringVar(&f.cacert, "cacert", "", "PEM file of the authorities to trust, instead of the system's")
	fs.StringVar(&f.cert, "cert", "", "PEM file of a client certificate")
	fs.StringVar(&f.key, "key", "", "PEM file of its key; empty: in the same file")
	fs.StringVar(&f.proxy, "proxy", "", "http://, https:// or socks5:// proxy; empty: as HTTP_PROXY, HTTPS_PROXY and NO_PROXY say")
	fs.BoolVar(&f.noProxy, "noproxy", false, "use no proxy, whatever the environment says")
	fs.DurationVar(&f.timeout, "timeout", 0, "longest time in all; 0: as long as it takes")
	fs.DurationVar(&f.connect, "connect-timeout", 30*time.Second, "longest time for a connection")
}

// limit bounds ctx by -timeout.
func (f *httpFlags) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if f.timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, f.timeout)
}

// header is what -H, -user and -A say; host is another Host, or empty.
func (f *httpFlags) header(e *env) (h http.Header, host string, err error) {
	h = http.Header{}
	if f.agent != "" {
		h.Set("User-Agent", f.agent)
	}
	if f.user != "" {
		name, password, ok := strings.Cut(f.user, ":")
		if !ok {
			password = e.getenv(passwordVar)
		}
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(name+":"+password)))
	}
	seen := map[string]bool{}
	for _, line := range f.headers {
		name, value, ok := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		if !ok || !wire.ValidToken(name) || !wire.ValidFieldValue(value) {
			return nil, "", usagef("-H %q is no \"Name: value\"", line)
		}
		name = http.CanonicalHeaderKey(name)
		if name == "Host" {
			host = value
			continue
		}
		if !seen[name] { // it replaces what would be there without
			delete(h, name)
			seen[name] = true
		}
		h[name] = append(h[name], value)
	}
	return h, host, nil
}

// client makes the client that the flags ask for. close ends its connections.
func (f *httpFlags) client() (c *http.Client, closeAll func(), err error) {
	conf, err := f.tls()
	if err != nil {
		return nil, nil, err
	}
	var via *url.URL
	if f.proxy != "" {
		if via, err = url.Parse(f.proxy); err != nil || via.Host == "" {
			return nil, nil, usagef("-proxy %q is no URL of a proxy", f.proxy)
		}
	}
	if f.std {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.TLSClientConfig, t.DisableCompression, t.TLSHandshakeTimeout = conf, !f.compress, f.connect
		switch {
		case f.noProxy:
			t.Proxy = nil
		case via != nil:
			t.Proxy = http.ProxyURL(via)
		}
		return &http.Client{Transport: t}, t.CloseIdleConnections, nil
	}
	r := reactor.New(reactor.Config{Loops: 1})
	resolver := &resolve.Resolver{}
	t := &http1.Client{
		Reactor: r, Dialer: &resolve.Dialer{Resolver: resolver}, TLS: conf, NoDecoding: !f.compress, DialTimeout: f.connect, HandshakeTimeout: f.connect,
		HeadTimeout: -1, BodyTimeout: -1, // -timeout is the user's, and a download looks itself
	}
	switch {
	case f.noProxy:
		t.Proxy = http1.Direct
	case via != nil && strings.HasPrefix(via.Scheme, "socks5"):
		s, err := proxy.ParseSOCKS5(f.proxy)
		if err != nil {
			return nil, nil, usageError{err}
		}
		t.Dialer, t.Proxy = s, http1.Direct
	case via != nil:
		t.Proxy = http.ProxyURL(via)
	}
	return &http.Client{Transport: t}, func() {
		t.Close()
		shutdown(r)
	}, nil
}

// shutdown ends a command's reactor; what is left after a second ends with the process.
func shutdown(r *reactor.Reactor) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	r.Shutdown(ctx)
}

func (f *httpFlags) tls() (*tls.Config, error) {
	conf := &tls.Config{InsecureSkipVerify: f.insecure}
	if f.cacert != "" {
		pem, err := os.ReadFile(f.cacert)
		if err != nil {
			return nil, err
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, usagef("-cacert %s has no certificate", f.cacert)
		}
	}
	if f.cert != "" {
		key := f.key
		if key == "" {
			key = f.cert
		}
		pair, err := tls.LoadX509KeyPair(f.cert, key)
		if err != nil {
			return nil, fmt.Errorf("-cert: %w", err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}
