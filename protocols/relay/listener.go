package relay

import (
	"net"
	"sync"

	"github.com/calandria-go/calandria/protocols/relay/link"
	"github.com/calandria-go/calandria/protocols/relay/wire"
	"github.com/calandria-go/calandria/reactor"
)

// Listener gives relayed connections to code that is written against package net, such as net/http's server: set it as the
// Protocol of an AgentService. Each connection is a *reactor.Stream whose RemoteAddr is the client's. What is served on a
// reactor, such as an http1.Server, is a Protocol itself, and needs none.
type Listener struct {
	service string
	conns   chan *reactor.Stream
	done    chan struct{}
	once    sync.Once
}

var (
	_ net.Listener     = (*Listener)(nil)
	_ reactor.Protocol = (*Listener)(nil)
)

// backlog is how many connections wait for Accept; more are reset.
const backlog = 128

// NewListener makes a listener for a service.
func NewListener(service string) *Listener {
	return &Listener{service: service, conns: make(chan *reactor.Stream, backlog), done: make(chan struct{})}
}

var errBacklog = &link.StreamError{Code: wire.CodeLimit, Text: "nobody accepts"}

// NewHandler is part of reactor.Protocol.
func (l *Listener) NewHandler(c *reactor.Conn) reactor.Handler {
	s := reactor.NewStream()
	select {
	case <-l.done:
		c.Abort(net.ErrClosed)
	default:
		return &accepted{l: l, Stream: s}
	}
	return s
}

// accepted hands the stream over when it is open.
type accepted struct {
	l *Listener
	*reactor.Stream
}

// OnOpen is part of reactor.Handler.
func (a *accepted) OnOpen(c *reactor.Conn) {
	c.Upgrade(a.Stream)
	select {
	case a.l.conns <- a.Stream:
		c.WokeGoroutine()
	default:
		c.Abort(errBacklog)
	}
}

// Accept gives the next connection; net.ErrClosed after Close.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case <-l.done:
		return nil, net.ErrClosed
	default:
	}
	select {
	case s := <-l.conns:
		return s, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept. Connections that wait for it are reset; those that were accepted go on.
func (l *Listener) Close() error {
	l.once.Do(func() {
		close(l.done)
		for {
			select {
			case s := <-l.conns:
				s.Conn().Abort(net.ErrClosed)
			default:
				return
			}
		}
	})
	return nil
}

// Addr is the service.
func (l *Listener) Addr() net.Addr { return Addr{wire.KindTCP, l.service} }
