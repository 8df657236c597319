package tls_test

import (
	ctls "crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tls"
)

// files writes a certificate and its key, and gives their names.
func files(t testing.TB, dir, name string, cert ctls.Certificate) tls.Pair {
	t.Helper()
	p := tls.Pair{Cert: filepath.Join(dir, name+".crt"), Key: filepath.Join(dir, name+".key")}
	key := must(x509.MarshalPKCS8PrivateKey(cert.PrivateKey))
	write(t, p.Cert, "CERTIFICATE", cert.Certificate[0])
	write(t, p.Key, "PRIVATE KEY", key)
	return p
}

func write(t testing.TB, name, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func newStore(t testing.TB, cfg tls.StoreConfig) *tls.Store {
	t.Helper()
	s, err := tls.NewStore(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// The certificate is chosen by name: exact, wildcard, the first for all others; none in a strict store.
func TestStoreNames(t *testing.T) {
	dir := t.TempDir()
	first := must(tls.SelfSigned("first.example"))
	wild := must(tls.SelfSigned("*.wild.example", "second.example"))
	deep := must(tls.SelfSigned("deep.wild.example"))
	pairs := []tls.Pair{files(t, dir, "a", first), files(t, dir, "b", wild), files(t, dir, "c", deep)}
	for _, strict := range []bool{false, true} {
		s := newStore(t, tls.StoreConfig{Pairs: pairs, Poll: -1, Strict: strict})
		h := serve(t, reactor.Config{}, &tls.Server{Config: s.Config(nil), Next: echoing(newAudit(t))})
		for name, want := range map[string]*x509.Certificate{
			"first.example": first.Leaf, "second.example": wild.Leaf, "SECOND.example": wild.Leaf, "x.wild.example": wild.Leaf,
			"deep.wild.example": deep.Leaf, "": first.Leaf, "x.y.wild.example": nil, "wild.example": nil, "other.example": nil,
		} {
			c := ctls.Client(h.raw(), &ctls.Config{ServerName: name, InsecureSkipVerify: true})
			err := c.Handshake()
			if want == nil && strict {
				if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
					t.Errorf("%q: %v", name, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%q: %v", name, err)
				continue
			}
			if want == nil {
				want = first.Leaf
			}
			if got := c.ConnectionState().PeerCertificates[0]; !got.Equal(want) {
				t.Errorf("%q: got the certificate of %v", name, got.DNSNames)
			}
		}
	}
}

func TestStoreErrors(t *testing.T) {
	dir := t.TempDir()
	a := files(t, dir, "a", must(tls.SelfSigned("a")))
	b := files(t, dir, "b", must(tls.SelfSigned("b")))
	empty := filepath.Join(dir, "empty")
	write(t, empty, "NOTHING", nil)
	for name, cfg := range map[string]tls.StoreConfig{
		"nothing":           {},
		"no file":           {Pairs: []tls.Pair{{Cert: filepath.Join(dir, "none"), Key: a.Key}}},
		"another's key":     {Pairs: []tls.Pair{{Cert: a.Cert, Key: b.Key}}},
		"no certificate":    {Pairs: []tls.Pair{{Cert: empty, Key: a.Key}}},
		"no authorities":    {Pairs: []tls.Pair{a}, ClientCA: empty},
		"no authority file": {Pairs: []tls.Pair{a}, ClientCA: filepath.Join(dir, "none")},
	} {
		if _, err := tls.NewStore(cfg); err == nil || !strings.HasPrefix(err.Error(), "tls: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Reload: new connections get the new certificate, those that are open go on, and a set that does not load changes nothing.
func TestStoreReload(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		dir := t.TempDir()
		old, young := must(tls.SelfSigned("localhost")), must(tls.SelfSigned("localhost"))
		pair := files(t, dir, "a", old)
		s := newStore(t, tls.StoreConfig{Pairs: []tls.Pair{pair}, Poll: -1})
		h := serve(t, reactor.Config{}, &tls.Server{Config: s.Config(at(&ctls.Config{}, v)), Next: echoing(newAudit(t))})
		serves := func(want ctls.Certificate) {
			t.Helper()
			c := h.dial(&ctls.Config{RootCAs: trusting(want), ServerName: "localhost"})
			if err := roundTrip(c, []byte("x")); err != nil {
				t.Error(err)
			}
			c.Close()
		}
		open := h.dial(&ctls.Config{RootCAs: trusting(old), ServerName: "localhost"})
		serves(old)

		write(t, pair.Cert, "CERTIFICATE", young.Certificate[0]) // and the key is not there yet
		if err := s.Reload(); err == nil || !strings.Contains(err.Error(), pair.Cert) {
			t.Errorf("half a change: %v", err)
		}
		serves(old)
		os.Remove(pair.Key)
		if err := s.Reload(); err == nil {
			t.Error("no key")
		}
		serves(old)
		files(t, dir, "a", young)
		if err := s.Reload(); err != nil {
			t.Error(err)
		}
		serves(young)
		if err := roundTrip(open, []byte("still")); err != nil {
			t.Errorf("the open connection: %v", err)
		}
	})
}

// The authorities of client certificates are reloaded too: for new handshakes, resumed ones included.
func TestStoreClientCA(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		dir := t.TempDir()
		one, two := must(tls.SelfSigned("one")), must(tls.SelfSigned("two"))
		ca := filepath.Join(dir, "ca.pem")
		write(t, ca, "CERTIFICATE", one.Certificate[0])
		s := newStore(t, tls.StoreConfig{Pairs: []tls.Pair{files(t, dir, "a", selfSigned())}, ClientCA: ca, Poll: -1})
		h := serve(t, reactor.Config{}, &tls.Server{Config: s.Config(at(&ctls.Config{}, v)), Next: echoing(newAudit(t))})
		try := func(cc *ctls.Config) (bool, error) {
			c := ctls.Client(h.raw(), cc)
			defer c.Close()
			err := roundTrip(c, []byte("x"))
			return c.ConnectionState().DidResume, err
		}
		as := func(cert ctls.Certificate) *ctls.Config {
			cc := clientConfig()
			cc.GetClientCertificate = func(*ctls.CertificateRequestInfo) (*ctls.Certificate, error) { return &cert, nil }
			cc.ClientSessionCache = ctls.NewLRUClientSessionCache(1)
			return cc
		}
		first, second := as(one), as(two)
		if _, err := try(first); err != nil {
			t.Error(err)
		}
		if resumed, err := try(first); err != nil || !resumed {
			t.Errorf("resumed %v, %v", resumed, err)
		}
		if _, err := try(second); err == nil {
			t.Error("a certificate of another authority")
		}
		write(t, ca, "CERTIFICATE", two.Certificate[0])
		if err := s.Reload(); err != nil {
			t.Fatal(err)
		}
		if _, err := try(second); err != nil {
			t.Error(err)
		}
		if resumed, err := try(second); err != nil || !resumed {
			t.Errorf("resumed %v, %v", resumed, err)
		}
		if resumed, err := try(first); err == nil {
			t.Errorf("the old authority's client got in, resumed %v", resumed)
		}
	})
}

// The files are looked at every few seconds, by the fake clock; a failure is logged once, and tried until it is none.
func TestStoreWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		old, young := must(tls.SelfSigned("localhost")), must(tls.SelfSigned("localhost", "longer"))
		pair := files(t, dir, "a", old)
		log := &journal{}
		s := newStore(t, tls.StoreConfig{Pairs: []tls.Pair{pair}, Logger: slog.New(slog.NewTextHandler(log, nil))})
		defer s.Close()
		has := func(want ctls.Certificate) bool {
			got, err := s.GetCertificate(&ctls.ClientHelloInfo{ServerName: "localhost"})
			return err == nil && got.Leaf.Equal(want.Leaf)
		}
		pass := func() {
			<-time.After(6 * time.Second)
			synctest.Wait()
		}
		pass()
		if !has(old) || log.String() != "" {
			t.Errorf("reloaded without a change: %s", log)
		}
		write(t, pair.Cert, "CERTIFICATE", young.Certificate[0])
		for range 5 {
			pass()
		}
		if !has(old) || strings.Count(log.String(), "not reloaded") != 1 {
			t.Errorf("after a bad change: %s", log)
		}
		files(t, dir, "a", young)
		pass()
		if !has(young) || strings.Count(log.String(), "certificates reloaded") != 1 {
			t.Errorf("after a good one: %s", log)
		}
		later := time.Now().Add(time.Hour) // the same bytes, with another time
		os.Chtimes(pair.Cert, later, later)
		pass()
		if strings.Count(log.String(), "certificates reloaded") != 2 {
			t.Errorf("after a touch: %s", log)
		}
	})
}
