package relay

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/flynn/noise"
)

// suite is the one that the protocol has.
var suite = noise.NewCipherSuite(noise.DH25519, noise.CipherChaChaPoly, noise.HashBLAKE2s)

// PublicKey is a service's static key as clients know it, or a client's.
type PublicKey [32]byte

// String is the key in base64, as ParsePublicKey reads it.
func (k PublicKey) String() string { return base64.RawURLEncoding.EncodeToString(k[:]) }

// ParsePublicKey reads what String writes.
func ParsePublicKey(s string) (PublicKey, error) {
	var k PublicKey
	b, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimSpace(s))
	if err != nil || len(b) != len(k) {
		return k, errors.New("relay: not a public key: 43 characters of base64 are expected")
	}
	copy(k[:], b)
	return k, nil
}

// Key is a service's static key pair, with those before it that are still taken: so that clients can be given a new public
// key one by one. It may also be a client's, of which the first pair counts.
type Key struct {
	pairs []noise.DHKey
	// Clients are the public keys of the clients that may come; empty: all that know the service's.
	Clients []PublicKey
}

// keyPrefix begins each line of a key file.
const keyPrefix = "calandria-relay-key-1:"

// GenerateKey makes a new pair.
func GenerateKey() (*Key, error) {
	p, err := suite.GenerateKeypair(rand.Reader)
	if err != nil {
		return nil, err
	}
	return &Key{pairs: []noise.DHKey{p}}, nil
}

// Public is the public half of the newest pair.
func (k *Key) Public() (p PublicKey) {
	copy(p[:], k.pairs[0].Public)
	return p
}

// Rotate gives a key with a new pair, which takes the old ones too, at most three.
func (k *Key) Rotate() (*Key, error) {
	n, err := GenerateKey()
	if err != nil {
		return nil, err
	}
	n.pairs = append(n.pairs, k.pairs[:min(len(k.pairs), 3)]...)
	n.Clients = k.Clients
	return n, nil
}

// Marshal is the key as a file has it: a line for each pair, the newest first.
func (k *Key) Marshal() []byte {
	var b bytes.Buffer
	for i, p := range k.pairs {
		if i == 1 {
			b.WriteString("# earlier keys, which are still taken\n")
		}
		fmt.Fprintf(&b, "%s%s\n", keyPrefix, base64.RawURLEncoding.EncodeToString(p.Private))
	}
	return b.Bytes()
}

// ParseKey reads what Marshal writes. Empty lines and those that begin with # are left out.
func ParseKey(b []byte) (*Key, error) {
	k := &Key{}
	sc := bufio.NewScanner(bytes.NewReader(b))
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimSpace(sc.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		rest, ok := strings.CutPrefix(line, keyPrefix)
		raw, err := base64.RawURLEncoding.Strict().DecodeString(rest)
		if !ok || err != nil || len(raw) != 32 {
			return nil, fmt.Errorf("relay: key file: line %d is not a key", n)
		}
		p, err := suite.GenerateKeypair(bytes.NewReader(raw))
		if err != nil {
			return nil, fmt.Errorf("relay: key file: line %d: %w", n, err)
		}
		if k.pairs = append(k.pairs, p); len(k.pairs) > 4 {
			return nil, errors.New("relay: key file: more than four keys")
		}
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("relay: key file: %w", err)
	}
	if len(k.pairs) == 0 {
		return nil, errors.New("relay: key file: no key in it")
	}
	return k, nil
}

// ReadKeyFile reads a key file, which must not be readable by others.
func ReadKeyFile(name string) (*Key, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("relay: key file: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("relay: key file: %w", err)
	}
	if st.Mode().IsRegular() && st.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("relay: key file %s: others can read it (mode %v): it must be 0600", name, st.Mode().Perm())
	}
	b, err := io.ReadAll(io.LimitReader(f, 16<<10))
	if err != nil {
		return nil, fmt.Errorf("relay: key file: %w", err)
	}
	return ParseKey(b)
}

func (k *Key) admits(client []byte) bool {
	if len(k.Clients) == 0 {
		return true
	}
	for i := range k.Clients {
		if bytes.Equal(k.Clients[i][:], client) {
			return true
		}
	}
	return false
}
