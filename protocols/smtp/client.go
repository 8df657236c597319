package smtp

import (
	"cmp"
	"context"
	ctls "crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// TLSMode is how a connection is secured.
type TLSMode uint8

// The ways of TLS.
const (
	// TLSStartTLS asks for TLS when the server has greeted (RFC 3207), and goes no further without.
	TLSStartTLS TLSMode = iota
	// TLSImplicit has TLS from the first byte on (RFC 8314), usually on port 465.
	TLSImplicit
	// TLSOpportunistic takes TLS if the server offers it. Whoever is between can take the offer away.
	TLSOpportunistic
	// TLSNone has none: for a server on this machine.
	TLSNone
)

const (
	defaultTimeout       = 5 * time.Minute
	defaultMaxResponse   = 64 << 10
	defaultMaxSize       = 32 << 20
	defaultMaxRecipients = 100
)

// Client sends messages to one server. Its fields must not change once it is in use; its methods are safe from any goroutine
// but a loop's, where they return reactor.ErrOnLoop. Each call opens a connection of its own: a Client holds nothing.
type Client struct {
	// Reactor has the connections; it must be set.
	Reactor *reactor.Reactor
	// Addr is the server, "host" or "host:port"; without a port it is 587, with TLSImplicit 465.
	Addr string
	// Dialer connects to it; nil: a tcp.Dialer. A resolve.Dialer or a proxy.SOCKS5 goes here.
	Dialer transports.Dialer
	// TLS is how the connection is secured; the zero value requires STARTTLS.
	TLS TLSMode
	// TLSConfig is crypto/tls's; nil is an empty one. Without a ServerName, a copy gets Addr's host.
	TLSConfig *ctls.Config
	// Username and Password log in; without a Username nobody does.
	Username, Password string
	// Token gives XOAUTH2's token, asked for at every login; nil: Password is it. With Token nothing else is used.
	Token func(ctx context.Context) (string, error)
	// Mechanisms are those that may be used, the first that the server has is; empty: all but XOAUTH2, the safest first.
	Mechanisms []string
	// PasswordWithoutTLS lets PLAIN, LOGIN and XOAUTH2 go without TLS. Who listens has the password then.
	PasswordWithoutTLS bool
	// Hello is our name for EHLO; empty: the machine's, or "localhost".
	Hello string
	// DKIM signs every message (RFC 6376); nil: none is signed. mail.NewDKIMSigner of go-mail makes one.
	DKIM *mail.DKIMSigner

	// Timeout bounds the wait for each answer and for each piece of a message to be taken; 0: 5 min, what RFC 5321, section
	// 4.5.3.2, asks for; negative: none. A context bounds it all.
	Timeout time.Duration
	// MaxResponse bounds one answer of the server, in bytes, a TLS handshake's included; 0: 64 KiB; negative: none.
	MaxResponse int64
	// MaxSize bounds a message, in bytes before attachments are encoded; 0: 32 MiB; negative: none.
	MaxSize int64
	// MaxRecipients bounds those of one message; 0: 100, which every server takes (RFC 5321, section 4.5.3.1.8); negative: none.
	MaxRecipients int
}

// Send sends one message. It returns nil when the server has taken it for all recipients. The error is an *Error, and says
// whether it is worth another try; or it is ctx's, or reactor.ErrOnLoop. If one recipient is refused, nobody gets it.
//
// When the connection breaks after all was sent and before the server has answered (StepEnd with Code 0), it may have been
// taken: another try may make two of it.
func (c *Client) Send(ctx context.Context, m *Message) error { return c.SendAll(ctx, m)[0] }

// SendAll sends messages over one connection, one after another, and gives an error or nil for each, as Send. After one that the
// server has refused the next is sent; when the connection breaks the rest has that error.
func (c *Client) SendAll(ctx context.Context, all ...*Message) []error {
	errs := make([]error, len(all))
	ready := make([]*letter, len(all))
	todo := 0
	for i, m := range all {
		if ready[i], errs[i] = c.prepare(m); errs[i] == nil {
			todo++
		}
	}
	if todo == 0 {
		return errs
	}
	s, err := c.open(ctx)
	for i, l := range ready {
		if errs[i] != nil {
			continue
		}
		if err == errCutShort { // this side's fault: the next one gets a connection of its own
			s.close(err)
			s, err = c.open(ctx)
		}
		if err == nil {
			errs[i], err = s.deliver(l)
		} else {
			errs[i] = err
		}
		var e *Error
		if ctx.Err() != nil && errors.As(errs[i], &e) && e.Code == 0 {
			errs[i] = ctx.Err()
		}
	}
	if s != nil {
		s.close(err)
	}
	return errs
}

// errCutShort is why a connection is reset in the middle of a message that could not be read to its end. The end must not be sent:
// what the server has would be taken for all of it.
var errCutShort = errors.New("smtp: the message was cut short")

// letter is a message that has been checked.
type letter struct {
	envelope
	msg *mail.Msg
}

func (c *Client) prepare(m *Message) (*letter, error) {
	if reactor.OnLoop() {
		return nil, reactor.ErrOnLoop
	}
	e, err := m.envelope()
	if limit := orDefault(c.MaxRecipients, defaultMaxRecipients); err == nil && limit > 0 && len(e.to) > limit {
		err = fmt.Errorf("%w: %d recipients; the limit is %d", ErrMessage, len(e.to), limit)
	}
	if err != nil {
		return nil, &Error{Step: StepMessage, Err: err}
	}
	msg, err := m.build(orDefault(c.MaxSize, defaultMaxSize))
	if err != nil {
		return nil, &Error{Step: StepMessage, Err: err}
	}
	if c.DKIM != nil {
		msg.SetDKIM(c.DKIM)
	}
	return &letter{e, msg}, nil
}

// session is a connection that has logged in.
type session struct {
	sc      *smtp.Client
	raw     *reactor.Stream
	release func() bool
}

// open connects, secures the connection and logs in.
func (c *Client) open(ctx context.Context) (*session, error) {
	if err := c.check(); err != nil {
		return nil, &Error{Step: StepDial, Err: err}
	}
	conn, raw, release, err := c.connect(ctx)
	if err != nil {
		return nil, stepError(StepDial, err)
	}
	s := &session{raw: raw, release: release}
	if err := c.begin(ctx, s, conn); err != nil {
		s.close(err)
		return nil, err
	}
	return s, nil
}

func (c *Client) begin(ctx context.Context, s *session, conn net.Conn) error {
	sc, err := smtp.NewClient(conn, c.host())
	if err != nil {
		return stepError(StepDial, err)
	}
	s.sc = sc
	if err := sc.Hello(c.hello()); err != nil {
		return stepError(StepHello, err)
	}
	if err := c.startTLS(sc); err != nil {
		return stepError(StepStartTLS, err)
	}
	if err := c.authenticate(ctx, sc); err != nil {
		return stepError(StepAuth, err)
	}
	return nil
}

func (c *Client) startTLS(sc *smtp.Client) error {
	if c.TLS == TLSImplicit || c.TLS == TLSNone {
		return nil
	}
	offered, _ := sc.Extension("STARTTLS")
	switch {
	case offered:
		return sc.StartTLS(c.tlsConfig())
	case c.TLS == TLSOpportunistic:
		return nil
	}
	return ErrNoTLS
}

// deliver sends one message. broken is why no other can follow.
func (s *session) deliver(l *letter) (err, broken error) {
	fail := func(step string, err error) (error, error) {
		e := stepError(step, err)
		if e.Code == 0 || e.Code == 421 { // the server closes
			return e, e
		}
		if err := s.sc.Reset(); err != nil {
			return e, stepError(step, err)
		}
		return e, nil
	}
	if err := s.sc.Mail("<" + l.from + ">"); err != nil {
		return fail(StepMail, err)
	}
	refused, err := s.recipients(l.to)
	if err != nil {
		return fail(StepRcpt, err)
	}
	if refused != nil {
		_, broken := fail(StepRcpt, refused)
		return refused, broken
	}
	w, err := s.sc.Data()
	if err != nil {
		return fail(StepData, err)
	}
	if _, err := l.msg.WriteTo(w); err != nil {
		if errors.Is(err, ErrMessage) {
			return &Error{Step: StepMessage, Err: err}, errCutShort
		}
		e := stepError(StepData, err)
		return e, e
	}
	if err := w.Close(); err != nil {
		e := stepError(StepEnd, err)
		if e.Code == 0 || e.Code == 421 {
			return e, e
		}
		return e, nil
	}
	return nil, nil
}

// recipients tells the server of all of them, so that the error has all that it refuses.
func (s *session) recipients(to []string) (*Error, error) {
	var out *Error
	for _, addr := range to {
		err := s.sc.Rcpt("<" + addr + ">")
		if err == nil {
			continue
		}
		e := stepError(StepRcpt, err)
		if e.Code == 0 || e.Code == 421 {
			return nil, err
		}
		if out == nil || out.Temporary() && !e.Temporary() {
			e.Refused = nil
			if out != nil {
				e.Refused = out.Refused
			}
			out = e
		}
		out.Refused = append(out.Refused, Refusal{addr, e.Code, e.Enhanced, e.Text})
	}
	return out, nil
}

// close ends the connection: in order if err is nil, else by a reset, so that a message that was begun is not taken for a whole one.
func (s *session) close(err error) {
	if err != nil {
		s.raw.Conn().Abort(err)
	} else {
		s.sc.Quit() // the server's answer changes nothing
	}
	s.release()
	s.raw.Close()
}

// check is of the fields alone.
func (c *Client) check() error {
	if c.Reactor == nil || c.Addr == "" {
		return fmt.Errorf("%w: a Client needs a Reactor and an Addr", ErrConfig)
	}
	for field, s := range map[string]string{"Addr": c.Addr, "Hello": c.Hello, "Username": c.Username, "Password": c.Password} {
		if err := clean(field, s); err != nil {
			if field == "Password" {
				return fmt.Errorf("%w: Password", ErrInjection) // and nothing of it
			}
			return err
		}
	}
	if strings.Contains(c.Hello, " ") {
		return fmt.Errorf("%w: Hello %q", ErrConfig, c.Hello)
	}
	return nil
}

// addr is Addr with a port.
func (c *Client) addr() string {
	if _, _, err := net.SplitHostPort(c.Addr); err == nil {
		return c.Addr
	}
	port := "587"
	if c.TLS == TLSImplicit {
		port = "465"
	}
	return net.JoinHostPort(strings.Trim(c.Addr, "[]"), port)
}

func (c *Client) host() string {
	host, _, err := net.SplitHostPort(c.addr())
	if err != nil {
		return c.Addr
	}
	return host
}

func (c *Client) dialer() transports.Dialer {
	if c.Dialer != nil {
		return c.Dialer
	}
	return new(tcp.Dialer)
}

func (c *Client) hello() string {
	if c.Hello != "" {
		return c.Hello
	}
	name, err := os.Hostname()
	if err != nil || name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "localhost"
	}
	return name
}

func (c *Client) tlsConfig() *ctls.Config {
	cfg := c.TLSConfig
	if cfg == nil {
		cfg = &ctls.Config{}
	}
	if cfg.ServerName == "" {
		cfg = cfg.Clone()
		cfg.ServerName = c.host()
	}
	return cfg
}

// orDefault is v, or def if it is 0.
func orDefault[T cmp.Ordered](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
