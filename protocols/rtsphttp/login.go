package rtsphttp

import (
	"bytes"
	"encoding/base64"
	"strings"

	"github.com/icholy/digest"

	"github.com/calandria-go/calandria/protocols/rtsphttp/wire"
)

// login answers a camera's challenges with the route's credentials, in the viewer's stead (RFC 2326 section 14, which is HTTP's).
// Requests are numbered anew, since one that is sent again needs a number of its own.
type login struct {
	user, password string
	basic          bool
	challenge      *digest.Challenge
	uses           int // of the challenge
	last           int // CSeq that was sent
	waiting        []request
}

// request is one that the camera has not answered.
type request struct {
	cseq  []byte // the viewer's
	sent  int    // ours
	head  wire.Head
	body  []byte
	tries int
}

// authorized sends a request of the viewer's with the camera's credentials, as far as they are known.
func (s *session) authorized(h *wire.Head, body []byte) {
	l := s.auth
	n, ok := h.CSeq()
	switch {
	case !ok:
		s.noReply()
		s.answer(400, "Bad Request", nil, "")
		return
	case len(l.waiting) >= maxOutstanding:
		s.end(ErrTooMany)
		return
	}
	if l.last == 0 {
		l.last = n - 1
	}
	r := request{cseq: bytes.Clone(h.Get("cseq")), body: bytes.Clone(body)}
	h.Del("authorization")
	own, err := wire.ParseHead(h.Append(nil)) // a copy: h is of the loop's buffer
	if err != nil {
		s.refuseViewer(err)
		return
	}
	r.head = own
	s.sendRequest(r)
}

// sendRequest sends a request for the first time, or again.
func (s *session) sendRequest(r request) {
	l := s.auth
	l.last++
	r.sent = l.last
	r.tries++
	r.head.SetCSeq(r.sent)
	r.head.Del("authorization")
	if v := l.credentials(string(r.head.Method()), string(r.head.URL())); v != "" {
		r.head.Set("Authorization", []byte(v))
	}
	l.waiting = append(l.waiting, r)
	s.toCamera(append(r.head.Append(nil), r.body...))
}

// credentials are the value of Authorization, empty as long as there was no challenge.
func (l *login) credentials(method, url string) string {
	switch {
	case l.challenge != nil:
		l.uses++
		c, err := digest.Digest(l.challenge, digest.Options{
			Method: method, URI: url, Count: l.uses, Username: l.user, Password: l.password,
		})
		if err != nil {
			return ""
		}
		return c.String()
	case l.basic:
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(l.user+":"+l.password))
	}
	return ""
}

// learn takes the best of a response's challenges: a Digest before Basic, SHA-256 before MD5. stale says that only the nonce was
// too old.
func (l *login) learn(h *wire.Head) (ok, stale bool) {
	best := 0
	for _, f := range h.Fields {
		if !bytes.EqualFold(f.Name, []byte("www-authenticate")) {
			continue
		}
		rank := 1
		value := string(f.Value)
		c, err := digest.ParseChallenge(value)
		switch {
		case err == nil && c.Nonce != "" && digest.CanDigest(c):
			if rank = 2; !strings.EqualFold(c.Algorithm, "MD5") && c.Algorithm != "" {
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
			l.basic, l.challenge = true, nil
		} else {
			l.challenge, l.uses, stale = c, 0, c.Stale
		}
	}
	return best > 0, stale
}

// authReply matches a response with its request, and gives it the viewer's number. It is true if the viewer gets none of it: the
// request was sent again.
func (s *session) authReply(h *wire.Head) bool {
	l := s.auth
	n, ok := h.CSeq()
	if !ok {
		return false
	}
	for i, r := range l.waiting {
		if r.sent != n {
			continue
		}
		l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
		if h.Status() == 401 {
			had := l.challenge
			ok, stale := l.learn(h)
			fresh := r.tries == 1 || r.tries == 2 && stale && had != nil
			if ok && fresh {
				s.sendRequest(r)
				s.expectReply()
				return true
			}
			s.g.log.Warn("rtsphttp: camera refuses its credentials", "camera", s.rt.name())
			h.First[1], h.First[2] = []byte("502"), []byte("Bad Gateway") // the viewer could not help it
			h.Del("www-authenticate")
		}
		h.Set("CSeq", r.cseq)
		return false
	}
	return false
}
