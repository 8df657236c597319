// Package acme gets and renews certificates by ACME (RFC 8555) while a server runs, through
// golang.org/x/crypto/acme/autocert. The challenges are answered by the server itself: TLS-ALPN-01 (RFC 8737) in the
// handshake, HTTP-01 (RFC 8555 section 8.3) by the handler in front of the others.
package acme

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/calandria-go/calandria/protocols/http1"
)

// ALPNProto is the protocol of a TLS-ALPN-01 validation (RFC 8737 section 6.1). A connection that has negotiated it carries
// nothing else.
const ALPNProto = acme.ALPNProto

// Errors of New.
var (
	// ErrHosts: neither Config.Hosts nor Config.HostPolicy is set; anybody could have certificates ordered.
	ErrHosts = errors.New("acme: no hosts: set Config.Hosts or Config.HostPolicy")
	// ErrTerms: Config.AcceptTerms is not set.
	ErrTerms = errors.New("acme: the authority's terms of service are not accepted: set Config.AcceptTerms")
	// ErrCache: neither Config.Dir nor Config.Cache is set; each start would order anew, and meet the authority's rate limits.
	ErrCache = errors.New("acme: nowhere to keep certificates: set Config.Dir or Config.Cache")
)

// Config says for whom certificates are ordered, and where.
type Config struct {
	// Hosts are the names to get certificates for, lower case, without a wildcard.
	Hosts []string
	// HostPolicy decides about names that are not in Hosts; nil: they are refused. It may block.
	HostPolicy func(ctx context.Context, host string) error
	// AcceptTerms says that the authority's terms of service were read and accepted. It must be set.
	AcceptTerms bool
	// Email is whom the authority writes to; may be empty.
	Email string
	// Dir is a directory for keys and certificates, made with mode 0700 if it is missing.
	Dir string
	// Cache takes the place of Dir: for several servers that share certificates.
	Cache autocert.Cache
	// Directory is the URL of the authority's directory; empty: Let's Encrypt.
	Directory string
	// HTTPClient talks to the authority; nil: http.DefaultClient.
	HTTPClient *http.Client
}

// Manager keeps certificates. Its methods may be called from any goroutine.
type Manager struct {
	m     *autocert.Manager
	hosts []string
}

// New checks a Config. It does not talk to the authority yet.
func New(c Config) (*Manager, error) {
	switch {
	case len(c.Hosts) == 0 && c.HostPolicy == nil:
		return nil, ErrHosts
	case !c.AcceptTerms:
		return nil, ErrTerms
	case c.Dir == "" && c.Cache == nil:
		return nil, ErrCache
	}
	for _, h := range c.Hosts {
		if h == "" || strings.ContainsAny(h, "*/: ") || h != strings.ToLower(h) {
			return nil, fmt.Errorf("acme: %q cannot be ordered by a challenge of this server", h)
		}
	}
	m := &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      c.Cache,
		HostPolicy: policy(c.Hosts, c.HostPolicy),
		Email:      c.Email,
		Client:     &acme.Client{DirectoryURL: c.Directory, HTTPClient: c.HTTPClient, UserAgent: "calandria"},
	}
	if m.Cache == nil {
		m.Cache = autocert.DirCache(c.Dir)
	}
	if c.Directory == "" {
		m.Client.DirectoryURL = autocert.DefaultACMEDirectory
	}
	return &Manager{m: m, hosts: c.Hosts}, nil
}

func policy(hosts []string, more func(context.Context, string) error) autocert.HostPolicy {
	known := autocert.HostWhitelist(hosts...)
	return func(ctx context.Context, host string) error {
		err := known(ctx, host)
		if err != nil && more != nil {
			return more(ctx, host)
		}
		return err
	}
}

// TLSConfig is the configuration for a TLS server: certificates by name, ordered with the first handshake that asks for a
// name, and renewed 30 days before their end. That first handshake waits for the authority, some seconds; call Obtain
// before, so that no client does. alpn are the server's own protocols; none: http/1.1.
func (m *Manager) TLSConfig(alpn ...string) *tls.Config {
	if len(alpn) == 0 {
		alpn = []string{"http/1.1"}
	}
	return &tls.Config{GetCertificate: m.m.GetCertificate, NextProtos: append(alpn[:len(alpn):len(alpn)], ALPNProto)}
}

// GetCertificate is for a tls.Config of one's own, whose NextProtos must have ALPNProto. It may block for as long as the
// authority takes.
func (m *Manager) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return m.m.GetCertificate(hello)
}

// Handler answers HTTP-01 challenges, on workers since the answer may be in the cache, and gives all other requests to next.
// It is for the server on port 80. Without it, only TLS-ALPN-01 is used.
func (m *Manager) Handler(next http1.Handler) http1.Handler {
	challenge := http1.Std(m.m.HTTPHandler(http.NotFoundHandler()))
	return http1.HandlerFunc(func(x *http1.Exchange) {
		if strings.HasPrefix(string(x.Path()), "/.well-known/acme-challenge/") {
			challenge.Handle(x)
			return
		}
		next.Handle(x)
	})
}

// Obtain gets the certificates of Config.Hosts that are not in the cache, one after the other. The servers that answer the
// challenges must be running. It gives all the errors that it met, joined.
func (m *Manager) Obtain(ctx context.Context) error {
	var errs []error
	for _, host := range m.hosts {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, err)...)
		}
		// What a client of today offers, so that the certificate is of the kind that its handshake will ask for.
		hello := &tls.ClientHelloInfo{
			ServerName:        host,
			CipherSuites:      []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
			SignatureSchemes:  []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256},
			SupportedCurves:   []tls.CurveID{tls.CurveP256},
			SupportedVersions: []uint16{tls.VersionTLS13, tls.VersionTLS12},
		}
		done := make(chan error, 1)
		go func() {
			_, err := m.m.GetCertificate(hello)
			done <- err
		}()
		select {
		case err := <-done:
			if err != nil {
				errs = append(errs, fmt.Errorf("acme: certificate of %s: %w", host, err))
			}
		case <-ctx.Done(): // the order goes on, bounded by autocert's own deadline, and lands in the cache
			return errors.Join(append(errs, ctx.Err())...)
		}
	}
	return errors.Join(errs...)
}
