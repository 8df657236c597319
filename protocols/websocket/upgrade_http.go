package websocket

import (
	"context"
	ctls "crypto/tls"
	"net"
	"net/http"
	"strings"
	"time"

	hwire "github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tls"
)

// UpgradeHTTP is Upgrade for a request of any net/http server, and of what stands on one: the connection is hijacked and moves onto a loop
// of Server.Reactor, with the frames that came early. Fields of w.Header() are part of the answer. It returns when OnOpen has
// been called; the handler should return then.
//
// A plain connection, and one of http1.Std, needs no goroutine from then on. One with TLS needs tls.Movable below its server
// for that; else it keeps one goroutine that reads it. Not on a loop's goroutine.
func (s *Server) UpgradeHTTP(w http.ResponseWriter, r *http.Request, h Handler) (*Conn, error) {
	f := headerFields{{"Host", r.Host}}
	for name, values := range r.Header {
		for _, v := range values {
			f = append(f, Field{name, v})
		}
	}
	req, err := wire.CheckRequest(r.Method, r.ProtoMajor, r.ProtoMinor, f)
	if err == nil && !s.allowed(req.Origin, r.Host) {
		err = ErrOrigin
	}
	if err != nil {
		s.count.refuse(err)
		refuseHTTP(w, err)
		return nil, err
	}
	c, fields := s.accept(&req, h)
	if s.KeepRequest {
		c.more().request = &Request{Path: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery, Host: r.Host, Origin: req.Origin, Fields: f}
	}
	if err := s.hijack(w, c, fields); err != nil {
		c.end()
		s.count.refuse(err)
		return nil, err
	}
	return c, nil
}

// headerFields are net/http's fields as wire.Fields.
type headerFields []Field

// NumFields is part of wire.Fields.
func (f headerFields) NumFields() int { return len(f) }

// Field is part of wire.Fields.
func (f headerFields) Field(i int) (name, value []byte) {
	return []byte(f[i].Name), []byte(strings.TrimSpace(f[i].Value))
}

// refuseHTTP answers a handshake that does not stand.
func refuseHTTP(w http.ResponseWriter, err error) {
	status, text, fields := refusalOf(err)
	for i := 0; i < len(fields); i += 2 {
		w.Header().Set(fields[i], fields[i+1])
	}
	if status == http.StatusUpgradeRequired {
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
	}
	http.Error(w, text, status)
}

// hijack moves the connection of w to a loop, where it becomes c.
func (s *Server) hijack(w http.ResponseWriter, c *Conn, fields []string) error {
	answer, err := switching(w.Header(), fields)
	if err != nil {
		http.Error(w, "500 Internal Server Error", http.StatusInternalServerError)
		return err
	}
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "501 Not Implemented: this server cannot give its connections away", http.StatusNotImplemented)
		return ErrHijack
	}
	early, _ := rw.Reader.Peek(rw.Reader.Buffered())
	first := &arriving{c, answer}
	if st, ok := nc.(*reactor.Stream); ok {
		return first.overStream(st, early)
	}
	nc.SetDeadline(time.Time{}) // a connection that fails here fails below
	return first.adopt(s.reactor(), nc, early)
}

// switching is the answer of 101, with the fields that the application has set.
func switching(header http.Header, fields []string) ([]byte, error) {
	b := hwire.AppendStatusLine(nil, http.StatusSwitchingProtocols)
	b = append(b, "Connection: Upgrade\r\nUpgrade: websocket\r\n"...)
	var err error
	for i := 0; i < len(fields) && err == nil; i += 2 {
		b, err = hwire.AppendField(b, fields[i], fields[i+1])
	}
	for name, values := range header {
		switch name {
		case "Connection", "Upgrade", "Content-Length", "Transfer-Encoding", "Trailer", "Sec-Websocket-Accept", "Sec-Websocket-Protocol", "Sec-Websocket-Extensions":
			continue
		}
		for _, v := range values {
			if err == nil {
				b, err = hwire.AppendField(b, name, v)
			}
		}
	}
	return append(b, "\r\n"...), err
}

func (s *Server) reactor() *reactor.Reactor {
	if s.Reactor != nil {
		return s.Reactor
	}
	return fallback()
}

// arriving is the handler for the moment in which a connection comes from net/http.
type arriving struct {
	c      *Conn
	answer []byte
}

func (a *arriving) adopt(r *reactor.Reactor, nc net.Conn, early []byte) error {
	var err error
	if t, ok := nc.(*ctls.Conn); ok {
		_, err = tls.Adopt(r, t, early, a)
	} else {
		_, err = r.Adopt(nc, early, a)
	}
	return err
}

// overStream upgrades a connection that is on a loop already, and waits until the loop has done so.
func (a *arriving) overStream(s *reactor.Stream, early []byte) error {
	s.Unread(early)
	rc := s.Conn()
	if rc == nil {
		return ErrClosed
	}
	a.c.rc = rc
	if !s.Upgrade(a) {
		return ErrClosed
	}
	// What was posted before this has run then, unless the connection was closed.
	if err := rc.Reactor().EachLoop(context.Background(), func(int) {}); err != nil {
		return err
	}
	if a.c.state.Load() == stateOpening {
		return ErrClosed
	}
	return nil
}

// OnOpen is part of reactor.Handler.
func (a *arriving) OnOpen(rc *reactor.Conn) {
	rc.Write(a.answer)
	rc.Upgrade((*link)(a.c))
}

// OnData is part of reactor.Handler; there is none before the next handler.
func (a *arriving) OnData(*reactor.Conn, []byte) int { return 0 }

// OnClose is part of reactor.Handler.
func (a *arriving) OnClose(*reactor.Conn, error) {}
