package websocket

import (
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
)

// SetFallback has r stand in for the process's own reactor, until restore is called.
func SetFallback(r *reactor.Reactor) (restore func()) {
	old := fallback
	fallback = func() *reactor.Reactor { return r }
	return func() { fallback = old }
}

// NewLink is a connection behind its handshake, as a handler, with the compression that was agreed.
func NewLink(cfg *Config, role wire.Role, h Handler, agreed *wire.Deflate) reactor.Handler {
	set := cfg.settings(new(counters))
	var pack *compressor
	if agreed != nil {
		pack = newCompressor(set.deflate, *agreed, role)
	}
	return (*link)(newConn(set, role, h, pack, ""))
}
