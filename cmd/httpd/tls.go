package main

import (
	"context"
	ctls "crypto/tls"
	"fmt"

	"github.com/calandria-go/calandria/protocols/http1/acme"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tls"
)

// tlsSite is where the certificates come from.
type tlsSite struct {
	config *ctls.Config
	store  *tls.Store    // of files
	acme   *acme.Manager // of an authority
}

func (s *site) loadTLS() (err error) {
	if !s.o.secure() {
		return nil
	}
	t := &tlsSite{}
	switch {
	case s.o.tlsCert != "":
		t.store, err = tls.NewStore(tls.StoreConfig{
			Pairs: []tls.Pair{{Cert: s.o.tlsCert, Key: s.o.tlsKey}}, ClientCA: s.o.tlsClientCA, Logger: s.log,
		})
		if err != nil {
			return err
		}
		s.closers = append(s.closers, t.store)
		t.config = t.store.Config(&ctls.Config{NextProtos: []string{"http/1.1", "http/1.0"}})
	case s.o.tlsSelfSigned:
		pair, err := tls.SelfSigned("localhost", "127.0.0.1", "::1")
		if err != nil {
			return err
		}
		t.config = &ctls.Config{Certificates: []ctls.Certificate{pair}, NextProtos: []string{"http/1.1", "http/1.0"}}
	default:
		t.acme, err = acme.New(acme.Config{Hosts: s.o.acme, AcceptTerms: true, Dir: s.o.acmeDir, Directory: s.o.acmeDirectory})
		if err != nil {
			return fmt.Errorf("-acme: %w", err)
		}
		t.config = t.acme.TLSConfig("http/1.1", "http/1.0")
	}
	s.tls = t
	return nil
}

// wrap puts TLS around a protocol.
func (t *tlsSite) wrap(p reactor.Protocol) reactor.Protocol {
	return &tls.Server{Config: t.config, Next: p}
}

func (t *tlsSite) reload() error {
	if t.store == nil {
		return nil
	}
	return t.store.Reload()
}

// obtain gets the certificates of -acme, now that its challenges can be answered.
func (t *tlsSite) obtain(ctx context.Context) error {
	if t.acme == nil {
		return nil
	}
	return t.acme.Obtain(ctx)
}
