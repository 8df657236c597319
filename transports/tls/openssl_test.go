package tls_test

import (
	"bufio"
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tls"
)

// sClient is a running openssl s_client.
type sClient struct {
	t   *testing.T
	in  io.WriteCloser
	out *bufio.Reader
	log *journal
	cmd *exec.Cmd
}

func openssl(t *testing.T, addr net.Addr, args ...string) *sClient {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CALANDRIA_SOAK") != "" {
			t.Fatal(err)
		}
		t.Skip("needs openssl: ", err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: selfSigned().Certificate[0]})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	c := &sClient{t: t, log: &journal{}}
	c.cmd = exec.Command(path, append([]string{
		"s_client", "-connect", addr.String(), "-servername", "localhost", "-CAfile", ca, "-verify_return_error",
	}, args...)...)
	c.cmd.Stderr = c.log
	c.in = must(c.cmd.StdinPipe())
	c.out = bufio.NewReader(must(c.cmd.StdoutPipe()))
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(patience, func() { c.cmd.Process.Kill() })
	t.Cleanup(func() {
		c.in.Close()
		c.cmd.Wait()
		kill.Stop()
	})
	return c
}

// until reads lines up to one with what is wanted.
func (c *sClient) until(want string) (all string) {
	c.t.Helper()
	for {
		line, err := c.out.ReadString('\n')
		if all += line; strings.Contains(line, want) {
			return all
		}
		if err != nil {
			c.t.Fatalf("s_client ended before %q: %v\n%s\n%s", want, err, all, c.log)
		}
	}
}

// Key updates from the client: those that ask for ours (K), and those that do not (k).
func TestKeyUpdate(t *testing.T) {
	a := newAudit(t)
	h := serve(t, reactor.Config{}, &tls.Server{Config: serverConfig(), Next: echoing(a)})
	c := openssl(t, h.addr, "-tls1_3")
	for i, cmd := range []string{"K", "k", "K", "k", "K", "K"} {
		fmt.Fprintf(c.in, "%s\n", cmd)
		// s_client takes a command only when it reads it by itself.
		eventually(t, "KEYUPDATE", func() bool { return strings.Count(c.log.String(), "KEYUPDATE") == i+1 })
		line := fmt.Sprintf("data under key %d", i)
		fmt.Fprintln(c.in, line)
		c.until(line)
	}
	fmt.Fprintln(c.in, "Q")
	if err := await(t, "OnClose", a.closed); err != nil {
		t.Errorf("OnClose got %v", err)
	}
}

func TestOpenSSL(t *testing.T) {
	for _, args := range [][]string{
		{"-tls1_2"},
		{"-tls1_3"},
		{"-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"},
		{"-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384"},
		{"-tls1_3", "-groups", "P-384"},
		{"-tls1_3", "-groups", "ffdhe2048:P-256"}, // a key share that we do not have: HelloRetryRequest
		{"-tls1_2", "-split_send_frag", "1", "-max_send_frag", "512"},
	} {
		a := newAudit(t)
		h := serve(t, reactor.Config{}, &tls.Server{Config: serverConfig(), Next: echoing(a)})
		c := openssl(t, h.addr, append(args, "-quiet", "-no_ign_eof")...)
		big := strings.Repeat("0123456789", 3000)
		for i := range 20 {
			line := fmt.Sprint("line ", i, " of ", big[:1000*i])
			fmt.Fprintln(c.in, line)
			c.until(line)
		}
		c.in.Close()
		if rest, err := io.ReadAll(c.out); len(rest) > 0 || err != nil {
			t.Errorf("%v: %q, %v", args, rest, err)
		}
		if err := await(t, "OnClose", a.closed); err != nil {
			t.Errorf("%v: OnClose got %v", args, err)
		}
	}
}

// s_client's -reconnect: six connections, of which five resume.
func TestOpenSSLResumes(t *testing.T) {
	a := newAudit(t)
	h := serve(t, reactor.Config{}, &tls.Server{Config: serverConfig(), Next: echoing(a)})
	c := openssl(t, h.addr, "-tls1_2", "-reconnect")
	all := c.until("Reused")
	for range 4 {
		all += c.until("Reused")
	}
	c.in.Close()
	if !bytes.Contains([]byte(all), []byte("Verify return code: 0 (ok)")) {
		t.Error(all)
	}
	eventually(t, "all are counted", func() bool { s := h.srv.Stats(); return s.Completed == 6 && s.Resumed == 5 })
}
