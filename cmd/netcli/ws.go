package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports"
	"github.com/calandria-go/calandria/transports/proxy"
	"github.com/calandria-go/calandria/transports/resolve"
)

func init() {
	register(command{"ws", "URL", "connect to a WebSocket: lines become messages, and messages lines", ws})
}

// wsFlags are those of WebSockets.
type wsFlags struct {
	httpFlags
	protocols  list
	origin     string
	deflate    bool
	binary     bool
	maxMessage size
	wait       time.Duration
}

func (f *wsFlags) add(fs *flag.FlagSet) {
	f.addConnection(fs)
	f.maxMessage = 16 << 20
	fs.Var(&f.protocols, "protocol", "a sub-protocol to ask for; repeatable, the best first")
	fs.StringVar(&f.origin, "origin", "", "the Origin to send")
	fs.BoolVar(&f.deflate, "deflate", false, "offer compression (permessage-deflate)")
	fs.Var(&f.maxMessage, "max-message", "the longest message to take or send: 64K, 16M")
}

// ws is the command.
func ws(ctx context.Context, e *env, args []string) error {
	var f wsFlags
	fs := e.flags("ws")
	f.add(fs)
	fs.BoolVar(&f.binary, "binary", false, "send binary messages; print those that come as they are, without line ends")
	fs.DurationVar(&f.wait, "wait", time.Second, "at the end of the input, silence after which to close; negative: wait for the server to close")
	rest, err := parse(fs, args, 1, 1)
	if err != nil {
		return err
	}
	ctx, cancel := f.limit(ctx)
	defer cancel()
	o, closeAll, err := f.options(e, rest[0])
	if err != nil {
		return err
	}
	defer closeAll()
	c, err := websocket.Dial(ctx, rest[0], o)
	if err != nil {
		return err
	}
	s := &wsSession{e: e, f: &f, c: c, input: make(chan error, 1)}
	if in, ok := e.in.(*os.File); ok && term.IsTerminal(int(in.Fd())) {
		s.typed = true
		fmt.Fprintf(e.err, "connected; what you type is sent line by line, ^D ends\n")
	}
	go s.send(ctx)
	return s.receive(ctx)
}

// options are those of a dial. close ends its loops.
func (f *wsFlags) options(e *env, target string) (o *websocket.DialOptions, closeAll func(), err error) {
	conf, err := f.tls()
	if err != nil {
		return nil, nil, err
	}
	header, host, err := f.header(e)
	if err != nil {
		return nil, nil, err
	}
	via, err := f.dialer(target)
	if err != nil {
		return nil, nil, err
	}
	most := int(f.maxMessage)
	r := reactor.New(reactor.Config{Loops: 1, MaxUnsent: max(8<<20, 2*most+1<<20)})
	o = &websocket.DialOptions{
		Reactor: r, Dialer: via, TLS: conf, Header: header, Host: host, Origin: f.origin, Protocols: f.protocols, Timeout: f.connect,
		Config: websocket.Config{Limits: wire.Limits{MaxMessage: int64(most)}, MaxQueue: max(1<<20, most)},
	}
	if f.deflate {
		o.Deflate = &websocket.Deflate{}
	}
	return o, func() { shutdown(r) }, nil
}

// dialer is the way to the server: through a proxy, if a flag or the environment says so.
func (f *wsFlags) dialer(target string) (transports.Dialer, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, usageError{err}
	}
	if u.Scheme == "ws+unix" || u.Scheme == "wss+unix" {
		return nil, nil // a socket of this machine
	}
	direct := &resolve.Dialer{Resolver: &resolve.Resolver{}}
	via := f.proxy
	if via == "" && !f.noProxy {
		like := *u // the environment knows schemes of HTTP only
		like.Scheme = strings.Replace(u.Scheme, "ws", "http", 1)
		p, err := http.ProxyFromEnvironment(&http.Request{URL: &like})
		if err != nil {
			return nil, usageError{err}
		}
		if p != nil {
			via = p.String()
		}
	}
	switch {
	case via == "" || f.noProxy:
		return direct, nil
	case strings.HasPrefix(via, "socks5"):
		s, err := proxy.ParseSOCKS5(via)
		if err != nil {
			return nil, usageError{err}
		}
		return s, nil
	}
	p, err := url.Parse(via)
	if err != nil || p.Host == "" {
		return nil, usagef("-proxy is no URL of a proxy")
	}
	return &http1.ConnectDialer{Proxy: p, Via: direct}, nil
}

// wsSession is a connection between standard input and standard output.
type wsSession struct {
	e     *env
	f     *wsFlags
	c     *websocket.Conn
	typed bool       // by somebody at a terminal
	input chan error // gets how the input ended
}

// send makes messages of lines, and waits when the server does not read.
func (s *wsSession) send(ctx context.Context) {
	op := websocket.Text
	if s.f.binary {
		op = websocket.Binary
	}
	lines := bufio.NewScanner(s.e.in)
	lines.Buffer(nil, int(s.f.maxMessage)+2)
	for lines.Scan() {
		if err := s.c.SendContext(ctx, op, lines.Bytes()); err != nil {
			return // the one who reads knows why
		}
	}
	s.input <- lines.Err()
}

// receive prints messages until one side has closed. When the input has ended it closes, after some silence.
func (s *wsSession) receive(ctx context.Context) error {
	type message struct {
		op  websocket.Opcode
		p   []byte
		err error
	}
	came := make(chan message)
	quit := make(chan struct{})
	defer close(quit)
	go func() {
		for {
			op, p, err := s.c.Read(ctx)
			select {
			case came <- message{op, p, err}:
			case <-quit:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	var silence <-chan time.Time
	ended := false
	for {
		select {
		case err := <-s.input:
			if err != nil {
				s.c.Close(websocket.NormalClosure, "")
				return fmt.Errorf("standard input: %w", err)
			}
			ended = true
			silence = s.silence()
		case <-silence:
			silence = nil
			s.c.Close(websocket.NormalClosure, "")
		case m := <-came:
			if m.err != nil {
				return s.end(ctx, m.err)
			}
			if err := s.print(m.op, m.p); err != nil {
				return err
			}
			if ended && silence != nil {
				silence = s.silence()
			}
		}
	}
}

// silence is when to close.
func (s *wsSession) silence() <-chan time.Time {
	if s.f.wait < 0 {
		return nil
	}
	return time.After(s.f.wait)
}

// end is what the end of the connection means.
func (s *wsSession) end(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		s.c.Close(websocket.GoingAway, "")
		return context.Cause(ctx)
	}
	var closed *websocket.CloseError
	if errors.As(err, &closed) {
		switch closed.Code {
		case websocket.NormalClosure, websocket.GoingAway, websocket.NoStatus:
			return nil
		}
		return err
	}
	if errors.Is(err, websocket.ErrClosed) {
		return nil
	}
	return err
}

// messageJSON is what -json prints of a message.
type messageJSON struct {
	Type   string  `json:"type"`
	Text   *string `json:"text,omitempty"`
	Base64 string  `json:"base64,omitempty"`
}

func (s *wsSession) print(op websocket.Opcode, p []byte) error {
	var err error
	switch out := s.e.out; {
	case s.e.json && op == websocket.Text:
		text := string(p)
		err = writeJSON(out, messageJSON{Type: "text", Text: &text})
	case s.e.json:
		err = writeJSON(out, messageJSON{Type: "binary", Base64: base64.StdEncoding.EncodeToString(p)})
	case s.f.binary:
		_, err = out.Write(p)
	case op == websocket.Binary:
		_, err = fmt.Fprintln(out, base64.StdEncoding.EncodeToString(p))
	case s.typed:
		_, err = fmt.Fprintln(out, "<", printable(string(p)))
	default:
		_, err = fmt.Fprintf(out, "%s\n", p)
	}
	return err
}
