package smtp_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/smtp"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// script is a server that answers each command by what it finds under its first word, and closes where there is nothing. "" is its
// greeting, "." its answer to the end of a message.
type script map[string]string

// with is a script with other answers.
func (s script) with(pairs ...string) script {
	out := script{"": "220 mail.test\r\n", "EHLO": "250-mail.test\r\n250 8BITMIME\r\n", "MAIL": "250 ok\r\n", "RCPT": "250 ok\r\n", "DATA": "354 go on\r\n", ".": "250 taken\r\n", "RSET": "250 ok\r\n", "QUIT": "221 bye\r\n"}
	for k, v := range s {
		out[k] = v
	}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

func (s script) serve(c net.Conn) (commands []string) {
	defer c.Close()
	in := bufio.NewReader(c)
	if _, err := io.WriteString(c, s[""]); err != nil || s[""] == "" {
		return nil
	}
	for body := false; ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return commands
		}
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if body && word != "." {
			continue
		}
		body = word == "DATA" && strings.HasPrefix(s[word], "354")
		commands = append(commands, word)
		if s[word] == "" {
			return commands
		}
		if _, err := io.WriteString(c, s[word]); err != nil {
			return commands
		}
	}
}

// run starts s, and gives its address and, when it has ended, what it was told.
func (s script) run(t *testing.T) (addr string, told func() []string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	var wg sync.WaitGroup
	wg.Go(func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		c.SetDeadline(time.Now().Add(patience))
		commands = s.serve(c)
	})
	return ln.Addr().String(), func() []string {
		ln.Close()
		wg.Wait()
		return commands
	}
}

// What a server can do wrong at each step, and what comes of it.
func TestServerFaults(t *testing.T) {
	t.Parallel()
	flood := "250-" + strings.Repeat("x", 1000) + "\r\n"
	for _, c := range []struct {
		name      string
		s         script
		step      string
		code      int
		temporary bool
		is        error
		told      string // the last command
	}{
		{"all is well", script{}, "", 0, false, nil, "QUIT"},
		{"closed at once", script{}.with("", ""), smtp.StepDial, 0, true, io.EOF, ""},
		{"no service", script{}.with("", "554 no service here\r\n"), smtp.StepDial, 554, false, nil, ""},
		{"busy", script{}.with("", "421 come back\r\n"), smtp.StepDial, 421, true, nil, ""},
		{"another protocol", script{}.with("", "HTTP/1.1 400 Bad Request\r\n"), smtp.StepDial, 0, true, nil, ""},
		{"a code of another class", script{}.with("", "250 hello\r\n"), smtp.StepDial, 554, false, nil, ""},
		{"a greeting without end", script{}.with("", strings.Repeat("220-hello\r\n", 10_000)), smtp.StepDial, 0, true, smtp.ErrResponse, ""},
		{"a line without end", script{}.with("EHLO", strings.Repeat("x", 200_000)), smtp.StepHello, 0, true, smtp.ErrResponse, "EHLO"},
		{"an answer without end", script{}.with("EHLO", strings.Repeat(flood, 200)), smtp.StepHello, 0, true, smtp.ErrResponse, "EHLO"},
		{"no EHLO and no HELO", script{}.with("EHLO", "502 no\r\n", "HELO", "502 no\r\n"), smtp.StepHello, 502, false, nil, "HELO"},
		{"HELO alone", script{}.with("EHLO", "502 no\r\n", "HELO", "250 hello\r\n"), "", 0, false, nil, "QUIT"},
		{"closed after EHLO", script{}.with("EHLO", ""), smtp.StepHello, 0, true, io.EOF, ""},
		{"MAIL refused", script{}.with("MAIL", "550 5.7.1 not you\r\n"), smtp.StepMail, 550, false, nil, ""},
		{"MAIL for now", script{}.with("MAIL", "452 4.3.1 full\r\n"), smtp.StepMail, 452, true, nil, ""},
		{"421 to MAIL", script{}.with("MAIL", "421 going down\r\n"), smtp.StepMail, 421, true, nil, "MAIL"},
		{"closed at RCPT", script{}.with("RCPT", ""), smtp.StepRcpt, 0, true, io.EOF, "RCPT"},
		{"421 to RCPT", script{}.with("RCPT", "421 going down\r\n"), smtp.StepRcpt, 421, true, nil, "RCPT"},
		{"DATA refused", script{}.with("DATA", "554 5.5.1 no\r\n"), smtp.StepData, 554, false, nil, ""},
		{"yes where it should be go on", script{}.with("DATA", "250 ok\r\n"), smtp.StepData, 554, false, nil, ""},
		{"refused after all", script{}.with(".", "554 5.7.1 spam\r\n"), smtp.StepEnd, 554, false, nil, ""},
		{"for now after all", script{}.with(".", "450 4.7.1 greylisted\r\n"), smtp.StepEnd, 450, true, nil, ""},
		{"closed after all", script{}.with(".", ""), smtp.StepEnd, 0, true, io.EOF, "."},
		{"taken, then closed", script{}.with("QUIT", ""), "", 0, false, nil, "QUIT"},
		{"not a number", script{}.with("MAIL", "OK\r\n"), smtp.StepMail, 0, true, nil, "MAIL"},
	} {
		addr, told := c.s.with().run(t)
		cl := client(t, &server{addr: addr}, smtp.TLSNone)
		err := cl.Send(t.Context(), hello())
		if c.step == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		} else {
			wantError(t, c.name, err, c.step, c.code, c.temporary, c.is)
		}
		commands := told()
		if c.told != "" && (len(commands) == 0 || commands[len(commands)-1] != c.told) {
			t.Errorf("%s: told %q", c.name, commands)
		}
	}
}

// The server's codes and text, as the error has them.
func TestReply(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		"550 5.7.1 not you\r\n":                              "550 5.7.1 not you",
		"550 not you\r\n":                                    "550  not you",
		"550-5.7.1 not\r\n550 5.7.1 you\r\n":                 "550 5.7.1 not you",
		"550-5.7.1 not\r\n550-5.7.1 you,\r\n550 5.7.1 x\r\n": "550 5.7.1 not you, x",
		"550 4.7.1 of another class\r\n":                     "550  4.7.1 of another class",
		"550 5.7 short\r\n":                                  "550  5.7 short",
		"550 5.7.1234 long\r\n":                              "550  5.7.1234 long",
		"550 5.7.1 a\x1b[31m\x00b\r\n":                       "550 5.7.1 a?[31m?b",
		"550\r\n":                                            "",
	} {
		addr, told := script{}.with("MAIL", answer).run(t)
		err := client(t, &server{addr: addr}, smtp.TLSNone).Send(t.Context(), hello())
		told()
		var e *smtp.Error
		if !errors.As(err, &e) {
			t.Fatalf("%q: %v", answer, err)
		}
		if got := strings.Join([]string{"550", e.Enhanced, e.Text}, " "); want != "" && (e.Code != 550 || got != want) {
			t.Errorf("%q: %d %q; want %q", answer, e.Code, got, want)
		}
	}
}

// What whoever is between has put behind the answer to STARTTLS is not taken for the server's.
func TestStartTLSInjection(t *testing.T) {
	t.Parallel()
	addr, told := script{}.with("EHLO", "250-mail.test\r\n250 STARTTLS\r\n", "STARTTLS", "220 go on\r\n250 AUTH PLAIN\r\n250 ok\r\n").run(t)
	c := client(t, &server{addr: addr}, smtp.TLSStartTLS)
	c.Username, c.Password = user, password
	err := c.Send(t.Context(), hello())
	wantError(t, "injected", err, smtp.StepStartTLS, 0, true, nil)
	for _, word := range told() {
		if word == "AUTH" || word == "MAIL" {
			t.Errorf("it went on: %s", word)
		}
	}
}

// stalled listens in memory, and answers by s until it has nothing to say: then it waits.
func stalled(t *testing.T, s script, drip time.Duration) (*reactortest.Listener, func()) {
	ln := reactortest.Listen()
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				in := bufio.NewReader(c)
				answer := s[""]
				for body := false; ; {
					for i := range len(answer) {
						if _, err := io.WriteString(c, answer[i:i+1]); err != nil {
							return
						}
						if drip > 0 {
							<-time.After(drip)
						}
					}
					line, err := in.ReadString('\n')
					if err != nil {
						return
					}
					word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
					answer = ""
					if !body || word == "." {
						answer = s[word]
						body = word == "DATA" && strings.HasPrefix(s[word], "354")
					}
				}
			})
		}
	})
	return ln, func() {
		ln.Close()
		wg.Wait()
	}
}

// A server that stops answering, at any step, is left after Timeout; a context ends it at once.
func TestTimeouts(t *testing.T) {
	for _, at := range []string{"", "EHLO", "MAIL", "RCPT", "DATA", "."} {
		synctest.Test(t, func(t *testing.T) {
			ln, end := stalled(t, script{}.with(at, ""), 0)
			defer end()
			r := reactortest.New(t, reactor.Config{Loops: 1, StallAfter: -1, WriteStall: -1})
			for _, c := range []struct{ set, want time.Duration }{{0, 5 * time.Minute}, {time.Second, time.Second}, {-1, time.Hour}} {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				start := time.Now()
				err := (&smtp.Client{Reactor: r, Addr: ln.Addr().String(), TLS: smtp.TLSNone, Timeout: c.set}).Send(ctx, hello())
				d := time.Since(start)
				cancel()
				if d < c.want || d > c.want+20*time.Millisecond {
					t.Errorf("%q: %v after %v; want it after %v", at, err, d, c.want)
				}
				if c.set < 0 && !errors.Is(err, context.DeadlineExceeded) || c.set >= 0 && (!errors.Is(err, os.ErrDeadlineExceeded) || !smtp.IsTemporary(err)) {
					t.Errorf("%q: %v", at, err)
				}
			}
		})
	}
}

// A server that answers byte by byte has no more time than one that answers at once.
func TestDrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln, end := stalled(t, script{}.with("MAIL", "250-"+strings.Repeat("x", 1000)+"\r\n250 ok\r\n"), time.Second)
		defer end()
		r := reactortest.New(t, reactor.Config{Loops: 1, StallAfter: -1})
		start := time.Now()
		err := (&smtp.Client{Reactor: r, Addr: ln.Addr().String(), TLS: smtp.TLSNone}).Send(t.Context(), hello())
		if d := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || d > 10*time.Minute {
			t.Errorf("%v after %v", err, d)
		}
	})
}

// Every answer has the whole time: a slow server is no stalled one.
func TestSlowServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln, end := stalled(t, script{}.with(), 5*time.Second)
		defer end()
		r := reactortest.New(t, reactor.Config{Loops: 1, StallAfter: -1})
		start := time.Now()
		err := (&smtp.Client{Reactor: r, Addr: ln.Addr().String(), TLS: smtp.TLSNone}).Send(t.Context(), hello())
		if d := time.Since(start); err != nil || d < 6*time.Minute {
			t.Errorf("%v after %v", err, d)
		}
	})
}

func TestParseURL(t *testing.T) {
	for in, want := range map[string]smtp.Client{
		"smtp://mail.example.com":                      {Addr: "mail.example.com"},
		"smtps://mail.example.com":                     {Addr: "mail.example.com", TLS: smtp.TLSImplicit},
		"smtp://anna:s%2Fcret@mail.example.com:2525/":  {Addr: "mail.example.com:2525", Username: "anna", Password: "s/cret"},
		"smtps://anna%40example.com:x@[2001:db8::1]":   {Addr: "2001:db8::1", TLS: smtp.TLSImplicit, Username: "anna@example.com", Password: "x"},
		"smtp://localhost:25?tls=none":                 {Addr: "localhost:25", TLS: smtp.TLSNone},
		"smtp://mail.example.com?tls=opportunistic":    {Addr: "mail.example.com", TLS: smtp.TLSOpportunistic},
		"smtp://mail.example.com?tls=no":               {},
		"smtps://mail.example.com?tls=none":            {},
		"smtp://mail.example.com?other=1":              {},
		"http://mail.example.com":                      {},
		"mail.example.com:25":                          {},
		"smtp://":                                      {},
		"smtp://mail.example.com/path":                 {},
		"smtp://anna:secret@mail.example.com:not-port": {},
		"smtp://mail.example.com#x":                    {},
	} {
		c, err := smtp.ParseURL(in)
		if err != nil {
			if want.Addr != "" || !errors.Is(err, smtp.ErrConfig) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v", in, err)
			}
			continue
		}
		if c.Addr != want.Addr || c.TLS != want.TLS || c.Username != want.Username || c.Password != want.Password {
			t.Errorf("%s: %+v", in, c)
		}
	}
	if err := smtp.Send(t.Context(), nil, "ftp://x", hello()); !errors.Is(err, smtp.ErrConfig) {
		t.Errorf("%v", err)
	}
	if err := smtp.Send(t.Context(), nil, "smtp://localhost", hello()); !errors.Is(err, smtp.ErrConfig) {
		t.Errorf("without a reactor: %v", err)
	}
}
