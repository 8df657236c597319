package acme

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"testing"
)

func TestNewRefuses(t *testing.T) {
	good := Config{Hosts: []string{"a.example"}, AcceptTerms: true, Dir: t.TempDir()}
	for _, tc := range []struct {
		name   string
		change func(*Config)
		want   error
		text   string
	}{
		{"no hosts", func(c *Config) { c.Hosts = nil }, ErrHosts, ""},
		{"terms", func(c *Config) { c.AcceptTerms = false }, ErrTerms, ""},
		{"no cache", func(c *Config) { c.Dir = "" }, ErrCache, ""},
		{"wildcard", func(c *Config) { c.Hosts = []string{"*.example"} }, nil, "*.example"},
		{"port", func(c *Config) { c.Hosts = []string{"a.example:443"} }, nil, "a.example:443"},
		{"upper case", func(c *Config) { c.Hosts = []string{"A.example"} }, nil, "A.example"},
		{"empty", func(c *Config) { c.Hosts = []string{""} }, nil, `""`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := good
			tc.change(&c)
			m, err := New(c)
			if m != nil || err == nil || tc.want != nil && !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("%v, %v", m, err)
			}
		})
	}
	if _, err := New(good); err != nil {
		t.Error(err)
	}
}

// A name that nobody configured must not make the server order anything.
func TestUnknownHostIsRefused(t *testing.T) {
	m, err := New(Config{Hosts: []string{"a.example"}, AcceptTerms: true, Dir: t.TempDir(), Directory: "http://127.0.0.1:1/never"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.GetCertificate(&tls.ClientHelloInfo{ServerName: "b.example"})
	if err == nil || !strings.Contains(err.Error(), "not configured") {
		t.Errorf("got %v", err)
	}
}

func TestHostPolicyAddsNames(t *testing.T) {
	asked := ""
	p := policy([]string{"a.example"}, func(_ context.Context, host string) error {
		asked = host
		return nil
	})
	if p(t.Context(), "a.example") != nil || asked != "" {
		t.Errorf("a configured host was asked for: %q", asked)
	}
	if p(t.Context(), "b.example") != nil || asked != "b.example" {
		t.Errorf("asked for %q", asked)
	}
}

func TestObtainTellsEveryFailure(t *testing.T) {
	m, err := New(Config{Hosts: []string{"a.example", "b.example"}, AcceptTerms: true, Dir: t.TempDir(), Directory: "http://127.0.0.1:1/dir"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Obtain(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("after its context ended: %v", err)
	}
}

func TestTLSConfig(t *testing.T) {
	m, err := New(Config{Hosts: []string{"a.example"}, AcceptTerms: true, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	own := make([]string, 1, 4)
	own[0] = "x/1"
	c := m.TLSConfig(own...)
	if c.GetCertificate == nil || strings.Join(c.NextProtos, " ") != "x/1 "+ALPNProto {
		t.Errorf("protocols %q", c.NextProtos)
	}
	if d := m.TLSConfig(); strings.Join(d.NextProtos, " ") != "http/1.1 "+ALPNProto {
		t.Errorf("protocols %q", d.NextProtos)
	}
}
