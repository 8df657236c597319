package main

import (
	ctls "crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/calandria-go/calandria/protocols/rtsphttp"
	"github.com/calandria-go/calandria/transports/netaddr"
)

// maxRoutesFile bounds the file of -routes.
const maxRoutesFile = 4 << 20

// fileRoute is a route in the file of -routes.
type fileRoute struct {
	Host       string   `json:"host"`
	Prefix     string   `json:"prefix"`
	Backend    string   `json:"backend"`
	User       string   `json:"user"`
	Password   string   `json:"password"`
	Interleave bool     `json:"interleave"`
	Allow      []string `json:"allow"`
	Deny       []string `json:"deny"`
}

// readRoutes makes the routes of the flags and of their file.
func (o *options) readRoutes() ([]rtsphttp.Route, error) {
	secure, err := o.cameraTLS()
	if err != nil {
		return nil, err
	}
	allow, err := networks(o.allow)
	if err != nil {
		return nil, fmt.Errorf("-allow: %w", err)
	}
	deny, err := networks(o.deny)
	if err != nil {
		return nil, fmt.Errorf("-deny: %w", err)
	}
	var all []rtsphttp.Route
	for _, r := range o.routes {
		from, to, ok := strings.Cut(r, "=")
		slash := strings.IndexByte(from, '/')
		if !ok || slash < 0 {
			return nil, errors.New("-route: want [HOST]/PREFIX=rtsp://host[:port][/path]")
		}
		all = append(all, rtsphttp.Route{Host: from[:slash], Prefix: from[slash:], Backend: backendURL(to)})
	}
	more, err := readRoutesFile(o.routesFile)
	if err != nil {
		return nil, fmt.Errorf("-routes: %w", err)
	}
	all = append(all, more...)
	if o.backend != "" {
		all = append(all, rtsphttp.Route{Backend: backendURL(o.backend)})
	}
	for i := range all {
		r := &all[i]
		r.TLS = secure
		r.Interleave = r.Interleave || o.interleave
		if r.Allow == nil {
			r.Allow = allow
		}
		r.Deny = either(r.Deny, deny)
	}
	return all, nil
}

func readRoutesFile(name string) ([]rtsphttp.Route, error) {
	if name == "" {
		return nil, nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if len(b) > maxRoutesFile {
		return nil, fmt.Errorf("%s is larger than 4 MiB", name)
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	var in []fileRoute
	if err := d.Decode(&in); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var all []rtsphttp.Route
	for i, f := range in {
		r := rtsphttp.Route{Host: f.Host, Prefix: f.Prefix, Backend: backendURL(f.Backend), User: f.User, Password: f.Password, Interleave: f.Interleave}
		if r.Allow, err = networks(f.Allow); err != nil {
			return nil, fmt.Errorf("%s: route %d: allow: %w", name, i+1, err)
		}
		if r.Deny, err = networks(f.Deny); err != nil {
			return nil, fmt.Errorf("%s: route %d: deny: %w", name, i+1, err)
		}
		all = append(all, r)
	}
	return all, nil
}

// backendURL takes host:port for rtsp://host:port.
func backendURL(s string) string {
	if strings.Contains(s, "://") {
		return s
	}
	return "rtsp://" + s
}

// networks makes a set of networks and of files with networks; nil for none.
func networks(all []string) (rtsphttp.Networks, error) {
	if len(all) == 0 {
		return nil, nil
	}
	var sets []*netaddr.Set
	for _, s := range all {
		if p, err := netip.ParsePrefix(s); err == nil {
			sets = append(sets, netaddr.NewSet(p))
			continue
		}
		if a, err := netip.ParseAddr(s); err == nil {
			sets = append(sets, netaddr.NewSet(netip.PrefixFrom(a, a.BitLen())))
			continue
		}
		set, err := readNetworks(s)
		if err != nil {
			return nil, err
		}
		sets = append(sets, set)
	}
	return netaddr.Union(sets...), nil
}

func readNetworks(name string) (*netaddr.Set, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	set, _, err := netaddr.Parse(f, netaddr.ParseConfig{Strict: true})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return set, nil
}

// either is the union of two sets, each of which may be nil.
func either(a, b rtsphttp.Networks) rtsphttp.Networks {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return both{a, b}
}

type both [2]rtsphttp.Networks

// Contains is part of rtsphttp.Networks.
func (b both) Contains(a netip.Addr) bool { return b[0].Contains(a) || b[1].Contains(a) }

// cameraTLS is the configuration for rtsps.
func (o *options) cameraTLS() (*ctls.Config, error) {
	c := &ctls.Config{InsecureSkipVerify: o.backendInsecure}
	if o.backendCA == "" {
		return c, nil
	}
	b, err := os.ReadFile(o.backendCA)
	if err != nil {
		return nil, fmt.Errorf("-backend-ca: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("-backend-ca: no certificate in %s", o.backendCA)
	}
	return c, nil
}
