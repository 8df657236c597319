package websocket_test

import (
	"bufio"
	ctls "crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tls"
)

const childEnv = "CALANDRIA_TEST_WEBSOCKET_SERVER"

// TestServerProcess is an echo server in a process of its own, whose memory is not mixed with the clients'.
func TestServerProcess(t *testing.T) {
	mode := os.Getenv(childEnv)
	if mode == "" {
		t.Skip("for other tests")
	}
	r := reactor.New(reactor.Config{})
	srv := &websocket.Server{}
	var p reactor.Protocol = &http1.Server{Handler: http1.HandlerFunc(func(x *http1.Exchange) { srv.Upgrade(x, echo{}) })}
	if mode == "tls" {
		cfg := serverTLS(t)
		cfg.MinVersion = ctls.VersionTLS13
		p = &tls.Server{Config: cfg, Next: p, MaxHandshakesPerIP: -1}
	}
	fmt.Println("listening", serveProtocol(t, r, p))
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		runtime.GC()
		debug.FreeOSMemory()
		fmt.Printf("at %d %d %d\n", residentSet(), runtime.NumGoroutine(), srv.Stats().Open)
	}
	os.Exit(0) // the clients would not answer close frames
}

// residentSet is this process's, in bytes.
func residentSet() (n int) {
	b, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			fmt.Sscan(rest, &n)
		}
	}
	return n << 10
}

// TestIdleMemory: an idle connection that has echoed a message costs no goroutine, and 1 KiB of RSS; with TLS 1.3 11 KiB. The short
// size is too small for the figure: what the process has anyway is shared by fewer.
func TestIdleMemory(t *testing.T) {
	for mode, limit := range map[string]int{"plain": 1 << 10, "tls": 11 << 10} {
		t.Run(mode, func(t *testing.T) {
			n := size(500, 100, 15_000)
			if !soaking() {
				limit *= 8
			}
			cmd := exec.Command(os.Args[0], "-test.run=^TestServerProcess$")
			cmd.Env = append(os.Environ(), childEnv+"="+mode)
			in, _ := cmd.StdinPipe()
			out, _ := cmd.StdoutPipe()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Wait()
			defer in.Close()
			lines := bufio.NewReader(out)
			var addr string
			if _, err := fmt.Fscanf(lines, "listening %s\n", &addr); err != nil {
				t.Fatal(err)
			}
			ask := func() (rss, goroutines, open int) {
				io.WriteString(in, "\n")
				if _, err := fmt.Fscanf(lines, "at %d %d %d\n", &rss, &goroutines, &open); err != nil {
					t.Fatal(err)
				}
				return rss, goroutines, open
			}
			idleClient(t, addr, mode, 0)
			before, quiet, _ := ask()
			for i := range n {
				idleClient(t, addr, mode, i)
			}
			after, goroutines, open := ask()
			if open < n || goroutines > quiet+3 && !portableEngine {
				t.Errorf("%d connections, %d goroutines, %d before", open, goroutines, quiet)
			}
			each := (after - before) / n
			if portableEngine || raceDetector { // a goroutine, or shadow memory, for each
				t.Logf("%d B for each of %d", each, n)
				return
			}
			if each > limit {
				t.Errorf("FAIL websocket idle %s rss=%d limit=%d", mode, each, limit)
			} else if soaking() {
				fmt.Printf("PASS websocket idle %s rss=%d limit=%d\n", mode, each, limit)
			}
		})
	}
}

// idleClient opens a WebSocket, has a message echoed, and leaves it until the end of the test.
func idleClient(t *testing.T, addr, mode string, i int) {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i/5000))}}
	nc, err := d.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	var c net.Conn = nc
	if mode == "tls" {
		c = ctls.Client(nc, &ctls.Config{InsecureSkipVerify: true})
	}
	io.WriteString(c, rawRequest("/"))
	c.Write(wire.AppendMessage(nil, wire.Client, wire.Binary, kilobyte, nil))
	want := wire.AppendMessage(nil, wire.Server, wire.Binary, kilobyte, nil)
	br := bufio.NewReader(c)
	for line := ""; line != "\r\n"; {
		if line, err = br.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.ReadFull(br, make([]byte, len(want))); err != nil {
		t.Fatal(err)
	}
	nc.SetDeadline(time.Time{})
}
