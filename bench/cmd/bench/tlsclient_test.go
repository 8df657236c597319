//go:build linux

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// serveTLS runs the hello handler over TLS, with a certificate on a curve.
func serveTLS(t *testing.T, curve elliptic.Curve, cfg *tls.Config) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(hello))
	srv.TLS = cfg
	srv.Config.ErrorLog = quiet()
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

func TestCheckTLS(t *testing.T) {
	for _, version := range []string{"1.2", "1.3"} {
		if err := checkTLS(serveTLS(t, elliptic.P256(), &tls.Config{}), version); err != nil {
			t.Errorf("TLS %s: %v", version, err)
		}
	}
}

func TestCheckTLSRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		curve elliptic.Curve
		cfg   *tls.Config
		want  string
	}{
		"an old version":    {elliptic.P256(), &tls.Config{MaxVersion: tls.VersionTLS12}, "handshake"},
		"no tickets":        {elliptic.P256(), &tls.Config{SessionTicketsDisabled: true}, "resumed: false, want true"},
		"another curve":     {elliptic.P384(), &tls.Config{}, "not ECDSA on P-256"},
		"another key share": {elliptic.P256(), &tls.Config{CurvePreferences: []tls.CurveID{tls.CurveP521}}, "handshake"},
	} {
		err := checkTLS(serveTLS(t, c.curve, c.cfg), "1.3")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q in it", name, err, c.want)
		}
	}
}

func TestClientTLSVersions(t *testing.T) {
	for _, version := range []string{"", "1.1", "tls13"} {
		if _, err := clientTLS(version); err == nil {
			t.Errorf("version %q passed", version)
		}
	}
}

// The handshakes that are counted are those that were wanted, and none else.
func TestHandshaker(t *testing.T) {
	for name, c := range map[string]struct {
		server  *tls.Config
		resume  bool
		counted bool
	}{
		"full":               {&tls.Config{}, false, true},
		"resumed":            {&tls.Config{}, true, true},
		"no tickets to have": {&tls.Config{SessionTicketsDisabled: true}, true, false},
	} {
		addr := serveTLS(t, elliptic.P256(), c.server)
		cfg, err := clientTLS("1.3")
		if err != nil {
			t.Fatal(err)
		}
		h := &handshaker{addr: addr, cfg: cfg, resume: c.resume}
		if c.resume {
			cfg.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			if err := getOnce(addr, cfg, false); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		h.until(time.Now().Add(50 * time.Millisecond))
		if counted := len(h.times) > 0 && h.faults == 0; counted != c.counted {
			t.Errorf("%s: %d handshakes and %d faults, the first: %v", name, len(h.times), h.faults, h.fault)
		}
	}
}
