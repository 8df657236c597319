package main

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/inherit"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/unix"
)

// listenAt opens one listener, or takes it over from systemd or the process before, and serves it.
func (s *site) listenAt(target string, srv *http1.Server, secure bool) error {
	var limits reactor.ListenLimits
	if s.proxies == nil || srv != s.server { // behind proxies it is the client that is asked about, not the proxy
		limits.Admit = s.admit()
	}
	ln, err := inherit.Config{TCP: tcp.Config{Limits: limits}, Unix: unix.Config{Limits: limits}}.Listen(context.Background(), target)
	if err != nil {
		return err
	}
	if _, err := s.reactor.Listen(ln, s.protocol(srv, secure)); err != nil {
		return err
	}
	fmt.Println("listening on", urlOf(target, ln, secure))
	return nil
}

// urlOf is the URL that reaches a listener.
func urlOf(target string, ln net.Listener, secure bool) string {
	switch {
	case strings.HasPrefix(target, "unix:"):
		return target
	case secure:
		return "https://" + ln.Addr().String() + "/"
	}
	return "http://" + ln.Addr().String() + "/"
}
