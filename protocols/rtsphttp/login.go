package rtsphttp

import (
	"bytes"
	"iter"

	"github.com/calandria-go/calandria/protocols/rtsphttp/wire"
)

// login answers a camera's challenges with the route's credentials, in the viewer's stead (RFC 2326 section 14, which is HTTP's).
// Requests are numbered anew, since one that is sent again needs a number of its own.
type login struct {
	credentials
	last    int // CSeq that was sent
	waiting []request
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
	if v := l.answer(string(r.head.Method()), string(r.head.URL())); v != "" {
		r.head.Set("Authorization", []byte(v))
	}
	l.waiting = append(l.waiting, r)
	s.toCamera(append(r.head.Append(nil), r.body...))
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
			ok, stale := l.learn(challenges(h))
			fresh := r.tries == 1 || r.tries == 2 && stale && had != nil
			if ok && fresh {
				s.sendRequest(r)
				s.expectReply()
				return true
			}
			s.g.log.Debug("rtsphttp: camera refuses its credentials", "camera", s.rt.name())
			h.First[1], h.First[2] = []byte("502"), []byte("Bad Gateway") // the viewer could not help it
			h.Del("www-authenticate")
		}
		h.Set("CSeq", r.cseq)
		return false
	}
	return false
}

// challenges are those of a response.
func challenges(h *wire.Head) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, f := range h.Fields {
			if bytes.EqualFold(f.Name, []byte("www-authenticate")) && !yield(string(f.Value)) {
				return
			}
		}
	}
}
