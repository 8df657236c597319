//go:build interop

package interop

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pki is an authority with the certificates of a test, in files.
type pki struct {
	t      *testing.T
	dir    string
	ca     *x509.Certificate
	caKey  *ecdsa.PrivateKey
	serial int64
}

func newPKI(t *testing.T) *pki {
	t.Helper()
	p := &pki{t: t, dir: t.TempDir()}
	p.ca, p.caKey = p.make("ca", nil, nil)
	return p
}

func (p *pki) file(name string) string { return filepath.Join(p.dir, name) }

// issue makes name.pem and name.key, for localhost and for clients.
func (p *pki) issue(name string) (cert, key string) {
	p.make(name, p.ca, p.caKey)
	return p.file(name + ".pem"), p.file(name + ".key")
}

func (p *pki) make(name string, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	p.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	p.serial++
	c := &x509.Certificate{
		SerialNumber: big.NewInt(p.serial), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:    []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if parent == nil {
		parent, signer = c, key
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		c.DNSNames, c.IPAddresses, c.ExtKeyUsage = nil, nil, nil
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		p.t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		p.t.Fatal(err)
	}
	p.write(name+".key", "PRIVATE KEY", keyDER)
	p.write(name+".pem", "CERTIFICATE", der)
	made, err := x509.ParseCertificate(der)
	if err != nil {
		p.t.Fatal(err)
	}
	return made, key
}

func (p *pki) write(name, kind string, der []byte) {
	p.t.Helper()
	if err := os.WriteFile(p.file(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pki) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(p.ca)
	return pool
}

// secure runs httpd with a certificate of p's.
func (p *pki) secure(handler string, more ...string) *site {
	p.t.Helper()
	cert, key := p.issue("server")
	args := []string{"-handler", handler, "-listen", "127.0.0.1:0", "-listen", "http://127.0.0.1:0", "-tls-cert", cert, "-tls-key", key}
	return runSite(p.t, 2, append(args, more...)...)
}

func TestTLSCurl(t *testing.T) {
	need(t, "curl")
	for _, handler := range []string{"native", "std"} {
		t.Run(handler, func(t *testing.T) {
			p := newPKI(t)
			s := p.secure(handler)
			for _, v := range []string{"1.2", "1.3"} {
				r := mustRun(t, nil, "curl", "-sSv", "--cacert", p.file("ca.pem"), "--tlsv"+v, "--tls-max", v,
					"--data-binary", "@"+p.file("ca.pem"), s.urls[0]+"/echo", s.urls[0]+"/plaintext")
				want, _ := os.ReadFile(p.file("ca.pem"))
				if !strings.HasPrefix(r.stdout, string(want)) || !strings.Contains(r.stderr, "TLSv"+v) {
					t.Errorf("TLS %s: %q\n%s", v, r.stdout, r.stderr)
				}
			}
			if r := mustRun(t, nil, "curl", "-sS", "--http1.0", "--cacert", p.file("ca.pem"), s.urls[0]+"/plaintext"); r.stdout != "Hello, World!" {
				t.Errorf("HTTP/1.0, which curl asks for by ALPN: %q", r.stdout)
			}
			if r := run(t, nil, "curl", "-sS", s.urls[0]+"/"); r.err == nil || !strings.Contains(r.stderr, "certificate") {
				t.Errorf("a client that does not know the authority: %v, %s", r.err, r.stderr)
			}
			if r := run(t, nil, "curl", "-sS", "-i", strings.Replace(s.urls[0], "https", "http", 1)+"/"); !strings.HasPrefix(r.stdout, "HTTP/1.1 400 ") || !strings.Contains(r.stdout, "TLS") {
				t.Errorf("plain HTTP on the TLS port: %q", r.stdout)
			}
			if r := run(t, nil, "curl", "-sSk", strings.Replace(s.urls[1], "http", "https", 1)+"/"); r.err == nil {
				t.Errorf("TLS on the plain port: %q", r.stdout)
			}
			if r := mustRun(t, nil, "curl", "-sS", s.urls[1]+"/plaintext"); r.stdout != "Hello, World!" {
				t.Errorf("the plain port: %q", r.stdout)
			}
		})
	}
}

func TestTLSClientCertificates(t *testing.T) {
	need(t, "curl")
	p := newPKI(t)
	s := p.secure("std", "-tls-client-ca", p.file("ca.pem"))
	cert, key := p.issue("client")
	for _, v := range []string{"1.2", "1.3"} {
		base := []string{"-sS", "--cacert", p.file("ca.pem"), "--tls-max", v, s.urls[0] + "/plaintext"}
		if r := mustRun(t, nil, "curl", append([]string{"--cert", cert, "--key", key}, base...)...); r.stdout != "Hello, World!" {
			t.Errorf("TLS %s with a certificate: %q", v, r.stdout)
		}
		if r := run(t, nil, "curl", base...); r.err == nil || !strings.Contains(r.stderr, "alert") {
			t.Errorf("TLS %s without one: %v, %q", v, r.err, r.stderr)
		}
	}
	stranger := newPKI(t)
	cert, key = stranger.issue("client")
	if r := run(t, nil, "curl", "-sS", "--cacert", p.file("ca.pem"), "--cert", cert, "--key", key, s.urls[0]+"/"); r.err == nil || !strings.Contains(r.stderr, "alert") {
		t.Errorf("with a stranger's certificate: %v, %q", r.err, r.stderr)
	}
}

// TestTLSResumption: openssl keeps a session and comes back with it, in both versions.
func TestTLSResumption(t *testing.T) {
	need(t, "openssl")
	p := newPKI(t)
	s := p.secure("native")
	addr := strings.TrimPrefix(s.urls[0], "https://")
	request := "GET /plaintext HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
	for _, v := range []string{"-tls1_2", "-tls1_3"} {
		session := p.file("session" + v)
		args := []string{"s_client", "-connect", addr, "-CAfile", p.file("ca.pem"), "-verify_return_error", "-ign_eof", v}
		first := mustRun(t, strings.NewReader(request), "openssl", append(args, "-sess_out", session)...)
		if !strings.Contains(first.stdout, "Hello, World!") || !strings.Contains(first.stdout, "New, TLSv1.") {
			t.Fatalf("%s, first: %s", v, first.stdout)
		}
		if second := mustRun(t, strings.NewReader(request), "openssl", append(args, "-sess_in", session)...); !strings.Contains(second.stdout, "Reused, TLSv1.") ||
			!strings.Contains(second.stdout, "Hello, World!") {
			t.Errorf("%s, second: %s", v, second.stdout)
		}
	}
}

func TestTLSWrk(t *testing.T) {
	need(t, "wrk")
	s := newPKI(t).secure("native")
	r := mustRun(t, nil, "wrk", "-t1", "-c64", "-d3s", s.urls[0]+"/plaintext")
	for _, bad := range []string{"Non-2xx", "Socket errors"} {
		if strings.Contains(r.stdout, bad) {
			t.Errorf("wrk reports %s\n%s", bad, r.stdout)
		}
	}
	if n := number(t, r.stdout, `(\d+) requests in`); n < 1000 {
		t.Errorf("%d requests in 3 s", n)
	}
}

func TestTLSChromium(t *testing.T) {
	need(t, "chromium")
	s := newPKI(t).secure("native")
	r := mustRun(t, nil, "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
		"--disable-component-update", "--no-first-run", "--ignore-certificate-errors", "--user-data-dir="+t.TempDir(), "--dump-dom", s.urls[0]+"/")
	if !strings.Contains(r.stdout, "calandria") || !strings.Contains(r.stdout, "</html>") {
		t.Errorf("the page: %s", tail(r.stdout, 2000))
	}
}

// TestTLSReload: new files and SIGHUP; the connection that is open stays, a new one gets the new certificate; a bad file
// changes nothing.
func TestTLSReload(t *testing.T) {
	p := newPKI(t)
	s := p.secure("native")
	addr := strings.TrimPrefix(s.urls[0], "https://")
	dial := func() *tls.Conn {
		c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: p.pool(), ServerName: "localhost"})
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(20 * time.Second))
		return c
	}
	serial := func() int64 {
		c := dial()
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	get := func(c *tls.Conn) {
		t.Helper()
		io.WriteString(c, "GET /plaintext HTTP/1.1\r\nHost: localhost\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "Hello, World!" {
			t.Errorf("%q, %v", body, err)
		}
	}
	old := dial()
	defer old.Close()
	get(old)
	before := serial()
	p.issue("server")
	s.signal(syscall.SIGHUP)
	for deadline := time.Now().Add(20 * time.Second); serial() == before; <-time.After(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the new certificate is not used")
		}
	}
	get(old)
	now := serial()
	if err := os.WriteFile(p.file("server.pem"), bytes.Repeat([]byte("x"), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	s.signal(syscall.SIGHUP)
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(s.stderr.String(), "level=ERROR msg=reload"); <-time.After(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing is said about the bad file")
		}
	}
	if got := serial(); got != now {
		t.Errorf("after a bad file the certificate is number %d instead of %d", got, now)
	}
	get(old)
}
