package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/calandria-go/calandria/protocols/relay"
	"github.com/calandria-go/calandria/protocols/relay/access"
	"github.com/calandria-go/calandria/protocols/relay/wire"
)

// file is what -config has. Names that are not here are errors.
type file struct {
	Tokens       []tokenConfig             `json:"tokens"`
	Certificates []certificateConfig       `json:"certificates"`
	JWT          *jwtConfig                `json:"jwt"`
	Services     map[string]*serviceConfig `json:"services"`
	Dynamic      bool                      `json:"dynamic"`
}

type grantConfig struct {
	Name       string   `json:"name"`
	Agent      bool     `json:"agent"`
	Client     bool     `json:"client"`
	Services   []string `json:"services"`
	Addresses  []string `json:"addresses"`
	MaxStreams int      `json:"max_streams"`
}

func (g *grantConfig) grant() access.Grant {
	return access.Grant{Name: g.Name, Agent: g.Agent, Client: g.Client, Services: g.Services, Addresses: g.Addresses, MaxStreams: g.MaxStreams}
}

type tokenConfig struct {
	Token string `json:"token"`
	grantConfig
}

type certificateConfig struct {
	Subject string `json:"subject"`
	grantConfig
}

type jwtConfig struct {
	Algorithm string `json:"algorithm"`
	KeyFile   string `json:"key_file"`
	Audience  string `json:"audience"`
	Issuer    string `json:"issuer"`
}

type serviceConfig struct {
	Kind              string         `json:"kind"`
	Listen            []string       `json:"listen"`
	Allow             []netip.Prefix `json:"allow"`
	Deny              []netip.Prefix `json:"deny"`
	Balance           string         `json:"balance"`
	MaxConns          int            `json:"max_conns"`
	MaxConnsPerClient int            `json:"max_conns_per_client"`
	BytesPerSecond    int            `json:"bytes_per_second"`
	IdleSeconds       int            `json:"idle_seconds"`
	Basic             string         `json:"basic"`
}

var (
	kinds    = map[string]wire.Kind{"": wire.KindTCP, "tcp": wire.KindTCP, "http": wire.KindHTTP, "udp": wire.KindUDP}
	balances = map[string]relay.Balance{"": relay.RoundRobin, "round_robin": relay.RoundRobin, "least_loaded": relay.LeastLoaded, "sticky": relay.Sticky}
)

// readConfig reads -config into s, and returns the addresses to serve.
func readConfig(name string, s *relay.Server) (addresses []string, err error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var f file
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for i := range f.Tokens {
		token, err := secret(f.Tokens[i].Token)
		if err != nil {
			return nil, fmt.Errorf("%s: token: %w", name, err)
		}
		s.Rules.Tokens = append(s.Rules.Tokens, access.Token{Secret: token, Grant: f.Tokens[i].grant()})
	}
	for i := range f.Certificates {
		s.Rules.Certificates = append(s.Rules.Certificates, access.Certificate{Name: f.Certificates[i].Subject, Grant: f.Certificates[i].grant()})
	}
	if j := f.JWT; j != nil {
		key, err := os.ReadFile(j.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("%s: jwt: %w", name, err)
		}
		s.Rules.JWT = &access.JWT{Algorithm: j.Algorithm, Key: bytes.TrimSpace(key), Audience: j.Audience, Issuer: j.Issuer, Leeway: 30 * time.Second}
	}
	s.Dynamic = f.Dynamic
	for id, c := range f.Services {
		v, err := c.service(id)
		if err == nil {
			err = s.AddService(v)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: service %s: %w", name, id, err)
		}
		for _, a := range c.Listen {
			addresses = append(addresses, id+"="+a)
		}
	}
	return addresses, nil
}

func (c *serviceConfig) service(name string) (relay.Service, error) {
	kind, ok := kinds[c.Kind]
	balance, ok2 := balances[c.Balance]
	if !ok || !ok2 {
		return relay.Service{}, fmt.Errorf("kind %q or balance %q is not known", c.Kind, c.Balance)
	}
	v := relay.Service{
		Name: name, Kind: kind, Balance: balance, Clients: access.Clients{Allow: c.Allow, Deny: c.Deny}, MaxConns: c.MaxConns,
		MaxConnsPerClient: c.MaxConnsPerClient, BytesPerSecond: c.BytesPerSecond, IdleTimeout: time.Duration(c.IdleSeconds) * time.Second,
	}
	if c.Basic != "" {
		want, err := basic(c.Basic)
		if err != nil {
			return v, err
		}
		v.Verify = want
	}
	return v, nil
}
