package tls_test

import (
	ctls "crypto/tls"
	"crypto/x509"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tls"
)

// The client has to read the server's alert before the connection ends, and the server names what was wrong.
func TestBadClientCertificate(t *testing.T) {
	stranger, err := tls.SelfSigned("stranger")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		certs  []ctls.Certificate
		change func(server *ctls.Config)
		alert  string // TLS 1.2's and 1.3's
		reason string
	}{
		{"none", nil, nil, "certificate required|handshake failure", "no_certificate"},
		{"unknown authority", []ctls.Certificate{stranger}, nil, "unknown certificate authority", "bad_certificate"},
		{
			"expired",
			[]ctls.Certificate{selfSigned()},
			func(s *ctls.Config) { s.Time = func() time.Time { return time.Now().Add(10_000 * time.Hour) } },
			"expired certificate", "bad_certificate",
		},
		{
			"refused by a callback",
			[]ctls.Certificate{selfSigned()},
			func(s *ctls.Config) {
				s.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error { return io.ErrNoProgress }
			},
			"bad certificate", "handshake",
		},
	} {
		versions(t, func(t *testing.T, v uint16) {
			a := newAudit(t)
			cfg := at(serverConfig(), v)
			cfg.ClientAuth, cfg.ClientCAs = ctls.RequireAndVerifyClientCert, trusting(selfSigned())
			if c.change != nil {
				c.change(cfg)
			}
			h := serve(t, reactor.Config{}, &tls.Server{Config: cfg, Next: echoing(a)})
			cc := clientConfig()
			if c.certs != nil {
				cc.GetClientCertificate = func(*ctls.CertificateRequestInfo) (*ctls.Certificate, error) { return &c.certs[0], nil }
			}
			raw := h.raw()
			conn := ctls.Client(raw, cc)
			_, err := conn.Read(make([]byte, 1)) // TLS 1.3 tells after the client's handshake
			ok := false
			for alert := range strings.SplitSeq(c.alert, "|") {
				ok = ok || err != nil && strings.HasSuffix(err.Error(), "remote error: tls: "+alert)
			}
			if !ok {
				t.Errorf("%s: the client got %v", c.name, err)
			}
			raw.Close()
			h.ended(c.reason, nil)
			if opens, closes := a.counts(); opens+closes > 0 {
				t.Errorf("%s: the handler heard of it", c.name)
			}
			if s := h.srv.Stats(); s.Failed != 1 || s.Completed != 0 {
				t.Errorf("%s: %+v", c.name, s)
			}
		})
	}
}

// The client does not want our certificate, or nothing that we offer.
func TestRefusedByClient(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		a := newAudit(t)
		h := serve(t, reactor.Config{}, &tls.Server{Config: at(serverConfig(), v), Next: echoing(a)})
		raw := h.raw()
		if err := ctls.Client(raw, &ctls.Config{ServerName: "localhost"}).Handshake(); err == nil {
			t.Error("the client trusts anybody")
		}
		leave(raw)
		h.ended("tls_alert", nil)

		cc := clientConfig()
		other := map[uint16]uint16{ctls.VersionTLS12: ctls.VersionTLS13, ctls.VersionTLS13: ctls.VersionTLS12}[v]
		raw = h.raw()
		err := ctls.Client(raw, at(cc, other)).Handshake()
		leave(raw)
		if err == nil || !strings.Contains(err.Error(), "protocol version not supported") {
			t.Errorf("another version: %v", err)
		}
		h.ended("handshake", nil)
		if opens, closes := a.counts(); opens+closes > 0 {
			t.Error("the handler heard of it")
		}
	})
}

func TestWithoutCertificates(t *testing.T) {
	for _, cfg := range []*ctls.Config{nil, {}} {
		h := serve(t, reactor.Config{}, &tls.Server{Config: cfg, Next: echoing(newAudit(t))})
		raw := h.raw()
		err := ctls.Client(raw, clientConfig()).Handshake()
		raw.Close()
		if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
			t.Errorf("the client got %v", err)
		}
		h.ended("unknown_name", nil)
	}
}

func TestSelfSigned(t *testing.T) {
	cert, err := tls.SelfSigned("a.example", "::1", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"a.example", "::1", "127.0.0.1"} {
		if _, err := cert.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: trusting(cert)}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if cert.Leaf.VerifyHostname("b.example") == nil {
		t.Error("good for any name")
	}
	if _, err := tls.SelfSigned(); err == nil {
		t.Error("made without a host")
	}
}
