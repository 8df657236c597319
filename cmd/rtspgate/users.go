package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/auth"
)

// users are those of -users, which may be read again.
type users struct {
	file   string
	basic  atomic.Pointer[auth.Htpasswd]
	digest atomic.Pointer[map[string]string] // HA1 by user
	realm  string
	hash   auth.Algorithm
	cached *auth.Basic
}

const (
	basicRealm = "RTSP"
	maxUsers   = 8 << 20 // bytes of the file
)

// readUsers reads the file, and gives the middleware that asks for its users.
func readUsers(file string) (*users, http1.Middleware, error) {
	u := &users{file: file}
	if err := u.reload(); err != nil {
		return nil, nil, fmt.Errorf("-users: %w", err)
	}
	if u.digest.Load() != nil {
		m, err := auth.Require(&auth.Digest{Realm: u.realm, Users: u, Algorithms: []auth.Algorithm{u.hash}})
		return u, m, err
	}
	u.cached = &auth.Basic{Realm: basicRealm, Blocking: true, Verify: func(user, password string) (any, bool) {
		return u.basic.Load().Verify(user, password)
	}}
	m, err := auth.Require(u.cached)
	return u, m, err
}

// reload reads the file again. A file of the other kind is refused: clients were told what to send.
func (u *users) reload() error {
	b, err := os.ReadFile(u.file)
	if err != nil {
		return err
	}
	if len(b) > maxUsers {
		return fmt.Errorf("%s is larger than 8 MiB", u.file)
	}
	table, realm, hash, err := parseHtdigest(string(b))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", u.file, err)
	case table == nil:
		h, err := auth.ReadHtpasswd(bytes.NewReader(b))
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", u.file, err)
		case h.Len() == 0:
			return fmt.Errorf("%s: no users", u.file)
		case u.realm != "":
			return errors.New("the file was of htdigest, and is of htpasswd now")
		}
		u.basic.Store(h)
		if u.cached != nil {
			u.cached.Forget()
		}
	case u.basic.Load() != nil:
		return errors.New("the file was of htpasswd, and is of htdigest now")
	case u.realm != "" && (u.realm != realm || u.hash != hash):
		return errors.New("the file has another realm or algorithm now")
	default:
		u.realm, u.hash = realm, hash
		u.digest.Store(&table)
	}
	return nil
}

// parseHtdigest reads lines of user:realm:hash, all of one realm and one algorithm; a nil table if the file is none of htdigest.
func parseHtdigest(text string) (table map[string]string, realm string, hash auth.Algorithm, err error) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.Split(line, ":")
		if len(f) != 3 {
			if table == nil {
				return nil, "", "", nil
			}
			return nil, "", "", fmt.Errorf("line %d: not user:realm:hash", n)
		}
		a := map[int]auth.Algorithm{32: auth.MD5, 64: auth.SHA256}[len(f[2])]
		_, twice := table[f[0]]
		switch {
		case f[0] == "" || f[1] == "" || a == "" || strings.Trim(strings.ToLower(f[2]), "0123456789abcdef") != "":
			return nil, "", "", fmt.Errorf("line %d: not user:realm:hash", n)
		case table == nil:
			table, realm, hash = map[string]string{}, f[1], a
		case twice:
			return nil, "", "", fmt.Errorf("line %d: user is there twice", n)
		case f[1] != realm || a != hash:
			return nil, "", "", fmt.Errorf("line %d: another realm or algorithm than before", n)
		}
		table[f[0]] = strings.ToLower(f[2])
	}
	return table, realm, hash, nil
}

// HA1 is part of auth.DigestUsers.
func (u *users) HA1(user, realm string, a auth.Algorithm) (string, bool) {
	ha1, ok := (*u.digest.Load())[user]
	return ha1, ok && realm == u.realm && a == u.hash
}
