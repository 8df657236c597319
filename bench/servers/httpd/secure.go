package main

import (
	ctls "crypto/tls"
	"fmt"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tls"
)

// secure puts TLS around a protocol.
func (s *settings) secure(next reactor.Protocol) (reactor.Protocol, error) {
	cert, err := ctls.LoadX509KeyPair(s.cert, s.key)
	if err != nil {
		return nil, err
	}
	cfg := &ctls.Config{Certificates: []ctls.Certificate{cert}}
	switch s.version {
	case "":
	case "1.2":
		cfg.MinVersion, cfg.MaxVersion = ctls.VersionTLS12, ctls.VersionTLS12
	case "1.3":
		cfg.MinVersion = ctls.VersionTLS13
	default:
		return nil, fmt.Errorf("-tls-version %q: 1.2 or 1.3", s.version)
	}
	return &tls.Server{Config: cfg, Next: next}, nil
}
