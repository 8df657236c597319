package auth

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// Htpasswd are the users of a file of Apache's htpasswd, with bcrypt hashes (htpasswd -B) only: the others that it knows can
// be tried out too quickly. It does not change.
type Htpasswd struct {
	hashes map[string][]byte
	dummy  []byte // compared for those who are not there, so that it takes as long
}

const (
	// maxCost bounds the work of one comparison: each step doubles it, and 14 takes about a second.
	maxCost         = 14
	maxHtpasswdLine = 1 << 10
	maxHtpasswd     = 1 << 17 // users
	maxBcrypt       = 72      // bytes of a password that bcrypt looks at
)

// ReadHtpasswd reads lines of the form user:hash; empty lines and those that begin with '#' are skipped. Whatever else is
// wrong is an error that names the line: a user who could not log in should not go unnoticed. At most 131,072 users, lines of
// at most 1 KiB, and bcrypt costs from 4 to 14.
func ReadHtpasswd(r io.Reader) (*Htpasswd, error) {
	h := &Htpasswd{hashes: map[string][]byte{}}
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, maxHtpasswdLine), maxHtpasswdLine)
	n, highest := 0, bcrypt.MinCost
	for s.Scan() {
		n++
		line := strings.TrimSpace(s.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		user, hash, _ := strings.Cut(line, ":")
		cost, err := h.add(user, hash)
		if err != nil {
			return nil, fmt.Errorf("auth: htpasswd: line %d: %w", n, err)
		}
		highest = max(highest, cost)
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("auth: htpasswd: line %d: %w", n+1, err)
	}
	var err error
	h.dummy, err = bcrypt.GenerateFromPassword([]byte("nobody"), highest)
	return h, err
}

func (h *Htpasswd) add(user, hash string) (cost int, err error) {
	cost, err = bcrypt.Cost([]byte(hash))
	_, twice := h.hashes[user]
	switch {
	case user == "" || !valid(user):
		return 0, errors.New("no user name")
	case twice:
		return 0, errors.New("user is there twice")
	case len(h.hashes) >= maxHtpasswd:
		return 0, errors.New("too many users")
	case err != nil || len(hash) != 60:
		return 0, errors.New("not a bcrypt hash (use htpasswd -B)")
	case cost > maxCost:
		return 0, fmt.Errorf("bcrypt cost %d is above %d", cost, maxCost)
	}
	h.hashes[user] = []byte(hash)
	return cost, nil
}

// Len is the number of users.
func (h *Htpasswd) Len() int { return len(h.hashes) }

// Verify is for Basic.Verify, with Basic.Blocking: it takes from some milliseconds to a second, as the hash says. Passwords of
// more than 72 bytes are refused: bcrypt would not look at the rest.
func (h *Htpasswd) Verify(user, password string) (data any, ok bool) {
	hash, known := h.hashes[user]
	if !known {
		hash = h.dummy
	}
	long := len(password) > maxBcrypt
	if long {
		password = password[:maxBcrypt]
	}
	err := bcrypt.CompareHashAndPassword(hash, []byte(password))
	return nil, err == nil && known && !long
}
