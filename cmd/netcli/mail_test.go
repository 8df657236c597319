package main

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	gosmtp "github.com/emersion/go-smtp"
)

// mailbox is a mail server that keeps what it gets, and refuses nobody@.
type mailbox struct {
	mu  sync.Mutex
	got []string
}

// take gives what has come since the last call.
func (b *mailbox) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	got := b.got
	b.got = nil
	return got
}

func (b *mailbox) NewSession(*gosmtp.Conn) (gosmtp.Session, error) { return session{b}, nil }

type session struct{ box *mailbox }

func (session) Mail(string, *gosmtp.MailOptions) error { return nil }

func (session) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	if strings.HasPrefix(to, "nobody@") {
		return &gosmtp.SMTPError{Code: 550, Message: "nobody of that name\x1b[31m"}
	}
	return nil
}

func (s session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	s.box.got = append(s.box.got, string(text))
	return err
}

func (session) Reset()        {}
func (session) Logout() error { return nil }

func TestMail(t *testing.T) {
	box := &mailbox{}
	srv := gosmtp.NewServer(box)
	srv.Domain = "localhost"
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { srv.Serve(ln); close(done) }()
	defer func() { srv.Close(); <-done }()
	path := filepath.Join(t.TempDir(), "sea.txt")
	if err := os.WriteFile(path, []byte("waves"), 0o600); err != nil {
		t.Fatal(err)
	}
	plain := "smtp://" + ln.Addr().String() + "?tls=none"
	from := []string{"mail", "-from", "anna@host.example", "-s", "Meer"}
	for _, tt := range []struct {
		args []string
		want int
		has  []string
	}{
		{[]string{"-server", plain, "-to", "bob@host.example", "-cc", "eve@host.example", "-attach", path}, exitOK, []string{"Subject: Meer", "To: <bob@host.example>", "Cc: <eve@host.example>", "from standard input", `filename="sea.txt"`}},
		{[]string{"-server", plain, "-to", "bob@host.example", "-text", "short", "-json"}, exitOK, []string{"short"}},
		{[]string{"-server", plain, "-to", "nobody@host.example"}, exitStatus, nil},
		{[]string{"-server", plain, "-to", "bob@host.example", "-s", "a\r\nBcc: eve@host.example"}, exitUsage, nil},
		{[]string{"-server", plain}, exitUsage, nil},
		{[]string{"-to", "bob@host.example"}, exitUsage, nil},
		{[]string{"-server", "http://host.example", "-to", "bob@host.example"}, exitUsage, nil},
		{[]string{"-server", "smtp://" + ln.Addr().String(), "-to", "bob@host.example"}, exitTLS, nil},
		{[]string{"-server", "smtp://" + closed(t) + "?tls=none", "-to", "bob@host.example"}, exitNetwork, nil},
	} {
		code, out, errs := cli(t, "from standard input", append(append([]string(nil), from...), tt.args...)...)
		if code != tt.want {
			t.Errorf("%v: %d; want %d: %s", tt.args, code, tt.want, errs)
		}
		if strings.Contains(errs, "\x1b") {
			t.Errorf("%q", errs)
		}
		got := box.take()
		if (len(got) == 1) != (code == exitOK) {
			t.Errorf("%v: %d mails", tt.args, len(got))
			continue
		}
		for _, h := range tt.has {
			if !strings.Contains(got[0], h) {
				t.Errorf("%v: no %q in %q", tt.args, h, got[0])
			}
		}
		if strings.Contains(strings.Join(tt.args, " "), "-json") && !strings.Contains(out, `"recipients":1`) {
			t.Errorf("%q", out)
		}
	}
}
