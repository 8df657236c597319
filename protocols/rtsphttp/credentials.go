package rtsphttp

import (
	"encoding/base64"
	"iter"
	"strings"

	"github.com/icholy/digest"
)

// credentials answer the challenges of a server: a camera's, or a gateway's.
type credentials struct {
	user, password string
	basic          bool
	challenge      *digest.Challenge
	uses           int // of the challenge
}

// answer is the value of Authorization; empty as long as there was no challenge.
func (c *credentials) answer(method, uri string) string {
	switch {
	case c.challenge != nil:
		c.uses++
		cr, err := digest.Digest(c.challenge, digest.Options{Method: method, URI: uri, Count: c.uses, Username: c.user, Password: c.password})
		if err != nil {
			return ""
		}
		return cr.String()
	case c.basic:
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(c.user+":"+c.password))
	}
	return ""
}

// learn takes the best of the challenges, the values of WWW-Authenticate: Digest before Basic, SHA-256 before MD5. ok is false if none is
// understood; stale says that only the nonce was too old.
func (c *credentials) learn(challenges iter.Seq[string]) (ok, stale bool) {
	best := 0
	for value := range challenges {
		rank := 1
		ch, err := digest.ParseChallenge(value)
		switch {
		case err == nil && ch.Nonce != "" && digest.CanDigest(ch):
			if rank = 2; ch.Algorithm != "" && !strings.EqualFold(ch.Algorithm, "MD5") {
				rank = 3
			}
		case len(value) >= 5 && strings.EqualFold(value[:5], "basic"):
		default:
			continue
		}
		if rank <= best {
			continue
		}
		if best = rank; rank == 1 {
			c.basic, c.challenge = true, nil
		} else {
			c.challenge, c.uses, stale = ch, 0, ch.Stale
		}
	}
	return best > 0, stale
}
