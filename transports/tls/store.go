package tls

import (
	ctls "crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Pair names the files of one certificate.
type Pair struct {
	// Cert is a PEM file with the certificate and its chain, Key one with its key. They may be the same file.
	Cert, Key string
}

// StoreConfig says what a Store loads.
type StoreConfig struct {
	// Pairs are the certificates, at least one. The first serves clients whose server name matches none, unless Strict is set,
	// and those that send none.
	Pairs []Pair
	// ClientCA is a PEM file with the authorities of client certificates; empty: none. Config then asks for one.
	ClientCA string
	// Strict refuses server names that no certificate has, with the alert unrecognized_name (RFC 6066 section 3), label
	// "unknown_name".
	Strict bool
	// Poll is how often the files' times and sizes are looked at; 0: 5 s; negative: never, so that only Reload loads.
	Poll time.Duration
	// Logger gets each reload and why one failed; nil discards.
	Logger *slog.Logger
}

const defaultPoll = 5 * time.Second

// Store has certificates from files, by server name, and an authority for client certificates, and loads them again when
// the files change. Connections that are open stay as they are; a set that does not load entirely, such as a certificate whose
// key is not there yet, leaves the old one in use. Its methods are safe from any goroutine. It has one goroutine, until
// Close, and costs a handshake a look into a map.
type Store struct {
	cfg  StoreConfig
	cur  atomic.Pointer[generation]
	done chan struct{}
	wg   sync.WaitGroup
	once sync.Once

	mu     sync.Mutex // of loading
	stamps []stamp
	told   string // the failure that was logged last
}

// generation is what was loaded at one time.
type generation struct {
	certs   []*ctls.Certificate
	byName  map[string][]*ctls.Certificate
	pool    *x509.CertPool
	configs sync.Map // of Config's callers: their base, to the Config with this pool
}

// stamp is how a change of a file is noticed.
type stamp struct {
	size int64
	time time.Time
}

// NewStore loads the files, and looks at them from now on.
func NewStore(cfg StoreConfig) (*Store, error) {
	if len(cfg.Pairs) == 0 {
		return nil, errors.New("tls: a store needs a certificate")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{cfg: cfg, done: make(chan struct{})}
	if err := s.Reload(); err != nil {
		return nil, err
	}
	if cfg.Poll >= 0 {
		if s.cfg.Poll == 0 {
			s.cfg.Poll = defaultPoll
		}
		s.wg.Go(s.watch)
	}
	return s, nil
}

// Close ends looking at the files. What was loaded stays in use.
func (s *Store) Close() error {
	s.once.Do(func() { close(s.done) })
	s.wg.Wait()
	return nil
}

// Reload loads the files now, changed or not: for SIGHUP. After an error the old set stays in use. It reads files, so it
// is not for a loop.
func (s *Store) Reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	stamps, err := s.look()
	if err != nil {
		return err
	}
	g, err := s.load()
	if err != nil {
		return err
	}
	s.stamps = stamps // as of before loading: what changed meanwhile is seen next time
	s.cur.Store(g)
	return nil
}

func (s *Store) watch() {
	tick := time.NewTicker(s.cfg.Poll)
	defer tick.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-tick.C:
			s.check()
		}
	}
}

// check reloads when a file has changed; a failure is logged once, and tried again.
func (s *Store) check() {
	s.mu.Lock()
	stamps, err := s.look()
	same := err == nil && equal(stamps, s.stamps)
	s.mu.Unlock()
	if same {
		s.told = ""
		return
	}
	if err = s.Reload(); err == nil {
		s.told = ""
		s.cfg.Logger.Info("tls: certificates reloaded", "certificates", len(s.cfg.Pairs))
		return
	}
	if err.Error() != s.told {
		s.told = err.Error()
		s.cfg.Logger.Error("tls: certificates not reloaded, the old ones stay", "err", err)
	}
}

func equal(a, b []stamp) bool {
	for i := range a {
		if i >= len(b) || a[i].size != b[i].size || !a[i].time.Equal(b[i].time) {
			return false
		}
	}
	return true
}

// look takes the stamps of all files.
func (s *Store) look() ([]stamp, error) {
	var names []string
	for _, p := range s.cfg.Pairs {
		names = append(names, p.Cert, p.Key)
	}
	if s.cfg.ClientCA != "" {
		names = append(names, s.cfg.ClientCA)
	}
	stamps := make([]stamp, 0, len(names))
	for _, name := range names {
		fi, err := os.Stat(name)
		if err != nil {
			return nil, fmt.Errorf("tls: %w", err)
		}
		stamps = append(stamps, stamp{fi.Size(), fi.ModTime()})
	}
	return stamps, nil
}

// load reads all files.
func (s *Store) load() (*generation, error) {
	g := &generation{byName: map[string][]*ctls.Certificate{}}
	for _, p := range s.cfg.Pairs {
		cert, err := ctls.LoadX509KeyPair(p.Cert, p.Key)
		if err != nil {
			return nil, fmt.Errorf("tls: certificate %s with key %s: %w", p.Cert, p.Key, err)
		}
		g.add(&cert)
	}
	if s.cfg.ClientCA == "" {
		return g, nil
	}
	pem, err := os.ReadFile(s.cfg.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	g.pool = x509.NewCertPool()
	if !g.pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("tls: no certificate in %s", s.cfg.ClientCA)
	}
	return g, nil
}

// add enters a certificate under its names.
func (g *generation) add(cert *ctls.Certificate) {
	g.certs = append(g.certs, cert)
	names := cert.Leaf.DNSNames
	if len(names) == 0 && len(cert.Leaf.IPAddresses) == 0 {
		names = []string{cert.Leaf.Subject.CommonName}
	}
	for _, name := range names {
		name = strings.ToLower(name)
		g.byName[name] = append(g.byName[name], cert)
	}
}

// find gives the certificates for a server name: those that have it, or else the wildcard that stands for its first label
// (RFC 9525 section 6.3).
func (g *generation) find(name string) []*ctls.Certificate {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if found := g.byName[name]; found != nil {
		return found
	}
	_, parent, ok := strings.Cut(name, ".")
	if !ok {
		return nil
	}
	return g.byName["*."+parent]
}

// GetCertificate is for crypto/tls's Config: the first certificate with the client's server name that the client can use,
// such as the ECDSA one of two.
func (s *Store) GetCertificate(h *ctls.ClientHelloInfo) (*ctls.Certificate, error) {
	g := s.cur.Load()
	certs := g.certs[:1]
	if h.ServerName != "" {
		if found := g.find(h.ServerName); found != nil {
			certs = found
		} else if s.cfg.Strict {
			return nil, nil // crypto/tls makes it unrecognized_name
		}
	}
	if len(certs) > 1 {
		for _, cert := range certs {
			if h.SupportsCertificate(cert) == nil {
				return cert, nil
			}
		}
	}
	return certs[0], nil
}

// ClientCAs is the pool of authorities as loaded last, or nil.
func (s *Store) ClientCAs() *x509.CertPool { return s.cur.Load().pool }

// Config gives a copy of base (nil is an empty one) that uses the store. With a ClientCA it requires a client certificate,
// unless base says how it asks for one (ClientAuth), and every handshake, resumed ones too, is checked against the pool
// as it is then. base.GetConfigForClient is not used then.
func (s *Store) Config(base *ctls.Config) *ctls.Config {
	if base == nil {
		base = &ctls.Config{}
	}
	cfg := base.Clone()
	cfg.Certificates, cfg.GetCertificate = nil, s.GetCertificate
	if s.cfg.ClientCA == "" {
		return cfg
	}
	if cfg.ClientAuth == ctls.NoClientCert {
		cfg.ClientAuth = ctls.RequireAndVerifyClientCert
	}
	cfg.ClientCAs = s.ClientCAs()
	cfg.GetConfigForClient = func(*ctls.ClientHelloInfo) (*ctls.Config, error) {
		return s.cur.Load().config(cfg), nil
	}
	return cfg
}

// config gives a Config with this generation's pool: one for all connections, since each keeps it.
func (g *generation) config(base *ctls.Config) *ctls.Config {
	if v, ok := g.configs.Load(base); ok {
		return v.(*ctls.Config)
	}
	cfg := base.Clone()
	cfg.GetConfigForClient, cfg.ClientCAs = nil, g.pool
	v, _ := g.configs.LoadOrStore(base, cfg)
	return v.(*ctls.Config)
}
