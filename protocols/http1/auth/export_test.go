package auth

// ParseDigest reads Digest credentials and gives the name in them.
func ParseDigest(b []byte) (name string, err error) {
	d, err := parseDigest(b)
	return d.username, err
}

// ParseBasic reads Basic credentials.
func ParseBasic(b []byte) (user, password string, ok bool) { return parseBasic(b) }

// Response is what a client answers to a challenge (RFC 7616 section 3.4.1).
func Response(a Algorithm, user, realm, password, nonce, nc, cnonce, method, uri string) string {
	return a.hash(HA1(a, user, realm, password), nonce, nc, cnonce, "auth", a.hash(method, uri))
}

// HashName is the user's name under userhash.
func HashName(a Algorithm, user, realm string) string { return a.hash(user, realm) }

// NonceUses is how many nonces are remembered.
func (d *Digest) NonceUses() int {
	d.nonces.mu.Lock()
	defer d.nonces.mu.Unlock()
	return len(d.nonces.uses)
}

// Cached is how many credentials are.
func (b *Basic) Cached() int {
	b.cache.mu.Lock()
	defer b.cache.mu.Unlock()
	return len(b.cache.byKey)
}
