package smtp_test

import (
	"bytes"
	ctls "crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/smtp"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/tls"
	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
)

func TestMain(m *testing.M) { reactortest.Main(m) }

const patience = 30 * time.Second

// received is a message as a server got it.
type received struct {
	from string
	to   []string
	text []byte
	tls  bool
	user string
}

// server is go-smtp's in this process.
type server struct {
	addr  string
	roots *x509.CertPool
	auth  map[string]func(*received) sasl.Server
	rcpt  func(to string) error
	data  func() error

	mu  sync.Mutex
	got []received
}

func (s *server) messages() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.got...)
}

// serve starts one. implicit: with TLS from the beginning; plain: without STARTTLS.
func serve(t testing.TB, s *server, mode smtp.TLSMode) *server {
	t.Helper()
	cert, err := tls.SelfSigned("localhost", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	s.roots = x509.NewCertPool()
	s.roots.AddCert(cert.Leaf)
	srv := gosmtp.NewServer(s)
	srv.Domain = "mail.test"
	srv.AllowInsecureAuth = true
	srv.ReadTimeout, srv.WriteTimeout = patience, patience
	srv.ErrorLog = quiet{}
	cfg := &ctls.Config{Certificates: []ctls.Certificate{cert}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	switch mode {
	case smtp.TLSImplicit:
		ln = ctls.NewListener(ln, cfg)
	case smtp.TLSStartTLS:
		srv.TLSConfig = cfg
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		srv.Serve(ln)
	}()
	t.Cleanup(func() {
		srv.Close()
		<-done
	})
	return s
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func (s *server) NewSession(c *gosmtp.Conn) (gosmtp.Session, error) {
	_, secured := c.TLSConnectionState()
	return &session{s: s, m: received{tls: secured}, conn: c}, nil
}

type session struct {
	s    *server
	m    received
	conn *gosmtp.Conn
}

func (c *session) Reset()        { c.m.from, c.m.to, c.m.text = "", nil, nil }
func (c *session) Logout() error { return nil }

func (c *session) Mail(from string, _ *gosmtp.MailOptions) error {
	c.m.from = from
	_, c.m.tls = c.conn.TLSConnectionState()
	return nil
}

func (c *session) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	c.s.mu.Lock()
	rcpt := c.s.rcpt
	c.s.mu.Unlock()
	if rcpt != nil {
		if err := rcpt(to); err != nil {
			return err
		}
	}
	c.m.to = append(c.m.to, to)
	return nil
}

func (c *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if c.s.data != nil {
		if err := c.s.data(); err != nil {
			return err
		}
	}
	m := c.m
	m.text = text
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.got = append(c.s.got, m)
	return nil
}

func (c *session) AuthMechanisms() []string {
	var all []string
	for name := range c.s.auth {
		all = append(all, name)
	}
	return all
}

func (c *session) Auth(name string) (sasl.Server, error) {
	mk, ok := c.s.auth[name]
	if !ok {
		return nil, gosmtp.ErrAuthUnknownMechanism
	}
	return mk(&c.m), nil
}

// client is one for s.
func client(t testing.TB, s *server, mode smtp.TLSMode) *smtp.Client {
	t.Helper()
	return &smtp.Client{
		Reactor: reactortest.NewDefault(t, reactor.Config{Loops: 2}), Addr: s.addr, TLS: mode, TLSConfig: &ctls.Config{RootCAs: s.roots},
		Timeout: patience,
	}
}

func hello() *smtp.Message {
	return &smtp.Message{From: "Anna <anna@example.com>", To: []string{"bob@example.com"}, Subject: "hello", Text: "Hello, Bob.\r\n"}
}

// wantError is for tables.
func wantError(t *testing.T, name string, err error, step string, code int, temporary bool, is error) {
	t.Helper()
	var e *smtp.Error
	if !errors.As(err, &e) || e.Step != step || e.Code != code || e.Temporary() != temporary || is != nil && !errors.Is(err, is) {
		t.Errorf("%s: %v (%+v); want step %s, %d, temporary %v, %v", name, err, e, step, code, temporary, is)
	}
}

var errRefused = &gosmtp.SMTPError{Code: 550, EnhancedCode: gosmtp.EnhancedCode{5, 1, 1}, Message: "no such user"}

var errLater = &gosmtp.SMTPError{Code: 451, EnhancedCode: gosmtp.EnhancedCode{4, 3, 0}, Message: "try again"}

func contains(b []byte, s string) bool { return bytes.Contains(b, []byte(s)) }
