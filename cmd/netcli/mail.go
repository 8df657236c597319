package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/calandria-go/calandria/protocols/smtp"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/resolve"
)

func init() {
	register(command{"mail", "-server URL -from A -to B [-to C]... [-s SUBJECT] [-attach FILE]...", "send a mail; its text is -text, or standard input", mail})
}

// maxMailText bounds what is read of standard input.
const maxMailText = 16 << 20

func mail(ctx context.Context, e *env, args []string) error {
	var to, cc, bcc, attach list
	var f httpFlags
	m := &smtp.Message{}
	fs := e.flags("mail")
	server := fs.String("server", "", "smtp://user@host:port, which requires STARTTLS, or smtps://; without a password that of $"+passwordVar)
	fs.StringVar(&m.From, "from", "", "the author, anna@host.example or \"Anna <anna@host.example>\"")
	fs.Var(&to, "to", "a recipient; repeatable")
	fs.Var(&cc, "cc", "one that gets a copy; repeatable")
	fs.Var(&bcc, "bcc", "one that gets a copy unseen; repeatable")
	fs.StringVar(&m.Subject, "s", "", "the subject")
	text := fs.String("text", "", "the text; empty: standard input")
	fs.StringVar(&m.HTML, "html", "", "the text in HTML, beside the other")
	fs.Var(&attach, "attach", "a file; repeatable")
	fs.BoolVar(&f.insecure, "k", false, "do not verify the server's certificate")
	fs.StringVar(&f.cacert, "cacert", "", "PEM file of the authorities to trust, instead of the system's")
	fs.DurationVar(&f.timeout, "timeout", 5*time.Minute, "longest time in all")
	if _, err := parse(fs, args, 0, 0); err != nil {
		return err
	}
	c, err := mailClient(e, *server)
	if err != nil {
		return err
	}
	if c.TLSConfig, err = f.tls(); err != nil {
		return err
	}
	m.To, m.Cc, m.Bcc, m.Text = to, cc, bcc, *text
	for _, path := range attach {
		m.Attachments = append(m.Attachments, smtp.Attachment{Path: path})
	}
	if m.Text == "" {
		body, err := io.ReadAll(io.LimitReader(e.in, maxMailText+1))
		if err != nil {
			return err
		}
		if len(body) > maxMailText {
			return fmt.Errorf("the text has more than %d bytes: attach it", maxMailText)
		}
		m.Text = string(body)
	}
	ctx, cancel := f.limit(ctx)
	defer cancel()
	r := reactor.New(reactor.Config{Loops: 1})
	defer shutdown(r)
	c.Reactor, c.Dialer = r, &resolve.Dialer{}
	began := time.Now()
	if err := c.Send(ctx, m); err != nil {
		return err
	}
	if e.json {
		return writeJSON(e.out, struct {
			Recipients int     `json:"recipients"`
			Seconds    float64 `json:"seconds"`
		}{len(to) + len(cc) + len(bcc), time.Since(began).Seconds()})
	}
	return nil
}

// mailClient is the client for a server's URL.
func mailClient(e *env, server string) (*smtp.Client, error) {
	u, err := url.Parse(server)
	if err != nil || server == "" {
		return nil, usagef("-server is no URL of a mail server")
	}
	c, err := smtp.ParseURL(server)
	if err != nil {
		return nil, usageError{err}
	}
	if _, given := u.User.Password(); c.Username != "" && !given {
		c.Password = e.getenv(passwordVar)
	}
	return c, nil
}
