package proxy_test

import (
	"bytes"
	"context"
	ctls "crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/proxy"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/tls"
)

// echoer says "open", and then sends everything back.
type echoer struct{ teller }

func (echoer) OnOpen(c *reactor.Conn) { c.Write([]byte("open|")) }

const (
	greetNone  = "\x05\x01\x00"
	greetLogin = "\x05\x02\x00\x02"
	login      = "\x01\x04anna\x06secret"
	connectV4  = "\x05\x01\x00\x01\xc0\x00\x02\x07\x00\x50"
	replyV4    = "\x05\x00\x00\x01\x0a\x00\x00\x01\x1f\x90"
)

var connectV6 = "\x05\x01\x00\x04" + string(netip.MustParseAddr("2001:db8::7").AsSlice()) + "\x01\xbb"

// What the proxy sends, and what we send and end with; each cut at every place.
func TestSOCKS5(t *testing.T) {
	t.Parallel()
	anna := proxy.SOCKS5{Username: "anna", Password: "secret"}
	for _, c := range []struct {
		name string
		d    proxy.SOCKS5
		addr string
		in   string
		out  string // "open|" is where the next handler begins
		err  error
	}{
		{"IPv4", proxy.SOCKS5{}, "192.0.2.7:80", "\x05\x00" + replyV4, greetNone + connectV4 + "open||EOF", nil},
		{"mapped IPv4", proxy.SOCKS5{}, "[::ffff:192.0.2.7]:80", "\x05\x00" + replyV4, greetNone + connectV4 + "open||EOF", nil},
		{"IPv6", proxy.SOCKS5{}, "[2001:db8::7]:443", "\x05\x00" + replyV4, greetNone + connectV6 + "open||EOF", nil},
		{"name", proxy.SOCKS5{}, "a.test:80", "\x05\x00" + replyV4, greetNone + "\x05\x01\x00\x03\x06a.test\x00\x50open||EOF", nil},
		{"the target speaks at once", proxy.SOCKS5{}, "192.0.2.7:80", "\x05\x00" + replyV4 + "\x05\x00hello", greetNone + connectV4 + "open|\x05\x00hello|EOF", nil},
		{"reply with IPv6", proxy.SOCKS5{}, "192.0.2.7:80", "\x05\x00\x05\x00\x00\x04" + strings.Repeat("x", 18) + "hi", greetNone + connectV4 + "open|hi|EOF", nil},
		{"reply with a name", proxy.SOCKS5{}, "192.0.2.7:80", "\x05\x00\x05\x00\x00\x03\x02ab\x00\x01hi", greetNone + connectV4 + "open|hi|EOF", nil},
		{"reply with an empty name", proxy.SOCKS5{}, "192.0.2.7:80", "\x05\x00\x05\x00\x00\x03\x00\x00\x01hi", greetNone + connectV4 + "open|hi|EOF", nil},
		{"login", anna, "192.0.2.7:80", "\x05\x02\x01\x00" + replyV4 + "hi", greetLogin + login + connectV4 + "open|hi|EOF", nil},
		{"login that is not wanted", anna, "192.0.2.7:80", "\x05\x00" + replyV4 + "hi", greetLogin + connectV4 + "open|hi|EOF", nil},
		{"login refused", anna, "192.0.2.7:80", "\x05\x02\x01\x01", greetLogin + login, proxy.ErrSOCKSLogin},
		{"login refused otherwise", anna, "192.0.2.7:80", "\x05\x02\x01\xff", greetLogin + login, proxy.ErrSOCKSLogin},
		{"login's version", anna, "192.0.2.7:80", "\x05\x02\x05\x00", greetLogin + login, proxy.ErrSOCKSProtocol},
		{"login wanted", proxy.SOCKS5{}, "192.0.2.7:80", "\x05\x02", greetNone, proxy.ErrSOCKSProtocol},
		{"no method", proxy.SOCKS5{}, "192.0.2.7:80", "\x05\xff", greetNone, proxy.ErrSOCKSMethod},
		{"GSSAPI", anna, "192.0.2.7:80", "\x05\x01", greetLogin, proxy.ErrSOCKSProtocol},
		{"SOCKS4", proxy.SOCKS5{}, "192.0.2.7:80", "\x00\x5a\x00\x00\x00\x00\x00\x00", greetNone, proxy.ErrSOCKSProtocol},
		{"HTTP", proxy.SOCKS5{}, "192.0.2.7:80", "HTTP/1.1 400 Bad Request\r\n\r\n", greetNone, proxy.ErrSOCKSProtocol},
		{"reply 1", proxy.SOCKS5{}, "192.0.2.7:80", "\x05\x00\x05\x01\x00\x01\x00\x00\x00\x00\x00\x00", greetNone + connectV4, proxy.ErrSOCKSFailure},
		{"reply 2", proxy.SOCKS5{}, "192.0.2.7:80", "\x05\x00\x05\x02", greetNone + connectV4, proxy.ErrSOCKSNotAllowed},
		{"reply 3", proxy.SOCKS5{}, "192.0.2.7:80", "\x05\x00\x05\x03", greetNone + connectV4, proxy.ErrSOCKSNetworkUnreachable},
		{"reply 4", proxy.SOCKS5{}, "192.0.2.7:80", "\x05\x00\x05\x04", greetNone + connectV4, proxy.ErrSOCKSHostUnreachable},
		{"reply 5", proxy.SOCKS5{}, "192.0.2.7:80", "\x05\x00\x05\x05", greetNone + connectV4, proxy.ErrSOCKSRefused},
		{"reply 6", proxy.SOCKS5{}, "192.0.2.7:80", "\x05\x00\x05\x06", greetNone + connectV4, proxy.ErrSOCKSTTL},
		{"reply 7", proxy.SOCKS5{}, "192.0.2.7:80", "\x05\x00\x05\x07", greetNone + connectV4, proxy.ErrSOCKSCommand},
		{"reply 8", proxy.SOCKS5{}, "192.0.2.7:80", "\x05\x00\x05\x08", greetNone + connectV4, proxy.ErrSOCKSAddress},
		{"reply 9", proxy.SOCKS5{}, "192.0.2.7:80", "\x05\x00\x05\x09", greetNone + connectV4, proxy.ErrSOCKSReply},
		{"reply 255", proxy.SOCKS5{}, "192.0.2.7:80", "\x05\x00\x05\xff", greetNone + connectV4, proxy.ErrSOCKSReply},
		{"reply's version", proxy.SOCKS5{}, "192.0.2.7:80", "\x05\x00\x04\x00", greetNone + connectV4, proxy.ErrSOCKSProtocol},
		{"reply's reserved byte", proxy.SOCKS5{}, "192.0.2.7:80", "\x05\x00\x05\x00\x01", greetNone + connectV4, proxy.ErrSOCKSProtocol},
		{"reply's type", proxy.SOCKS5{}, "192.0.2.7:80", "\x05\x00\x05\x00\x00\x02\x00", greetNone + connectV4, proxy.ErrSOCKSProtocol},
		{"nothing", proxy.SOCKS5{}, "192.0.2.7:80", "", greetNone, proxy.ErrSOCKSClosed},
		{"ends early", proxy.SOCKS5{}, "192.0.2.7:80", "\x05\x00\x05\x00\x00\x03\xff", greetNone + connectV4, proxy.ErrSOCKSClosed},
	} {
		var got []error
		p := reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler {
			got = nil
			h, err := c.d.Handler(c.addr, echoer{}, func(_ *reactor.Conn, err error) { got = append(got, err) })
			if err != nil {
				t.Fatal(err)
			}
			return h
		})
		reactortest.SplitsHandler(t, reactor.Config{}, p, []byte(c.in), func(t *testing.T, fed reactortest.Fed) {
			sent := string(fed.Out) == c.out
			if c.err != nil { // a reset throws away what was not sent yet, when the proxy has answered before it was asked
				sent = strings.HasPrefix(c.out, string(fed.Out))
			}
			if !sent || len(got) != 1 || !errors.Is(got[0], c.err) {
				t.Errorf("%s: sent %q, told %v; want %q, %v", c.name, fed.Out, got, c.out, c.err)
			}
			if c.err != nil && c.err != proxy.ErrSOCKSClosed && (!fed.Reset || reactor.ReasonOf(fed.Err) != "socks") {
				t.Errorf("%s: reset %v, %v", c.name, fed.Reset, fed.Err)
			}
		})
	}
}

// Replies that mean what a system error means are that error, too; no two are alike.
func TestSOCKS5Errors(t *testing.T) {
	all := map[*proxy.Error]error{
		proxy.ErrSOCKSFailure: nil, proxy.ErrSOCKSNotAllowed: syscall.EACCES, proxy.ErrSOCKSNetworkUnreachable: syscall.ENETUNREACH,
		proxy.ErrSOCKSHostUnreachable: syscall.EHOSTUNREACH, proxy.ErrSOCKSRefused: syscall.ECONNREFUSED, proxy.ErrSOCKSTTL: syscall.ETIMEDOUT,
		proxy.ErrSOCKSCommand: nil, proxy.ErrSOCKSAddress: nil, proxy.ErrSOCKSReply: nil, proxy.ErrSOCKSMethod: nil, proxy.ErrSOCKSLogin: nil,
		proxy.ErrSOCKSClosed: io.ErrUnexpectedEOF, proxy.ErrSOCKSTimeout: os.ErrDeadlineExceeded, proxy.ErrSOCKSProtocol: nil,
	}
	texts := map[string]bool{}
	for e, is := range all {
		if is != nil && !errors.Is(e, is) || !strings.HasPrefix(e.Error(), "proxy: socks: ") || texts[e.Error()] {
			t.Errorf("%v is not %v", e, is)
		}
		texts[e.Error()] = true
		for other := range all {
			if other != e && errors.Is(e, other) {
				t.Errorf("%v is %v", e, other)
			}
		}
	}
	if !proxy.ErrSOCKSTimeout.Timeout() || proxy.ErrSOCKSClosed.Timeout() {
		t.Error("Timeout")
	}
}

// What cannot be told to a proxy is refused before anything is sent.
func TestSOCKS5Refuses(t *testing.T) {
	long := strings.Repeat("a", 256)
	for _, addr := range []string{
		"", "a.test", "a.test:", ":80", "a.test:0", "a.test:65536", "a.test:-1", "a.test:http", "a b:80", "a\r\nb:80", "a\x00:80", "é.test:80", long + ":80", "[fe80::1%eth0]:80",
	} {
		if _, err := new(proxy.SOCKS5).Handler(addr, echoer{}, nil); !errors.Is(err, proxy.ErrSOCKSTarget) {
			t.Errorf("%q: %v", addr, err)
		}
	}
	for _, d := range []proxy.SOCKS5{{Username: "a"}, {Password: "b"}, {Username: long, Password: "b"}, {Username: "a", Password: long}} {
		if _, err := d.Handler("a.test:80", echoer{}, nil); !errors.Is(err, proxy.ErrSOCKSCredentials) {
			t.Errorf("%d, %d bytes: %v", len(d.Username), len(d.Password), err)
		}
	}
	r := reactortest.NewDefault(t, reactor.Config{Loops: 1})
	for _, d := range []proxy.SOCKS5{{}, {Proxy: "nowhere"}, {Proxy: "127.0.0.1:1", Username: "a"}} {
		var op *net.OpError
		if _, err := d.DialContext(t.Context(), r, "a.test:80"); !errors.As(err, &op) {
			t.Errorf("%+v: %v", d, err)
		}
	}
	var err error
	r.EachLoop(t.Context(), func(int) { _, err = new(proxy.SOCKS5).DialContext(context.Background(), r, "a.test:80") })
	if !errors.Is(err, reactor.ErrOnLoop) {
		t.Errorf("on a loop: %v", err)
	}
}

func TestParseSOCKS5(t *testing.T) {
	for in, want := range map[string]string{
		"socks5h://127.0.0.1":                  "127.0.0.1:1080 false",
		"socks5h://proxy.test:9050/":           "proxy.test:9050 false",
		"socks5://[::1]:1081":                  "[::1]:1081 true",
		"socks5h://anna:s%3Acret@proxy.test":   "proxy.test:1080 false anna s:cret",
		"socks5h://anna@proxy.test":            "",
		"socks4://proxy.test":                  "",
		"http://proxy.test":                    "",
		"proxy.test:1080":                      "",
		"socks5://":                            "",
		"socks5://proxy.test/path":             "",
		"socks5://proxy.test?x":                "",
		"socks5://anna:secret@proxy.test:port": "",
	} {
		d, err := proxy.ParseSOCKS5(in)
		if err != nil {
			if want != "" || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v", in, err)
			}
			continue
		}
		got := strings.TrimSpace(fmt.Sprintln(d.Proxy, d.Resolver != nil, d.Username, d.Password))
		if got != want {
			t.Errorf("%s: %q; want %q", in, got, want)
		}
	}
}

// socksServer is a proxy of this process that connects for real.
type socksServer struct {
	ln   net.Listener
	wg   sync.WaitGroup
	mu   sync.Mutex
	seen []string // targets
}

func serveSOCKS(t *testing.T, ln net.Listener, user, password string) *socksServer {
	s := &socksServer{ln: ln}
	s.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			s.wg.Go(func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(patience))
				s.serve(c, user, password)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		s.wg.Wait()
	})
	return s
}

func (s *socksServer) serve(c net.Conn, user, password string) {
	field := func(n int) string {
		b := make([]byte, n)
		io.ReadFull(c, b)
		return string(b)
	}
	methods := field(int(field(2)[1]))
	switch {
	case user == "":
		c.Write([]byte{5, 0})
	case !strings.Contains(methods, "\x02"):
		c.Write([]byte{5, 0xff})
		return
	default:
		c.Write([]byte{5, 2})
		gotUser := field(int(field(2)[1]))
		gotPassword := field(int(field(1)[0]))
		if gotUser != user || gotPassword != password {
			c.Write([]byte{1, 1})
			return
		}
		c.Write([]byte{1, 0})
	}
	host := ""
	switch head := field(4); head[3] {
	case 1:
		a, _ := netip.AddrFromSlice([]byte(field(4)))
		host = a.String()
	case 3:
		host = field(int(field(1)[0]))
	case 4:
		a, _ := netip.AddrFromSlice([]byte(field(16)))
		host = a.String()
	}
	addr := net.JoinHostPort(host, fmt.Sprint(binary.BigEndian.Uint16([]byte(field(2)))))
	s.mu.Lock()
	s.seen = append(s.seen, addr)
	s.mu.Unlock()
	if host == "echo.test" {
		addr = strings.Replace(addr, host, "127.0.0.1", 1)
	}
	to, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		c.Write([]byte{5, 5, 0, 1, 0, 0, 0, 0, 0, 0})
		return
	}
	defer to.Close()
	to.SetDeadline(time.Now().Add(patience))
	c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	s.wg.Go(func() {
		io.Copy(to, c)
		to.(*net.TCPConn).CloseWrite()
	})
	io.Copy(c, to)
}

// fixed is a resolver with one answer.
type fixed []netip.Addr

func (f fixed) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) { return f, nil }

// askThrough sends and reads by a dialer.
func askThrough(t *testing.T, r *reactor.Reactor, d *proxy.SOCKS5, addr string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := d.DialContext(ctx, r, addr)
	if err != nil {
		return "", err
	}
	defer s.Close()
	s.SetDeadline(time.Now().Add(patience))
	body := bytes.Repeat([]byte("0123456789abcdef"), 10_000)
	go func() {
		s.Write(body)
		s.CloseWrite()
	}()
	got, err := io.ReadAll(s)
	head, rest, _ := bytes.Cut(got, []byte("|"))
	if err == nil && !bytes.Equal(rest, append(body, "|EOF"...)) {
		t.Errorf("%s: %d bytes", addr, len(rest))
	}
	return string(head), err
}

// Over sockets, to the proxy by TCP, a unix socket and TLS.
func TestSOCKS5Dial(t *testing.T) {
	t.Parallel()
	r := reactortest.NewDefault(t, reactor.Config{Loops: 2})
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Listen(ln, reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler { return echoer{} })); err != nil {
		t.Fatal(err)
	}
	target := ln.Addr().String()
	_, port, _ := net.SplitHostPort(target)
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "s")
	local, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := tls.SelfSigned("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	secure, err := ctls.Listen("tcp", "127.0.0.1:0", &ctls.Config{Certificates: []ctls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	serveSOCKS(t, secure, "", "")
	first := serveSOCKS(t, plain, "", "")
	second := serveSOCKS(t, local, "anna", "secret")
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()

	for _, c := range []struct {
		name string
		d    proxy.SOCKS5
		addr string
		err  error
	}{
		{"an address", proxy.SOCKS5{Proxy: plain.Addr().String()}, target, nil},
		{"a name", proxy.SOCKS5{Proxy: plain.Addr().String()}, "echo.test:" + port, nil},
		{"a name found here", proxy.SOCKS5{Proxy: plain.Addr().String(), Resolver: fixed{netip.MustParseAddr("127.0.0.1")}}, "other.test:" + port, nil},
		{"a login", proxy.SOCKS5{Proxy: "unix:" + path, Username: "anna", Password: "secret"}, target, nil},
		{"a wrong login", proxy.SOCKS5{Proxy: "unix:" + path, Username: "anna", Password: "Secret"}, target, proxy.ErrSOCKSLogin},
		{"no login", proxy.SOCKS5{Proxy: "unix:" + path}, target, proxy.ErrSOCKSMethod},
		{"nobody at the target", proxy.SOCKS5{Proxy: plain.Addr().String()}, closed.Addr().String(), syscall.ECONNREFUSED},
		{"no proxy", proxy.SOCKS5{Proxy: closed.Addr().String()}, target, syscall.ECONNREFUSED},
		{"through a proxy to a proxy", proxy.SOCKS5{Proxy: plain.Addr().String(), Via: &proxy.SOCKS5{Proxy: "unix:" + path, Username: "anna", Password: "secret"}}, target, nil},
		{"through TLS", proxy.SOCKS5{Proxy: secure.Addr().String(), Via: &tls.Dialer{Config: &ctls.Config{InsecureSkipVerify: true}}}, target, nil},
	} {
		got, err := askThrough(t, r, &c.d, c.addr)
		var op *net.OpError
		if c.err == nil && (err != nil || got != "open") || c.err != nil && (!errors.As(err, &op) || !errors.Is(err, c.err)) {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
	first.mu.Lock()
	defer first.mu.Unlock()
	second.mu.Lock()
	defer second.mu.Unlock()
	want := []string{target, "echo.test:" + port, "127.0.0.1:" + port, closed.Addr().String(), target}
	if fmt.Sprint(first.seen) != fmt.Sprint(want) || fmt.Sprint(second.seen) != fmt.Sprint([]string{target, plain.Addr().String()}) {
		t.Errorf("asked for %q and %q", first.seen, second.seen)
	}
}

// A proxy that says nothing, or not all, is left when the time is up; a context ends a dial at once.
func TestSOCKS5Timeout(t *testing.T) {
	for _, said := range []string{"", "\x05", "\x05\x00", "\x05\x00\x05\x00"} {
		synctest.Test(t, func(t *testing.T) {
			r := reactortest.New(t, reactor.Config{Loops: 1, StallAfter: -1})
			ln := reactortest.Listen()
			defer ln.Close()
			go func() {
				for {
					c, err := ln.Accept()
					if err != nil {
						return
					}
					io.WriteString(c, said)
					go func() {
						io.Copy(io.Discard, c)
						c.Close()
					}()
				}
			}()
			for _, c := range []struct {
				d    proxy.SOCKS5
				want time.Duration
				err  error
			}{
				{proxy.SOCKS5{}, 30 * time.Second, proxy.ErrSOCKSTimeout},
				{proxy.SOCKS5{HandshakeTimeout: time.Second}, time.Second, proxy.ErrSOCKSTimeout},
				{proxy.SOCKS5{HandshakeTimeout: -1}, time.Minute, context.DeadlineExceeded},
				{proxy.SOCKS5{Timeout: 2 * time.Second}, 2 * time.Second, context.DeadlineExceeded},
				{proxy.SOCKS5{HandshakeTimeout: -1, Timeout: -1}, time.Hour, context.Canceled},
			} {
				ctx, cancel := context.WithCancel(t.Context())
				end := time.AfterFunc(time.Hour, cancel)
				c.d.Proxy = ln.Addr().String()
				start := time.Now()
				_, err := c.d.DialContext(ctx, r, "a.test:80")
				d := time.Since(start)
				var ne net.Error
				if !errors.Is(err, c.err) || !errors.As(err, &ne) || ne.Timeout() == (c.err == context.Canceled) || d < c.want || d > c.want+20*time.Millisecond {
					t.Errorf("%q: %v after %v; want %v after %v", said, err, d, c.err, c.want)
				}
				if c.err != context.Canceled && !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("%q: %v is not os.ErrDeadlineExceeded", said, err)
				}
				end.Stop()
				cancel()
			}
		})
	}
}

// FuzzSOCKS has any bytes come from the proxy: the same ones, cut at any place, have the same result.
func FuzzSOCKS(f *testing.F) {
	f.Add([]byte("\x05\x00"+replyV4+"hello"), 3, false)
	f.Add([]byte("\x05\x02\x01\x00"+replyV4), 5, true)
	f.Add([]byte("\x05\x00\x05\x00\x00\x03\x02ab\x00\x01hi"), 8, false)
	f.Add([]byte("\x05\x00\x05\x05\x00\x01"), 1, false)
	f.Fuzz(func(t *testing.T, in []byte, at int, withLogin bool) {
		d := proxy.SOCKS5{}
		if withLogin {
			d.Username, d.Password = "anna", "secret"
		}
		told := 0
		p := reactor.ProtocolFunc(func(*reactor.Conn) reactor.Handler {
			told = 0
			h, err := d.Handler("192.0.2.7:80", echoer{}, func(*reactor.Conn, error) { told++ })
			if err != nil {
				t.Fatal(err)
			}
			return h
		})
		whole := reactortest.Feed(t, reactor.Config{}, p, [][]byte{bytes.Clone(in)})
		if told != 1 {
			t.Fatalf("told %d times", told)
		}
		if at < 0 || at > len(in) {
			return
		}
		parts := reactortest.Feed(t, reactor.Config{}, p, [][]byte{bytes.Clone(in[:at]), bytes.Clone(in[at:])})
		same := whole.Equal(parts)
		if whole.Err != nil { // a reset throws away what was not sent yet
			same = fmt.Sprint(whole.Err) == fmt.Sprint(parts.Err) && whole.Reset == parts.Reset
		}
		if told != 1 || !same {
			t.Fatalf("whole %q, %v; in parts %q, %v", whole.Out, whole.Err, parts.Out, parts.Err)
		}
	})
}
