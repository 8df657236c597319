package smtp_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/smtp"
	"github.com/wneessen/go-mail"
)

// sent is how a server gets a message.
func sent(t *testing.T, c *smtp.Client, s *server, m *smtp.Message) (received, *netmail.Message) {
	t.Helper()
	if err := c.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	all := s.messages()
	got := all[len(all)-1]
	parsed, err := netmail.ReadMessage(bytes.NewReader(got.text))
	if err != nil {
		t.Fatalf("%v\n%s", err, got.text)
	}
	return got, parsed
}

// part is one leaf of a message.
type part struct {
	kind, name, id string
	data           []byte
}

// parts are the leaves below a header and a body.
func parts(t *testing.T, contentType, encoding, disposition, id string, body io.Reader) []part {
	t.Helper()
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatalf("%q: %v", contentType, err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		var out []part
		for r := multipart.NewReader(body, params["boundary"]); ; {
			p, err := r.NextRawPart()
			if err == io.EOF {
				return out
			}
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, parts(t, p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p.Header.Get("Content-Disposition"), p.Header.Get("Content-ID"), p)...)
		}
	}
	switch encoding {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	data, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	_, params, _ = mime.ParseMediaType(disposition)
	name, err := new(mime.WordDecoder).DecodeHeader(params["filename"])
	if err != nil {
		t.Fatal(err)
	}
	return []part{{kind, name, id, data}}
}

// Everything that a Message can have arrives, as other programs read it.
func TestMessage(t *testing.T) {
	t.Parallel()
	s := serve(t, &server{}, smtp.TLSStartTLS)
	c := client(t, s, smtp.TLSStartTLS)
	path := filepath.Join(t.TempDir(), "report.pdf")
	file := bytes.Repeat([]byte("%PDF \x00\xff\r\n.\r\n"), 10_000)
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	text := "Grüße,\n.\n..\r\nFrom here\n" + strings.Repeat("long ", 500) + "\n"
	m := &smtp.Message{
		From: "Änna Example <anna@example.com>", To: []string{"Bob <bob@example.com>", "carol@example.com"}, Cc: []string{"dan@example.com"},
		Bcc: []string{"secret@example.com", "bob@example.com"}, ReplyTo: []string{"office@example.com"}, EnvelopeFrom: "bounces@example.com",
		Subject: "Übersicht: „alles“ in Ordnung, " + strings.Repeat("really ", 30), Text: text, HTML: "<p>Grüße <img src=\"cid:logo\"></p>",
		Date: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), MessageID: "id.1@example.com",
		Header: map[string][]string{"List-Unsubscribe": {"<https://example.com/u>"}, "X-Note": {"käse"}},
		Attachments: []smtp.Attachment{
			{Path: path},
			{Name: "Übersicht.csv", Data: []byte("a;b\r\n"), ContentType: "text/csv; charset=utf-8"},
			{Name: "logo.png", Data: []byte("\x89PNG"), ContentID: "logo"},
			{Name: "empty.txt"},
		},
	}
	got, parsed := sent(t, c, s, m)
	if got.from != "bounces@example.com" || strings.Join(got.to, " ") != "bob@example.com carol@example.com dan@example.com secret@example.com" {
		t.Errorf("from %s to %q", got.from, got.to)
	}
	decode := func(name string) string {
		out, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get(name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return out
	}
	for name, want := range map[string]string{
		"Subject": m.Subject, "Message-ID": "<id.1@example.com>", "List-Unsubscribe": "<https://example.com/u>", "X-Note": "käse", "Bcc": "", "X-Mailer": "", "User-Agent": "",
		"Reply-To": "<office@example.com>", "Mime-Version": "1.0",
	} {
		if got := decode(name); got != want {
			t.Errorf("%s: %q; want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"From": "anna@example.com", "To": "bob@example.com carol@example.com", "Cc": "dan@example.com"} {
		list, err := parsed.Header.AddressList(name)
		var addrs []string
		for _, a := range list {
			addrs = append(addrs, a.Address)
		}
		if err != nil || strings.Join(addrs, " ") != want {
			t.Errorf("%s: %v, %v", name, addrs, err)
		}
	}
	if from, err := parsed.Header.AddressList("From"); err != nil || from[0].Name != "Änna Example" {
		t.Errorf("From: %v, %v", from, err)
	}
	if date, err := parsed.Header.Date(); err != nil || !date.Equal(m.Date) {
		t.Errorf("Date: %v, %v", date, err)
	}
	for i, line := range bytes.Split(got.text, []byte("\n")) {
		if len(line) > 999 || i < bytes.Count(got.text, []byte("\n")) && !bytes.HasSuffix(line, []byte("\r")) {
			t.Errorf("line %d: %d bytes, %q", i, len(line), line[max(0, len(line)-5):])
			break
		}
	}
	lines := func(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }
	want := []part{
		{"text/plain", "", "", []byte(lines(text))},
		{"text/html", "", "", []byte(m.HTML)},
		{"image/png", "logo.png", "<logo>", []byte("\x89PNG")},
		{"application/pdf", "report.pdf", "", file},
		{"text/csv", "Übersicht.csv", "", []byte("a;b\r\n")},
		{"text/plain", "empty.txt", "", nil},
	}
	all := parts(t, parsed.Header.Get("Content-Type"), parsed.Header.Get("Content-Transfer-Encoding"), "", "", parsed.Body)
	if len(all) != len(want) {
		t.Fatalf("%d parts: %+v", len(all), all)
	}
	for i, p := range all {
		data := p.data
		if i < 2 {
			data = []byte(lines(string(data)))
		}
		if p.kind != want[i].kind || p.name != want[i].name || p.id != want[i].id || !bytes.Equal(data, want[i].data) {
			t.Errorf("part %d: %s %q %s, %d bytes; want %s %q %s, %d bytes", i, p.kind, p.name, p.id, len(p.data), want[i].kind, want[i].name, want[i].id, len(want[i].data))
		}
	}
}

// The least that a message can be: the fields that RFC 5322 asks for are there.
func TestPlainMessage(t *testing.T) {
	t.Parallel()
	s := serve(t, &server{}, smtp.TLSStartTLS)
	c := client(t, s, smtp.TLSStartTLS)
	for _, html := range []bool{false, true} {
		m := &smtp.Message{From: "anna@example.com", Bcc: []string{"bob@example.com"}}
		if html {
			m.HTML = "<p>x</p>"
		}
		_, parsed := sent(t, c, s, m)
		if date, err := parsed.Header.Date(); err != nil || time.Since(date) > patience+time.Second {
			t.Errorf("Date: %v, %v", date, err)
		}
		if id := parsed.Header.Get("Message-ID"); !strings.HasPrefix(id, "<") || !strings.Contains(id, "@") {
			t.Errorf("Message-ID: %q", id)
		}
		if kind, _, err := mime.ParseMediaType(parsed.Header.Get("Content-Type")); err != nil || kind != map[bool]string{false: "text/plain", true: "text/html"}[html] {
			t.Errorf("%q", kind)
		}
	}
}

// A line break or another control character is refused wherever it is, before anybody is connected to.
func TestInjection(t *testing.T) {
	t.Parallel()
	s := serve(t, &server{}, smtp.TLSStartTLS)
	c := client(t, s, smtp.TLSStartTLS)
	for _, bad := range []string{"\r\n", "\n", "\r", "\x00", "\x7f", "\u0085", "\u2028", "\x1b"} {
		evil := "a" + bad + "Bcc: evil@example.com"
		for name, spoil := range map[string]func(m *smtp.Message){
			"From":                 func(m *smtp.Message) { m.From = evil + " <anna@example.com>" },
			"From's address":       func(m *smtp.Message) { m.From = "anna@example.com>" + bad + "RCPT TO:<evil@example.com" },
			"To":                   func(m *smtp.Message) { m.To = []string{"bob@example.com" + bad + "evil@example.com"} },
			"Cc":                   func(m *smtp.Message) { m.Cc = []string{evil + " <bob@example.com>"} },
			"Bcc":                  func(m *smtp.Message) { m.Bcc = []string{"\"a" + bad + "b\"@example.com"} },
			"ReplyTo":              func(m *smtp.Message) { m.ReplyTo = []string{evil + " <bob@example.com>"} },
			"EnvelopeFrom":         func(m *smtp.Message) { m.EnvelopeFrom = "a@example.com" + bad },
			"Subject":              func(m *smtp.Message) { m.Subject = evil },
			"MessageID":            func(m *smtp.Message) { m.MessageID = "1@example.com" + bad },
			"a field's value":      func(m *smtp.Message) { m.Header = map[string][]string{"X-A": {"fine", evil}} },
			"a field's name":       func(m *smtp.Message) { m.Header = map[string][]string{"X-A: b" + bad + "Bcc": {"x"}} },
			"an attachment's name": func(m *smtp.Message) { m.Attachments = []smtp.Attachment{{Name: evil}} },
			"an attachment's type": func(m *smtp.Message) {
				m.Attachments = []smtp.Attachment{{Name: "a", ContentType: "text/plain" + bad + "X: y"}}
			},
			"an attachment's ID":     func(m *smtp.Message) { m.Attachments = []smtp.Attachment{{Name: "a", ContentID: "a" + bad}} },
			"the name of its path":   func(m *smtp.Message) { m.Attachments = []smtp.Attachment{{Path: "/tmp/" + evil}} },
			"an encoded name":        func(m *smtp.Message) { m.From = mime.BEncoding.Encode("utf-8", "é"+evil) + " <anna@example.com>" },
			"a quoted escaped break": func(m *smtp.Message) { m.To = []string{"\"a\\" + bad + "\"@example.com"} },
		} {
			m := hello()
			spoil(m)
			wantError(t, name, c.Send(t.Context(), m), smtp.StepMessage, 0, false, smtp.ErrInjection)
			if err := m.Check(); !errors.Is(err, smtp.ErrInjection) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, spoil := range map[string]func(c *smtp.Client){
			"Hello": func(c *smtp.Client) { c.Hello = "me" + bad }, "Username": func(c *smtp.Client) { c.Username = "a" + bad },
			"Password": func(c *smtp.Client) { c.Password = "hidden" + bad }, "Addr": func(c *smtp.Client) { c.Addr += bad },
		} {
			d := *c
			spoil(&d)
			err := d.Send(t.Context(), hello())
			wantError(t, name, err, smtp.StepDial, 0, false, smtp.ErrInjection)
			if strings.Contains(err.Error(), "hidden") {
				t.Errorf("%s: the password is in %q", name, err)
			}
		}
	}
	if n := len(s.messages()); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
}

// What is no message for other reasons.
func TestUnsendable(t *testing.T) {
	for name, spoil := range map[string]func(m *smtp.Message){
		"no sender":           func(m *smtp.Message) { m.From = "" },
		"two senders":         func(m *smtp.Message) { m.From = "a@example.com, b@example.com" },
		"no recipients":       func(m *smtp.Message) { m.To = nil },
		"no address":          func(m *smtp.Message) { m.To = []string{"bob"} },
		"an empty one":        func(m *smtp.Message) { m.Cc = []string{""} },
		"with a parameter":    func(m *smtp.Message) { m.To = []string{"bob@example.com> SIZE=1"} },
		"a blank in it":       func(m *smtp.Message) { m.To = []string{"\"a b\"@example.com"} },
		"brackets in it":      func(m *smtp.Message) { m.To = []string{"\"a>\"@example.com"} },
		"too long":            func(m *smtp.Message) { m.To = []string{strings.Repeat("a", 320) + "@example.com"} },
		"a reserved field":    func(m *smtp.Message) { m.Header = map[string][]string{"bCC": {"x@example.com"}} },
		"another one":         func(m *smtp.Message) { m.Header = map[string][]string{"content-TYPE": {"x"}} },
		"resent":              func(m *smtp.Message) { m.Header = map[string][]string{"Resent-To": {"x"}} },
		"no such file":        func(m *smtp.Message) { m.Attachments = []smtp.Attachment{{Path: "/no/such/file"}} },
		"a directory":         func(m *smtp.Message) { m.Attachments = []smtp.Attachment{{Path: "/"}} },
		"no name":             func(m *smtp.Message) { m.Attachments = []smtp.Attachment{{Data: []byte("x")}} },
		"a type that is none": func(m *smtp.Message) { m.Attachments = []smtp.Attachment{{Name: "a", ContentType: "text/"}} },
		"an ID with brackets": func(m *smtp.Message) { m.Attachments = []smtp.Attachment{{Name: "a", ContentID: "<a>"}} },
		"a MessageID with":    func(m *smtp.Message) { m.MessageID = "<a@b>" },
	} {
		m := hello()
		spoil(m)
		if err := m.Check(); !errors.Is(err, smtp.ErrMessage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	m := hello()
	m.Attachments = []smtp.Attachment{{Path: "/no/such/file"}}
	if err := m.Check(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if err := hello().Check(); err != nil {
		t.Error(err)
	}
}

// FuzzAddress: whatever is accepted as an address goes into one line, between brackets.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"bob@example.com", "Bob <bob@example.com>", "\"a\\\"b\"@example.com", "a@[192.0.2.1]", "=?utf-8?q?=0D=0A?= <a@b>", "ü@example.com", "a@b\r\n"} {
		f.Add(s, "subject")
	}
	f.Fuzz(func(t *testing.T, addr, subject string) {
		m := &smtp.Message{From: "anna@example.com", To: []string{addr}, Subject: subject}
		if m.Check() != nil {
			return
		}
		a, err := netmail.ParseAddress(addr)
		if err != nil || strings.ContainsAny(a.Address+a.Name+subject, "\r\n\x00") || strings.ContainsAny(a.Address, "<> ") {
			t.Fatalf("%q, %q: %v", addr, subject, err)
		}
	})
}

// A signature is made, over what is sent.
func TestDKIM(t *testing.T) {
	t.Parallel()
	s := serve(t, &server{}, smtp.TLSStartTLS)
	c := client(t, s, smtp.TLSStartTLS)
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	c.DKIM = mail.NewDKIMSigner("example.com", "sel", key)
	m := hello()
	m.Attachments = []smtp.Attachment{{Name: "a.bin", Data: make([]byte, 10_000)}}
	_, parsed := sent(t, c, s, m)
	signature := parsed.Header.Get("DKIM-Signature")
	for _, want := range []string{"a=ed25519-sha256", "d=example.com", "s=sel", "bh=", "b="} {
		if !strings.Contains(signature, want) {
			t.Errorf("%q has no %s", signature, want)
		}
	}
}
