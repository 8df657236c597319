package rtsphttp

import (
	"bytes"
	"errors"
	"net"

	"github.com/calandria-go/calandria/protocols/rtsphttp/wire"
)

// fromViewer takes bytes of the viewer's: media goes on as it is, messages are looked at.
func (s *session) fromViewer(b []byte) {
	if s.state != live {
		return
	}
	s.up.Add(uint64(len(b)))
	s.touch()
	if len(s.held) > 0 {
		s.held = append(s.held, b...)
		b = s.held
	}
	for s.state == live {
		kind, n, err := s.fromView.Next(b)
		if err != nil {
			s.refuseViewer(err)
			return
		}
		switch kind {
		case wire.More:
			if len(b) == 0 {
				s.held = nil // a tunnel without a message in progress holds no buffer
			} else {
				s.held = append(s.held[:0], b...)
			}
			s.full = s.camera.OverHigh()
			return
		case wire.Media:
			s.toCamera(b[:n])
		default:
			s.message(b[:n])
		}
		b = b[n:]
	}
}

// toCamera queues bytes for the camera.
func (s *session) toCamera(b []byte) {
	if _, err := s.camera.Write(b); err != nil && !errors.Is(err, net.ErrClosed) {
		s.end(err)
	}
}

// refuseViewer ends the tunnel for what the viewer sent.
func (s *session) refuseViewer(err error) {
	status, reason := 400, "Bad Request"
	var we *wire.Error
	if errors.As(err, &we) && we.Status == 413 {
		status, reason = 413, "Request Entity Too Large"
	}
	s.answer(status, reason, nil, "")
	s.end(err)
}

// message passes a message of the viewer's on, whole and perhaps changed.
func (s *session) message(msg []byte) {
	setup, teardown := bytes.HasPrefix(msg, []byte("SETUP ")), bytes.HasPrefix(msg, []byte("TEARDOWN "))
	response := bytes.HasPrefix(msg, []byte("RTSP/"))
	s.teardown = s.teardown || teardown
	if !response {
		s.expectReply()
	}
	if response || !s.rt.rewrites && !setup {
		s.toCamera(msg)
		return
	}
	h, err := wire.ParseHead(msg)
	if err != nil {
		s.refuseViewer(err)
		return
	}
	body := msg[len(msg)-s.fromView.BodyLength():]
	changed := false
	if setup {
		ok, rewritten := s.setup(&h)
		if !ok {
			return
		}
		changed = rewritten
	}
	if !s.rt.rewrites {
		if changed {
			msg = append(h.Append(nil), body...)
		}
		s.toCamera(msg)
		return
	}
	if !s.toCameraURL(&h) {
		s.noReply()
		s.answer(404, "Not Found", h.Get("cseq"), "")
		return
	}
	if s.auth != nil {
		s.authorized(&h, body)
		return
	}
	s.toCamera(append(h.Append(nil), body...))
}

// setup holds a SETUP to what a tunnel can carry. ok is false if it was answered here.
func (s *session) setup(h *wire.Head) (ok, changed bool) {
	var all [][]byte
	for _, f := range h.Fields {
		if bytes.EqualFold(f.Name, []byte("transport")) {
			all = append(all, f.Value)
		}
	}
	if len(all) == 0 {
		return true, false // for the camera to judge
	}
	value := bytes.Join(all, []byte(","))
	kept, err := wire.Interleaved(value)
	switch {
	case err != nil:
		s.noReply()
		s.answer(400, "Bad Request", h.Get("cseq"), "")
		return false, false
	case len(kept) == 0 && s.rt.Interleave:
		kept = wire.AppendInterleaved(nil, value, int(s.channels))
		s.channels += 2
	case len(kept) == 0:
		s.noReply()
		s.answer(461, "Unsupported Transport", h.Get("cseq"), "")
		return false, false
	case len(kept) == len(value) && len(all) == 1:
		return true, false
	}
	h.Del("transport")
	h.Set("Transport", kept)
	return true, true
}

// toCameraURL replaces the gateway's part of a request's URL by the camera's; false if the URL leads out of the route.
func (s *session) toCameraURL(h *wire.Head) bool {
	if string(h.URL()) == "*" {
		return true
	}
	u, ok := wire.SplitURL(h.URL())
	if !ok || dotted(u.Path) {
		return false
	}
	scheme := "rtsp://"
	if s.rt.secure {
		scheme = "rtsps://"
	}
	rest, ok := wire.CutPrefix(u.Path, s.rt.prefix)
	if bytes.EqualFold(u.Authority, []byte(s.rt.addr)) { // one that the camera gave, in a way that was not seen
		if own, below := wire.CutPrefix(u.Path, s.rt.dir); below {
			rest, ok = own, true
		}
	} else if ok {
		s.base = append(append(append(s.base[:0], u.Scheme...), "://"...), u.Authority...)
	}
	if !ok {
		return false
	}
	h.First[1] = append([]byte(scheme+s.rt.addr+s.rt.dir), rest...)
	return true
}

// expectReply sets the camera's time to answer, if it does not run already.
func (s *session) expectReply() {
	if s.replyBy == 0 {
		s.replyBy = s.vc.Elapsed() + s.g.set.reply
		s.arm()
	}
}

// noReply takes expectReply back, for a request that was answered here.
func (s *session) noReply() { s.replyBy = 0 }
