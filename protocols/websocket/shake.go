package websocket

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	hwire "github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
)

// maxErrorBody is how much of a refusal's body a HandshakeError keeps.
const maxErrorBody = 4 << 10

// HandshakeError is an answer of the server's that makes no WebSocket.
type HandshakeError struct {
	Status int         // of the answer
	Header http.Header // its fields
	Body   []byte      // its first 4 KiB at the most; none of a chunked one
	Err    error       // why: a *wire.Refusal, or an *http1/wire.Error for an answer that is no HTTP
}

// Error says what was wrong.
func (e *HandshakeError) Error() string {
	if e.Status == 0 {
		return e.Err.Error()
	}
	return fmt.Sprintf("%v: status %d", e.Err, e.Status)
}

// Unwrap is Err.
func (e *HandshakeError) Unwrap() error { return e.Err }

// shake is the handler of a client's connection until the server has answered.
type shake struct {
	o       *DialOptions
	set     *settings
	handler Handler
	target  *target
	key     string
	request []byte
	want    wire.Deflate
	window  int64 // reserved for the inflater
	parser  hwire.Response
	refused *HandshakeError // waiting for its body
	left    int64
	conn    *Conn
	done    chan error
	told    bool
}

// ours are the fields that a handshake sets itself.
var ours = []string{
	"Connection", "Content-Length", "Host", "Sec-Websocket-Extensions", "Sec-Websocket-Key", "Sec-Websocket-Protocol",
	"Sec-Websocket-Version", "Transfer-Encoding", "Upgrade",
}

// makeRequest makes the bytes of the request (RFC 6455 4.1).
func (s *shake) makeRequest() error {
	b, err := hwire.AppendRequestLine(nil, http.MethodGet, s.target.uri)
	if err != nil {
		return err
	}
	add := func(name, value string) {
		if err == nil {
			b, err = hwire.AppendField(b, name, value)
		}
	}
	host := s.o.Host
	if host == "" {
		host = s.target.field
	}
	add("Host", host)
	add("Upgrade", "websocket")
	add("Connection", "Upgrade")
	add("Sec-WebSocket-Key", s.key)
	add("Sec-WebSocket-Version", wire.Version)
	if s.o.Origin != "" {
		add("Origin", s.o.Origin)
	}
	if len(s.o.Protocols) > 0 {
		for _, p := range s.o.Protocols {
			if !hwire.ValidToken(p) {
				return errors.New("websocket: sub-protocol is not a token")
			}
		}
		add("Sec-WebSocket-Protocol", strings.Join(s.o.Protocols, ", "))
	}
	if d := s.set.deflate; d != nil {
		s.want, s.window = d.offer()
		add("Sec-WebSocket-Extensions", s.want.Offer())
	}
	if s.target.auth != "" && s.o.Header.Get("Authorization") == "" {
		add("Authorization", s.target.auth)
	}
	s.addCookies(add)
	for name, values := range s.o.Header {
		if slices.Contains(ours, http.CanonicalHeaderKey(name)) {
			return fmt.Errorf("websocket: field %s is not for Header", name)
		}
		for _, v := range values {
			add(name, v)
		}
	}
	s.request = append(b, "\r\n"...)
	return err
}

func (s *shake) addCookies(add func(name, value string)) {
	if s.o.Jar == nil {
		return
	}
	var all []string
	for _, c := range s.o.Jar.Cookies(s.target.url) {
		all = append(all, c.Name+"="+c.Value)
	}
	if len(all) > 0 {
		add("Cookie", strings.Join(all, "; "))
	}
}

// giveBack ends what was reserved for compression.
func (s *shake) giveBack() {
	if s.window > 0 {
		s.set.deflate.give(s.window)
		s.window = 0
	}
}

// tell ends the wait of the one who dials.
func (s *shake) tell(err error) {
	if !s.told {
		s.told = true
		s.done <- err
	}
}

// OnOpen is part of reactor.Handler.
func (s *shake) OnOpen(rc *reactor.Conn) {
	rc.Write(s.request)
	s.request = nil
}

// OnData is part of reactor.Handler.
func (s *shake) OnData(rc *reactor.Conn, in []byte) int {
	if s.refused != nil {
		return s.body(rc, in)
	}
	taken := 0
	for {
		n, err := s.parser.Parse(in[taken:], nil)
		if err != nil {
			s.fail(rc, &HandshakeError{Err: err})
			return len(in)
		}
		taken += n
		if n == 0 {
			return taken
		}
		if status := s.parser.Status(); status >= 200 || status == http.StatusSwitchingProtocols {
			return taken + s.final(rc, in[taken:])
		}
		s.parser.Reset() // an interim answer
	}
}

// final takes the answer that was parsed, and what of rest is its body.
func (s *shake) final(rc *reactor.Conn, rest []byte) int {
	header := http.Header{}
	for i := range s.parser.NumFields() {
		name, value := s.parser.Field(i)
		header.Add(string(name), string(value))
	}
	if s.o.Jar != nil {
		if c := (&http.Response{Header: header}).Cookies(); len(c) > 0 {
			s.o.Jar.SetCookies(s.target.url, c)
		}
	}
	if s.o.OnResponse != nil {
		s.o.OnResponse(s.parser.Status(), header)
	}
	if err := s.answered(rc); err != nil {
		s.refuse(rc, &HandshakeError{Status: s.parser.Status(), Header: header, Err: err})
		if s.refused != nil {
			return s.body(rc, rest)
		}
		return len(rest)
	}
	return 0
}

// answered judges the answer and opens the WebSocket.
func (s *shake) answered(rc *reactor.Conn) error {
	protocol, extensions, err := wire.CheckResponse(s.parser.Status(), &s.parser, s.key, s.o.Protocols)
	if err != nil {
		return err
	}
	var pack *compressor
	if d := s.set.deflate; d == nil {
		err = wire.CheckNoExtensions(extensions)
	} else {
		var agreed wire.Deflate
		var ok bool
		if agreed, ok, err = s.want.Confirm(extensions); ok {
			pack = newCompressor(d, agreed, wire.Client)
			pack.settleWindow(s.window, agreed.ServerNoContextTakeover, agreed.ServerMaxWindowBits)
			s.window = 0
		}
	}
	if err != nil {
		return err
	}
	s.giveBack()
	s.conn = newConn(s.set, wire.Client, s.handler, pack, protocol)
	s.conn.rc = rc
	defer s.tell(nil) // after OnOpen, or its panic
	rc.Upgrade((*link)(s.conn))
	return nil
}

// refuse ends the dial with an answer that makes no WebSocket, once its body has come.
func (s *shake) refuse(rc *reactor.Conn, e *HandshakeError) {
	kind, length := s.parser.Framing(http.MethodGet)
	if s.parser.Status() == http.StatusSwitchingProtocols || kind != hwire.BodyFixed && kind != hwire.BodyUntilClose {
		s.fail(rc, e)
		return
	}
	if s.left = maxErrorBody; kind == hwire.BodyFixed {
		s.left = min(length, maxErrorBody)
	}
	s.refused = e
}

// body takes a refusal's.
func (s *shake) body(rc *reactor.Conn, in []byte) int {
	k := min(int64(len(in)), s.left)
	s.refused.Body = append(s.refused.Body, bytes.Clone(in[:k])...)
	if s.left -= k; s.left == 0 {
		s.fail(rc, s.refused)
	}
	return len(in)
}

func (s *shake) fail(rc *reactor.Conn, err error) {
	s.tell(err)
	rc.CloseWith(err)
}

// OnClose is part of reactor.Handler.
func (s *shake) OnClose(_ *reactor.Conn, err error) {
	switch {
	case s.refused != nil:
		err = s.refused
	case err == nil:
		err = ErrClosed
	case reactor.ReasonOf(err) == "eof":
		err = fmt.Errorf("websocket: no answer to the handshake: %w", ErrNoCloseFrame)
	}
	s.tell(err)
}
