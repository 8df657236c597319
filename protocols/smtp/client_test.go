package smtp_test

import (
	"context"
	ctls "crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/calandria-go/calandria/protocols/smtp"
	"github.com/calandria-go/calandria/reactor"
)

// The ways of TLS, on servers of each kind.
func TestTLS(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		server, client smtp.TLSMode
		secured        bool
		step           string // of the error
		is             error
	}{
		{"STARTTLS", smtp.TLSStartTLS, smtp.TLSStartTLS, true, "", nil},
		{"STARTTLS is not offered", smtp.TLSNone, smtp.TLSStartTLS, false, smtp.StepStartTLS, smtp.ErrNoTLS},
		{"from the beginning", smtp.TLSImplicit, smtp.TLSImplicit, true, "", nil},
		{"opportunistic, offered", smtp.TLSStartTLS, smtp.TLSOpportunistic, true, "", nil},
		{"opportunistic, not offered", smtp.TLSNone, smtp.TLSOpportunistic, false, "", nil},
		{"none, though it is offered", smtp.TLSStartTLS, smtp.TLSNone, false, "", nil},
		{"TLS to a server without", smtp.TLSNone, smtp.TLSImplicit, false, smtp.StepDial, nil},
	} {
		s := serve(t, &server{}, c.server)
		err := client(t, s, c.client).Send(t.Context(), hello())
		if c.step != "" {
			wantError(t, c.name, err, c.step, 0, true, c.is)
			if len(s.messages()) != 0 {
				t.Errorf("%s: it was sent", c.name)
			}
			continue
		}
		got := s.messages()
		if err != nil || len(got) != 1 || got[0].tls != c.secured || got[0].from != "anna@example.com" || !slices.Equal(got[0].to, []string{"bob@example.com"}) {
			t.Errorf("%s: %v, %+v", c.name, err, got)
		}
	}
}

// A certificate that is not trusted, or is another's, ends it: in STARTTLS and at the beginning.
func TestCertificate(t *testing.T) {
	t.Parallel()
	for _, mode := range []smtp.TLSMode{smtp.TLSStartTLS, smtp.TLSImplicit} {
		s := serve(t, &server{}, mode)
		c := client(t, s, mode)
		step := map[smtp.TLSMode]string{smtp.TLSStartTLS: smtp.StepStartTLS, smtp.TLSImplicit: smtp.StepDial}[mode]
		c.TLSConfig = nil
		err := c.Send(t.Context(), hello())
		wantError(t, "unknown authority", err, step, 0, true, nil)
		if !errors.As(err, new(x509.UnknownAuthorityError)) {
			t.Errorf("%v", err)
		}
		c.TLSConfig = &ctls.Config{RootCAs: s.roots, ServerName: "other.test"}
		err = c.Send(t.Context(), hello())
		wantError(t, "another's", err, step, 0, true, nil)
		if !errors.As(err, new(x509.HostnameError)) {
			t.Errorf("%v", err)
		}
	}
}

// What a server refuses: for good or for now, at every step.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s := serve(t, &server{rcpt: func(to string) error {
		switch {
		case strings.HasPrefix(to, "gone"):
			return errRefused
		case strings.HasPrefix(to, "later"):
			return errLater
		}
		return nil
	}}, smtp.TLSStartTLS)
	c := client(t, s, smtp.TLSStartTLS)
	for _, r := range []struct {
		to        string
		code      int
		temporary bool
		refused   int
	}{
		{"gone@example.com", 550, false, 1},
		{"later@example.com", 451, true, 1},
		{"bob@example.com later@example.com", 451, true, 1},
		{"later@example.com gone@example.com bob@example.com later2@example.com", 550, false, 3},
		{"gone@example.com later@example.com", 550, false, 2},
	} {
		m := hello()
		m.To = strings.Fields(r.to)
		err := c.Send(t.Context(), m)
		wantError(t, r.to, err, smtp.StepRcpt, r.code, r.temporary, nil)
		var e *smtp.Error
		if errors.As(err, &e) && (len(e.Refused) != r.refused || e.Enhanced == "" || e.Text == "") {
			t.Errorf("%s: %+v", r.to, e)
		}
		if smtp.IsTemporary(err) != r.temporary {
			t.Errorf("%s: IsTemporary", r.to)
		}
	}
	if len(s.messages()) != 0 {
		t.Errorf("somebody got %+v", s.messages())
	}

	// One after another on one connection: a refusal does not hold up the next.
	bad := hello()
	bad.To = []string{"gone@example.com"}
	unsendable := hello()
	unsendable.From = ""
	errs := c.SendAll(t.Context(), hello(), bad, unsendable, hello())
	if errs[0] != nil || errs[3] != nil || len(s.messages()) != 2 {
		t.Errorf("%v", errs)
	}
	wantError(t, "the second", errs[1], smtp.StepRcpt, 550, false, nil)
	wantError(t, "the third", errs[2], smtp.StepMessage, 0, false, smtp.ErrMessage)

	for _, later := range []bool{true, false} {
		s := serve(t, &server{data: func() error {
			if later {
				return errLater
			}
			return errRefused
		}}, smtp.TLSStartTLS)
		code := map[bool]int{true: 451, false: 550}[later]
		wantError(t, "DATA", client(t, s, smtp.TLSStartTLS).Send(t.Context(), hello()), smtp.StepEnd, code, later, nil)
	}
}

func TestNoServer(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	c := client(t, &server{addr: ln.Addr().String()}, smtp.TLSStartTLS)
	err = c.Send(t.Context(), hello())
	wantError(t, "nobody there", err, smtp.StepDial, 0, true, syscall.ECONNREFUSED)
	c.Addr = ""
	wantError(t, "no address", c.Send(t.Context(), hello()), smtp.StepDial, 0, false, smtp.ErrConfig)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.Addr = ln.Addr().String()
	if err := c.Send(ctx, hello()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	onLoop := make(chan error, c.Reactor.Loops())
	c.Reactor.EachLoop(t.Context(), func(int) { onLoop <- c.Send(context.Background(), hello()) })
	if err := <-onLoop; !errors.Is(err, reactor.ErrOnLoop) {
		t.Errorf("on a loop: %v", err)
	}
}

// An attachment that cannot be read to its end never makes a message of what there was.
func TestCutShort(t *testing.T) {
	t.Parallel()
	s := serve(t, &server{}, smtp.TLSStartTLS)
	c := client(t, s, smtp.TLSStartTLS)
	path := filepath.Join(t.TempDir(), "a.bin")
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	m := hello()
	m.Attachments = []smtp.Attachment{{Path: path}}
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
	// The file goes, or changes, between the check and the sending: the first recipient's answer is that moment.
	for name, spoil := range map[string]func(){
		"gone":    func() { os.Remove(path) },
		"shorter": func() { os.WriteFile(path, make([]byte, 1000), 0o600) },
		"longer":  func() { os.WriteFile(path, make([]byte, 2<<20), 0o600) },
	} {
		if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		s.rcpt = func(to string) error {
			if to == "spoil@example.com" {
				spoil()
			}
			return nil
		}
		s.mu.Unlock()
		m.To = []string{"spoil@example.com"}
		errs := c.SendAll(t.Context(), m, hello())
		wantError(t, name, errs[0], smtp.StepMessage, 0, false, smtp.ErrMessage)
		if got := s.messages(); errs[1] != nil || len(got) == 0 || contains(got[len(got)-1].text, "a.bin") {
			t.Errorf("%s: the next one: %v", name, errs[1])
		}
	}
	for _, got := range s.messages() {
		if got.to[0] == "spoil@example.com" {
			t.Errorf("the server took a message that was cut short")
		}
	}
}

// Limits of a message, before anything is sent.
func TestMessageLimits(t *testing.T) {
	t.Parallel()
	s := serve(t, &server{}, smtp.TLSStartTLS)
	c := client(t, s, smtp.TLSStartTLS)
	m := hello()
	m.To = nil
	for i := range 101 {
		m.To = append(m.To, fmt.Sprintf("n%d@example.com", i))
	}
	wantError(t, "recipients", c.Send(t.Context(), m), smtp.StepMessage, 0, false, smtp.ErrMessage)
	m.Bcc, m.To = m.To[99:], m.To[:100]
	wantError(t, "recipients, one of them twice", c.Send(t.Context(), m), smtp.StepMessage, 0, false, smtp.ErrMessage)
	c.MaxRecipients = -1
	if err := c.Send(t.Context(), m); err != nil || len(s.messages()[0].to) != 101 {
		t.Errorf("%v", err)
	}
	c.MaxSize = 4096
	m = hello()
	m.Attachments = []smtp.Attachment{{Name: "a", Data: make([]byte, 4096)}}
	wantError(t, "size", c.Send(t.Context(), m), smtp.StepMessage, 0, false, smtp.ErrMessage)
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path, make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	m.Attachments = []smtp.Attachment{{Path: path}}
	wantError(t, "a file's size", c.Send(t.Context(), m), smtp.StepMessage, 0, false, smtp.ErrMessage)
	c.MaxSize = -1
	if err := c.Send(t.Context(), m); err != nil {
		t.Error(err)
	}
}
