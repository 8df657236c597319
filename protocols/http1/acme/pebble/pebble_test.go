package pebble

import (
	"bytes"
	"context"
	ctls "crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	pebbleca "github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/acme"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/tls"
)

const host = "www.calandria.test"

// authority is Pebble with a DNS server that says 127.0.0.1 to every question.
type authority struct {
	directory string
	client    *http.Client
	roots     *x509.CertPool
	log       *bytes.Buffer
}

func startAuthority(t *testing.T, httpPort, tlsPort int) *authority {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "20") // as many as it takes to see that they are tried again
	t.Setenv("PEBBLE_AUTHZREUSE", "0")
	a := &authority{log: &bytes.Buffer{}, roots: x509.NewCertPool()}
	logger := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	profiles := map[string]pebbleca.Profile{"default": {ValidityPeriod: 86400 * 90}}
	ca := pebbleca.New(logger, store, "", "ecdsa", 0, 1, profiles)
	validator := va.New(logger, httpPort, tlsPort, true, startDNS(t), store)
	front := wfe.New(logger, store, validator, ca, []string{"pebble.letsencrypt.org"}, true, false, 1, 1)
	srv := httptest.NewTLSServer(front.Handler())
	t.Cleanup(srv.Close)
	a.directory, a.client = srv.URL+wfe.DirectoryPath, srv.Client()
	a.roots.AddCert(ca.GetRootCert(0).Cert)
	return a
}

func startDNS(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &dns.Server{Listener: ln, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			rr, _ := dns.NewRR(q.Question[0].Name + " 1 IN A 127.0.0.1")
			m.Answer = append(m.Answer, rr)
		}
		w.WriteMsg(m)
	})}
	go srv.ActivateAndServe()
	t.Cleanup(func() { srv.Shutdown() })
	return ln.Addr().String()
}

func listen(t *testing.T) (ln *tcp.Listener, port int) {
	t.Helper()
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln, ln.Addr().(*net.TCPAddr).Port
}

func TestObtain(t *testing.T) {
	for _, challenge := range []string{"tls-alpn-01", "http-01"} {
		t.Run(challenge, func(t *testing.T) {
			r := reactor.New(reactor.Config{Loops: 2})
			t.Cleanup(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				defer cancel()
				r.Shutdown(ctx)
			})
			plain, httpPort := listen(t)
			secure, tlsPort := listen(t)
			a := startAuthority(t, httpPort, tlsPort)
			m, err := acme.New(acme.Config{
				Hosts: []string{host}, AcceptTerms: true, Dir: t.TempDir(), Directory: a.directory, HTTPClient: a.client,
				HostPolicy: func(_ context.Context, name string) error {
					if name == fmt.Sprintf("%s:%d", host, httpPort) { // the authority's Host field, as our port is not 80
						return nil
					}
					return fmt.Errorf("%q is not ours", name)
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			site := http1.HandlerFunc(func(x *http1.Exchange) { x.Respond(200, "text/plain", []byte("hello")) })
			config := m.TLSConfig()
			front := http1.Handler(site)
			if challenge == "http-01" {
				front = m.Handler(site)
				config.NextProtos = []string{"http/1.1"} // so that TLS-ALPN-01 fails
			}
			if _, err := r.Listen(plain, &http1.Server{Handler: front}); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Listen(secure, &tls.Server{Config: config, Next: &http1.Server{Handler: site}}); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := m.Obtain(ctx); err != nil {
				t.Fatal(err)
			}
			get(t, a, tlsPort)
			if challenge == "http-01" {
				if got := fetch(t, httpPort, "/other"); got != "hello" {
					t.Errorf("beside the challenges: %q", got)
				}
				if got := fetch(t, httpPort, "/.well-known/acme-challenge/unknown"); !strings.Contains(got, "is not ours") {
					t.Errorf("a challenge for another host: %q", got)
				}
			}
		})
	}
}

// get asks the server as a client that trusts the authority alone.
func get(t *testing.T, a *authority, port int) {
	t.Helper()
	tr := &http.Transport{
		TLSClientConfig: &ctls.Config{RootCAs: a.roots, ServerName: host},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, fmt.Sprintf("127.0.0.1:%d", port))
		},
	}
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr, Timeout: 20 * time.Second}).Get("https://" + host + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	leaf := resp.TLS.PeerCertificates[0]
	if err != nil || string(body) != "hello" || leaf.VerifyHostname(host) != nil {
		t.Errorf("%q, %v, certificate for %q", body, err, leaf.DNSNames)
	}
}

func fetch(t *testing.T, port int, path string) string {
	t.Helper()
	resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d%s", port, path))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	return string(body)
}
