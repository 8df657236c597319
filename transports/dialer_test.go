package transports_test

import (
	"github.com/calandria-go/calandria/transports"
	"github.com/calandria-go/calandria/transports/proxy"
	"github.com/calandria-go/calandria/transports/resolve"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/tls"
	"github.com/calandria-go/calandria/transports/unix"
)

var _ = []transports.Dialer{new(tcp.Dialer), new(unix.Dialer), new(tls.Dialer), new(resolve.Dialer), new(proxy.SOCKS5)}
