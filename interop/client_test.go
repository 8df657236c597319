//go:build interop

package interop

import (
	"bytes"
	ctls "crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tls"
)

// clientUnderTest is one on a reactor of its own.
func clientUnderTest(t *testing.T, cl *http1.Client) *http1.Client {
	r := reactor.New(reactor.Config{Loops: 1, StallAfter: -1})
	cl.Reactor = r
	if cl.Proxy == nil {
		cl.Proxy = http1.Direct
	}
	t.Cleanup(func() {
		cl.Close()
		r.Shutdown(t.Context())
	})
	return cl
}

// get gives a response's status and body.
func get(t *testing.T, cl *http1.Client, url string) (int, string) {
	t.Helper()
	res, err := cl.Get(t.Context(), url)
	if err != nil {
		t.Errorf("%s: %v", url, err)
		return 0, ""
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Errorf("%s: %v", url, err)
	}
	return res.StatusCode, string(body)
}

// certificate writes one for 127.0.0.1, and gives a Config that trusts it.
func certificate(t *testing.T, dir string) (cert, key string, trust *ctls.Config) {
	t.Helper()
	pair, err := tls.SelfSigned("127.0.0.1", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return write(t, dir, "cert.pem", string(text)),
		write(t, dir, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))), &ctls.Config{RootCAs: pool}
}

// TestClientOrigins: servers that others wrote, by http and https.
func TestClientOrigins(t *testing.T) {
	dir := t.TempDir()
	big := bytes.Repeat([]byte("calandria "), 300_000)
	write(t, dir, "big.txt", string(big))
	write(t, dir, "small.txt", "small")
	cert, key, trust := certificate(t, dir)
	origins := map[string]func(t *testing.T) []string{
		"nginx": func(t *testing.T) []string {
			plain, secure := freePort(t), freePort(t)
			nginxAt(t, plain, "server { listen "+plain+"; root "+dir+"; gzip on; gzip_types text/plain; gzip_min_length 1; }\n"+
				"server { listen "+secure+" ssl; ssl_certificate "+cert+"; ssl_certificate_key "+key+"; root "+dir+"; }")
			return []string{"http://" + plain, "https://" + secure}
		},
		"python": func(t *testing.T) []string {
			addr := freePort(t)
			host, port, _ := net.SplitHostPort(addr)
			runAt(t, addr, program(t, "python3"), "-m", "http.server", "--bind", host, "--directory", dir, port)
			return []string{"http://" + addr}
		},
		"node": func(t *testing.T) []string {
			plain, secure := freePort(t), freePort(t)
			script := write(t, t.TempDir(), "s.js", `const fs = require("fs");
const h = (q, s) => fs.createReadStream(process.argv[4] + q.url).on("error", () => { s.statusCode = 404; s.end(); }).pipe(s);
const [a, b] = [process.argv[2].split(":"), process.argv[3].split(":")];
require("https").createServer({ cert: fs.readFileSync(process.argv[5]), key: fs.readFileSync(process.argv[6]) }, h).listen(+b[1], b[0],
  () => require("http").createServer(h).listen(+a[1], a[0]));`)
			runAt(t, plain, program(t, "node"), script, plain, secure, dir, cert, key)
			return []string{"http://" + plain, "https://" + secure}
		},
		"haproxy": func(t *testing.T) []string {
			s := httptest.NewServer(http.FileServer(http.Dir(dir)))
			t.Cleanup(s.Close)
			addr := freePort(t)
			haproxyAt(t, addr, s.Listener.Addr().String())
			return []string{"http://" + addr}
		},
		"net/http": func(t *testing.T) []string {
			s := httptest.NewServer(http.FileServer(http.Dir(dir)))
			t.Cleanup(s.Close)
			return []string{s.URL}
		},
	}
	for name, start := range origins {
		t.Run(name, func(t *testing.T) {
			for _, at := range start(t) {
				cl := clientUnderTest(t, &http1.Client{TLS: trust, MaxConnsPerHost: 8})
				var wg sync.WaitGroup
				for range 6 {
					wg.Go(func() {
						for path, want := range map[string]string{"/small.txt": "small", "/big.txt": string(big)} {
							if status, body := get(t, cl, at+path); status != 200 || body != want {
								t.Errorf("%s%s: %d, %d bytes", at, path, status, len(body))
							}
						}
					})
				}
				wg.Wait()
				if status, _ := get(t, cl, at+"/missing"); status != 404 {
					t.Errorf("%s: %d for what is missing", at, status)
				}
				if res, err := cl.Head(t.Context(), at+"/small.txt"); err != nil || res.StatusCode != 200 {
					t.Errorf("%s: HEAD: %v %v", at, res, err)
				}
			}
		})
	}
}

// TestClientProxies: squid and tinyproxy, by absolute-form and by CONNECT.
func TestClientProxies(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "via ", r.Header.Get("Via") != "") }))
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "secure") }))
	t.Cleanup(func() { plain.Close(); secure.Close() })
	proxies := map[string]func(t *testing.T, addr string){
		"squid": func(t *testing.T, addr string) {
			path, dir := program(t, "squid"), t.TempDir()
			os.Chmod(dir, 0o777)
			conf := write(t, dir, "squid.conf", "http_port "+addr+"\nhttp_access allow all\ncache deny all\npid_filename none\naccess_log none\n"+
				"cache_log "+dir+"/cache.log\nshutdown_lifetime 0 seconds\ncoredump_dir "+dir+"\npinger_enable off\nnetdb_filename none\n")
			runAt(t, addr, path, "-N", "-f", conf)
		},
		"tinyproxy": func(t *testing.T, addr string) {
			path, dir := program(t, "tinyproxy"), t.TempDir()
			host, port, _ := net.SplitHostPort(addr)
			conf := write(t, dir, "t.conf", "Listen "+host+"\nPort "+port+"\nTimeout 60\nMaxClients 50\nConnectPort "+
				strings.Split(secure.Listener.Addr().String(), ":")[1]+"\n")
			runAt(t, addr, path, "-d", "-c", conf)
		},
	}
	for name, start := range proxies {
		t.Run(name, func(t *testing.T) {
			addr := freePort(t)
			start(t, addr)
			via := &url.URL{Scheme: "http", Host: addr}
			cl := clientUnderTest(t, &http1.Client{Proxy: http.ProxyURL(via), TLS: secure.Client().Transport.(*http.Transport).TLSClientConfig})
			for range 3 {
				if status, body := get(t, cl, plain.URL); status != 200 || body != "via true" {
					t.Errorf("%d %q", status, body)
				}
				if status, body := get(t, cl, secure.URL); status != 200 || body != "secure" {
					t.Errorf("%d %q", status, body)
				}
			}
		})
	}
}
