package tls_test

import (
	"bufio"
	"context"
	ctls "crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/tls"
)

const childEnv = "CALANDRIA_TEST_TLS_SERVER"

// TestServerProcess is a server in a process of its own, whose memory and processor time is not mixed with the clients'. It
// answers commands on its standard input.
func TestServerProcess(t *testing.T) {
	mode := os.Getenv(childEnv)
	if mode == "" {
		t.Skip("for other tests")
	}
	cert, err := tls.SelfSigned("localhost")
	if err != nil {
		t.Fatal(err)
	}
	cfg := &ctls.Config{Certificates: []ctls.Certificate{cert}}
	var addr string
	switch mode {
	case "calandria":
		r := reactor.New(reactor.Config{})
		ln, err := tcp.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr = ln.Addr().String()
		srv := &http1.Server{IdleTimeout: time.Hour, Handler: http1.HandlerFunc(func(x *http1.Exchange) {
			x.Respond(200, "text/plain", []byte("hello"))
		})}
		if _, err := r.Listen(ln, &tls.Server{Config: cfg, Next: srv, MaxHandshakesPerIP: -1}); err != nil {
			t.Fatal(err)
		}
		defer r.Shutdown(context.Background())
	case "nethttp":
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr = ln.Addr().String()
		cfg.NextProtos = []string{"http/1.1"}
		srv := &http.Server{TLSConfig: cfg, ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, "hello")
		})}
		go srv.ServeTLS(ln, "", "")
		defer srv.Close()
	}
	fmt.Printf("listening %s %s\n", addr, hex.EncodeToString(cert.Certificate[0]))
	var profile *os.File
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		switch in.Text() {
		case "rss":
			runtime.GC()
			debug.FreeOSMemory()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			fmt.Printf("rss %d %d %d %d\n", status("VmRSS:")<<10, m.HeapAlloc, m.StackInuse, runtime.NumGoroutine())
		case "cpu":
			fmt.Printf("cpu %d\n", processorTime().Nanoseconds())
		case "heap":
			f := must(os.Create(filepath.Join(os.TempDir(), "heap."+mode)))
			pprof.Lookup("heap").WriteTo(f, 0)
			f.Close()
			fmt.Println("ok")
		case "profile":
			profile = must(os.Create(filepath.Join(os.TempDir(), "cpu."+mode)))
			pprof.StartCPUProfile(profile)
			fmt.Println("ok")
		case "stop":
			pprof.StopCPUProfile()
			profile.Close()
			fmt.Println("ok")
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// status reads a number of /proc/self/status.
func status(field string) (n int) {
	b, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, field); ok {
			fmt.Sscan(rest, &n)
		}
	}
	return n
}

// child is such a process, seen from the clients.
type child struct {
	t     testing.TB
	in    io.WriteCloser
	out   *bufio.Reader
	addr  string
	roots *x509.CertPool
}

func startChild(t testing.TB, mode string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestServerProcess$")
	cmd.Env = append(os.Environ(), childEnv+"="+mode)
	cmd.Stderr = os.Stderr
	c := &child{t: t, roots: x509.NewCertPool()}
	c.in = must(cmd.StdinPipe())
	c.out = bufio.NewReader(must(cmd.StdoutPipe()))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.in.Close(); cmd.Wait() })
	line := must(c.out.ReadString('\n'))
	var cert string
	if _, err := fmt.Sscanf(line, "listening %s %s", &c.addr, &cert); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	c.roots.AddCert(must(x509.ParseCertificate(must(hex.DecodeString(cert)))))
	return c
}

func (c *child) ask(what, format string, into ...any) {
	c.t.Helper()
	fmt.Fprintln(c.in, what)
	line := must(c.out.ReadString('\n'))
	if format == "" {
		return
	}
	if _, err := fmt.Sscanf(line, format, into...); err != nil {
		c.t.Fatalf("%q: %v", line, err)
	}
}

func (c *child) config(version uint16) *ctls.Config {
	return &ctls.Config{RootCAs: c.roots, ServerName: "localhost", MinVersion: version, MaxVersion: version}
}

const request = "GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: */*\r\n\r\n"

// get makes one request on a connection.
func get(c net.Conn, buf []byte) error {
	if _, err := io.WriteString(c, request); err != nil {
		return err
	}
	n := 0
	for {
		k, err := c.Read(buf[n:])
		if n += k; strings.HasSuffix(string(buf[:n]), "hello") {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// idle opens n connections, makes one request on each, and gives the server's memory per connection.
func (c *child) idle(n int, version uint16) (rss, heap, stack, goroutines int) {
	c.t.Helper()
	warm := must(ctls.Dial("tcp", c.addr, c.config(version)))
	if err := get(warm, make([]byte, 4096)); err != nil {
		c.t.Fatal(err)
	}
	defer warm.Close()
	var r0, h0, s0, g0, r1, h1, s1, g1 int
	c.ask("rss", "rss %d %d %d %d", &r0, &h0, &s0, &g0)
	conns := make([]net.Conn, n)
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			cfg, buf := c.config(version), make([]byte, 4096)
			for i := w; i < n; i += 16 {
				raw, err := net.Dial("tcp", c.addr)
				if err != nil {
					c.t.Error(err)
					return
				}
				conns[i] = raw
				if err := get(ctls.Client(raw, cfg), buf); err != nil {
					c.t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	c.ask("rss", "rss %d %d %d %d", &r1, &h1, &s1, &g1)
	for range 3 {
		c.ask("rss", "rss %d %d %d %d", &r1, &h1, &s1, &g1)
	}
	if os.Getenv("CALANDRIA_PROFILE") != "" {
		c.ask("heap", "")
	}
	for _, conn := range conns {
		if conn != nil {
			conn.Close()
		}
	}
	return (r1 - r0) / n, (h1 - h0) / n, (s1 - s0) / n, g1 - g0
}

// What an idle connection costs after a request: no goroutine, and bounded memory.
func TestIdleMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	if engine := reactortest.NewDefault(t, reactor.Config{}).Engine(); engine != "netpoll" {
		t.Skip("has a goroutine for each connection: ", engine)
	}
	n := size(500, 6000)
	versions(t, func(t *testing.T, v uint16) {
		modes := []string{"calandria"}
		if os.Getenv("CALANDRIA_SOAK") != "" {
			modes = append(modes, "nethttp")
		}
		for _, mode := range modes {
			rss, heap, stack, goroutines := startChild(t, mode).idle(n, v)
			t.Logf("%s, %d connections: %d B of RSS each, heap %d, stacks %d, %d goroutines in all", mode, n, rss, heap, stack, goroutines)
			limit := map[uint16]int{ctls.VersionTLS12: 12 << 10, ctls.VersionTLS13: 10 << 10}[v]
			if mode == "calandria" && !raceDetector && (heap+stack > limit || rss > limit && n >= 5000 || goroutines > 50) {
				t.Errorf("more than %d B", limit)
			}
		}
	})
}
