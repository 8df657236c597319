//go:build linux

package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"errors"
	"fmt"
	"time"
)

// clientTLS is the configuration of our clients: one version, and X25519 alone for the key exchange, as some
// servers know no other that Go's clients offer first. The certificate is self-signed: what is measured is
// the server, and serversCertificate looks at it.
func clientTLS(version string) (*tls.Config, error) {
	cfg := &tls.Config{
		ServerName:         "localhost",
		InsecureSkipVerify: true,
		CurvePreferences:   []tls.CurveID{tls.X25519},
	}
	switch version {
	case "1.2":
		cfg.MinVersion, cfg.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	case "1.3":
		cfg.MinVersion, cfg.MaxVersion = tls.VersionTLS13, tls.VersionTLS13
	default:
		return nil, fmt.Errorf("TLS version %q: 1.2 or 1.3", version)
	}
	return cfg, nil
}

// dialVersion connects with the version of TLS, or without if that is "".
func dialVersion(addr, source, version string) (*client, error) {
	if version == "" {
		return dialClient(addr, source)
	}
	cfg, err := clientTLS(version)
	if err != nil {
		return nil, err
	}
	return dialTLS(addr, source, cfg)
}

// dialTLS connects and runs the handshake.
func dialTLS(addr, source string, cfg *tls.Config) (*client, error) {
	c, err := dialClient(addr, source)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(c.conn, cfg)
	_ = conn.SetDeadline(time.Now().Add(clientTimeout))
	if err := conn.HandshakeContext(context.Background()); err != nil {
		c.close()
		return nil, fmt.Errorf("handshake: %w", err)
	}
	return &client{conn: conn, in: bufio.NewReaderSize(conn, 512)}, nil
}

// getOnce is a connection with one request: connecting, the handshake, which must be resumed if and only if
// that is wanted, the request and its answer, and the close.
func getOnce(addr string, cfg *tls.Config, resumed bool) error {
	c, err := dialTLS(addr, "", cfg)
	if err != nil {
		return err
	}
	defer c.close()
	if got := c.conn.(*tls.Conn).ConnectionState().DidResume; got != resumed {
		return fmt.Errorf("resumed: %v, want %v", got, resumed)
	}
	return c.get()
}

// checkTLS sees that a server speaks the version with the suite and the kind of certificate that all are
// compared with, and that a second connection resumes the session of the first one.
func checkTLS(addr, version string) error {
	cfg, err := clientTLS(version)
	if err != nil {
		return err
	}
	cfg.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	c, err := dialTLS(addr, "", cfg)
	if err != nil {
		return err
	}
	state := c.conn.(*tls.Conn).ConnectionState()
	err = errors.Join(c.get(), serversCertificate(state))
	c.close()
	if err != nil {
		return err
	}
	if version == "1.3" && state.CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
		return fmt.Errorf("cipher suite %s, want AES-128-GCM", tls.CipherSuiteName(state.CipherSuite))
	}
	return getOnce(addr, cfg, true)
}

// serversCertificate sees that the server's key is on P-256.
func serversCertificate(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("no certificate")
	}
	key, ok := state.PeerCertificates[0].PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return errors.New("the server's key is not ECDSA on P-256")
	}
	return nil
}
