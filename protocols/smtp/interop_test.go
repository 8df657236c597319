//go:build interop

package smtp_test

import (
	"bytes"
	ctls "crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	netmail "net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/smtp"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/tls"
)

// missing skips a test, and fails it where everything has to be there.
func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// start runs a server until the test ends, and returns when it listens on port.
func start(t *testing.T, port int, path string, args ...string) {
	t.Helper()
	cmd := exec.Command(path, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // its children too
		cmd.Wait()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("%s: %s", path, text)
		}
	})
	for end := time.Now().Add(patience); ; <-time.After(10 * time.Millisecond) {
		c, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port))
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %v", path, err)
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port
}

// certificate writes one for 127.0.0.1 with its key to dir, and gives who trusts it.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	cert, err := tls.SelfSigned("localhost", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert.Certificate[0]}, "key.pem": {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	return roots
}

// postOffice is Debian's opensmtpd, which delivers what it takes into files. It works for root alone, as it changes to users of its
// own. Debian's has no TLS that works since OpenSSL 3 (OpenSMTPD's issues 1171 and 1239): socat has TLS in front of it.
type postOffice struct {
	plain, implicit int // ports
	roots           *x509.CertPool
	dir             string // of the mails
}

func opensmtpd(t *testing.T) *postOffice {
	t.Helper()
	smtpd, err := exec.LookPath("smtpd")
	if err != nil {
		if _, err = os.Stat("/usr/sbin/smtpd"); err != nil {
			missing(t, "opensmtpd is not installed")
		}
		smtpd = "/usr/sbin/smtpd"
	}
	socat, err := exec.LookPath("socat")
	if err != nil {
		missing(t, "socat is not installed")
	}
	if os.Geteuid() != 0 {
		missing(t, "opensmtpd needs root")
	}
	dir, err := os.MkdirTemp("", "opensmtpd") // not the test's: other users have to reach it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &postOffice{plain: freePort(t), implicit: freePort(t), dir: filepath.Join(dir, "mail"), roots: certificate(t, dir)}
	conf := filepath.Join(dir, "smtpd.conf")
	text := fmt.Sprintf(`table users { "@" = nobody }
listen on 127.0.0.1 port %[2]d hostname mail.test
smtp max-message-size 4M
action "store" mda "/bin/sh -c 'cat > %[1]s/mail/.$$ && mv %[1]s/mail/.$$ %[1]s/mail/$$'" virtual <users>
match from any for domain "example.com" action "store"
`, dir, p.plain)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(p.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{dir, p.dir} {
		if err := os.Chmod(d, 0o777); err != nil { // nobody writes there
			t.Fatal(err)
		}
	}
	start(t, p.plain, smtpd, "-d", "-f", conf)
	start(t, p.implicit, socat, fmt.Sprintf("OPENSSL-LISTEN:%d,bind=127.0.0.1,fork,reuseaddr,verify=0,cert=%s/cert.pem,key=%s/key.pem", p.implicit, dir, dir), fmt.Sprint("TCP:127.0.0.1:", p.plain))
	return p
}

// mail waits for n mails with this in them. There may be others: opensmtpd's queue is the machine's, and has what was left there.
func (p *postOffice) mail(t *testing.T, n int, mark string) [][]byte {
	t.Helper()
	for end := time.Now().Add(patience); ; <-time.After(20 * time.Millisecond) {
		names, err := filepath.Glob(filepath.Join(p.dir, "[0-9]*"))
		if err != nil {
			t.Fatal(err)
		}
		var all [][]byte
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if contains(text, mark) {
				all = append(all, text)
			}
		}
		if len(all) >= n {
			return all
		}
		if time.Now().After(end) {
			t.Fatalf("%d of %d mails", len(all), n)
		}
	}
}

func TestOpenSMTPD(t *testing.T) {
	p := opensmtpd(t)
	r := reactortest.NewDefault(t, reactor.Config{Loops: 2})
	plain := smtp.Client{Reactor: r, Addr: fmt.Sprint("127.0.0.1:", p.plain), TLS: smtp.TLSNone, Timeout: patience}
	implicit := smtp.Client{
		Reactor: r, Addr: fmt.Sprint("127.0.0.1:", p.implicit), TLS: smtp.TLSImplicit, TLSConfig: &ctls.Config{RootCAs: p.roots}, Timeout: patience,
	}
	data := bytes.Repeat([]byte("\x00\xff.\r\n.\r\n"), 20_000)
	text := "Grüße\n.\n..\nFrom here\n"
	sent, mark := 0, fmt.Sprint("mark-", time.Now().UnixNano())
	for _, c := range []smtp.Client{plain, implicit} {
		for range 2 {
			m := hello()
			m.Header = map[string][]string{"X-Mark": {mark}}
			m.Text = text
			m.Attachments = []smtp.Attachment{{Name: "a.bin", Data: data}}
			if err := c.Send(t.Context(), m); err != nil {
				t.Fatalf("TLS %d: %v", c.TLS, err)
			}
			sent++
		}
	}
	for _, raw := range p.mail(t, sent, mark) {
		m, err := netmail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		all := parts(t, m.Header.Get("Content-Type"), "", "", "", m.Body)
		if len(all) != 2 || strings.ReplaceAll(string(all[0].data), "\r\n", "\n") != text || !bytes.Equal(all[1].data, data) {
			t.Errorf("%s: %d parts", m.Header.Get("Subject"), len(all))
		}
	}

	required := plain
	required.TLS = smtp.TLSStartTLS
	wantError(t, "TLS is required", required.Send(t.Context(), hello()), smtp.StepStartTLS, 0, true, smtp.ErrNoTLS)
	login := plain
	login.Username, login.Password = user, password
	wantError(t, "a login that nobody asks for", login.Send(t.Context(), hello()), smtp.StepAuth, 0, true, smtp.ErrNoAuth)
	other := hello()
	other.To = []string{"bob@elsewhere.test", "bob@example.com"}
	wantError(t, "another domain", plain.Send(t.Context(), other), smtp.StepRcpt, 550, false, nil)
	large := hello()
	large.Attachments = []smtp.Attachment{{Name: "large", Data: make([]byte, 5<<20)}}
	errs := plain.SendAll(t.Context(), large, hello())
	if errs[0] == nil {
		t.Error("the server took more than it takes")
	}
	if errs[1] != nil && !smtp.IsTemporary(errs[1]) {
		t.Errorf("after one that was too large: %v", errs[1])
	}
	t.Logf("too large: %v; then %v", errs[0], errs[1])
	last := hello()
	last.Header = map[string][]string{"X-Mark": {mark + "-last"}}
	if err := plain.Send(t.Context(), last); err != nil {
		t.Error(err)
	}
	p.mail(t, 1, mark+"-last") // so that the queue is empty
}

// aiosmtpd is Python's server, with STARTTLS and logins. It prints nothing and keeps what it takes in files.
const aiosmtpd = `
import asyncio, ssl, sys, os
from aiosmtpd.smtp import SMTP, AuthResult
port, dir = int(sys.argv[1]), sys.argv[2]
count = 0
class Handler:
    async def handle_DATA(self, server, session, envelope):
        global count
        count += 1
        with open(os.path.join(dir, "mail", "." + str(count)), "wb") as f:
            f.write(envelope.content)
        os.rename(os.path.join(dir, "mail", "." + str(count)), os.path.join(dir, "mail", str(count)))
        return "250 taken"
def login(server, session, envelope, mechanism, data):
    return AuthResult(handled=False, success=data.login == b"anna" and data.password == b"p,a=s s")
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(os.path.join(dir, "cert.pem"), os.path.join(dir, "key.pem"))
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
loop.run_until_complete(loop.create_server(lambda: SMTP(Handler(), tls_context=context, require_starttls=True, authenticator=login, auth_required=True, loop=loop), "127.0.0.1", port))
loop.run_forever()
`

func TestAiosmtpd(t *testing.T) {
	python := "/usr/bin/python3" // Debian's: another one in the path does not have Debian's modules
	if exec.Command(python, "-c", "import aiosmtpd").Run() != nil {
		missing(t, "python3-aiosmtpd is not installed")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "mail"), 0o755); err != nil {
		t.Fatal(err)
	}
	roots, port := certificate(t, dir), freePort(t)
	start(t, port, python, "-c", aiosmtpd, fmt.Sprint(port), dir)
	c := smtp.Client{
		Reactor: reactortest.NewDefault(t, reactor.Config{Loops: 2}), Addr: fmt.Sprint("127.0.0.1:", port), TLSConfig: &ctls.Config{RootCAs: roots},
		Timeout: patience, Username: user, Password: password,
	}
	for _, mechanism := range []string{"", smtp.Plain, smtp.Login} {
		d := c
		if mechanism != "" {
			d.Mechanisms = []string{mechanism}
		}
		if err := d.Send(t.Context(), hello()); err != nil {
			t.Errorf("%q: %v", mechanism, err)
		}
	}
	p := postOffice{dir: filepath.Join(dir, "mail")}
	for _, raw := range p.mail(t, 3, "hello") {
		if m, err := netmail.ReadMessage(bytes.NewReader(raw)); err != nil || m.Header.Get("Subject") != "hello" {
			t.Errorf("%v: %q", err, raw)
		}
	}
	wrong := c
	wrong.Password = "wrong"
	wantError(t, "a wrong password", wrong.Send(t.Context(), hello()), smtp.StepAuth, 535, false, nil)
	nobody := c
	nobody.Username = ""
	wantError(t, "nobody", nobody.Send(t.Context(), hello()), smtp.StepMail, 530, false, nil)
	open := c
	open.TLS = smtp.TLSNone
	if err := open.Send(t.Context(), hello()); err == nil {
		t.Error("sent without TLS")
	}
	untrusting := c
	untrusting.TLSConfig = nil
	wantError(t, "a certificate that is not trusted", untrusting.Send(t.Context(), hello()), smtp.StepStartTLS, 0, true, nil)
}
