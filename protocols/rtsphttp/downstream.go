package rtsphttp

import (
	"bytes"
	"errors"
	"net"
	"strconv"

	"github.com/calandria-go/calandria/protocols/rtsphttp/wire"
)

// fromCamera takes bytes of the camera's, and returns how many.
func (s *session) fromCamera(in []byte) int {
	if s.state != live {
		return len(in)
	}
	s.replyBy = 0
	s.touch()
	if s.opaque {
		s.toViewer(in)
		return len(in)
	}
	n, sent := 0, 0 // looked at, and passed on
	flush := func() {
		if n > sent {
			s.toViewer(in[sent:n])
			sent = n
		}
	}
	for s.state == live {
		if len(s.inject) > 0 && s.fromCam.Boundary() {
			flush()
			ours := s.inject
			s.inject = nil
			s.toViewer(ours)
		}
		part := in[n:]
		if len(s.inject) > 0 { // not beyond the end of the frame, which is where ours goes
			part = part[:min(len(part), s.fromCam.Left())]
		}
		kind, k, err := s.fromCam.Next(part)
		if err != nil {
			flush()
			return s.notRTSP(in, n)
		}
		if kind == wire.More {
			break
		}
		if kind != wire.Message {
			n += k
			continue
		}
		msg := part[:k]
		if ours, changed := s.reply(msg); changed {
			flush()
			s.toViewer(ours)
			sent += k
		}
		n += k
	}
	flush()
	return n
}

// notRTSP is for a camera whose bytes from in[n] on are no RTSP: they pass as they are from now on, unless they had to be changed.
func (s *session) notRTSP(in []byte, n int) int {
	if s.state != live {
		return len(in)
	}
	if s.rt.rewrites || len(s.inject) > 0 {
		s.end(ErrCamera)
		return len(in)
	}
	s.opaque = true
	s.toViewer(in[n:])
	return len(in)
}

// toViewer queues bytes for the viewer, and drops one who does not take them.
func (s *session) toViewer(b []byte) {
	if len(b) == 0 || s.state != live {
		return
	}
	s.down.Add(uint64(len(b)))
	if err := s.out.send(b); err != nil {
		if !errors.Is(err, net.ErrClosed) {
			err = ErrSlowViewer // over the reactor's own limit
		} else {
			err = ErrViewerGone
		}
		s.end(err)
		return
	}
	switch {
	case s.vc.Unsent() > s.g.set.queued:
		s.end(ErrSlowViewer)
	case s.g.cfg.PauseCamera && !s.paused && s.vc.OverHigh():
		s.paused = true
		s.camera.Pause()
	}
}

// answer sends a response of the gateway's own, where the camera's stream allows it.
func (s *session) answer(status int, reason string, cseq []byte, field string) {
	if s.opaque {
		return // nobody could find it there
	}
	b := wire.AppendResponse(nil, status, reason, cseq, field)
	if s.fromCam.Boundary() && len(s.inject) == 0 {
		s.toViewer(b)
		return
	}
	s.inject = append(s.inject, b...)
}

// reply looks at a message of the camera's: its head, or all of it where messages are changed. changed is false if it passes as it is.
func (s *session) reply(msg []byte) (ours []byte, changed bool) {
	foreign := wire.HasField(msg, "x-server-ip-address")
	if !s.rt.rewrites && !foreign {
		return nil, false
	}
	h, err := wire.ParseHead(msg)
	if err != nil {
		if s.rt.rewrites {
			s.end(ErrCamera)
			return nil, true
		}
		return nil, false
	}
	h.Del("x-server-ip-address")
	if !s.rt.rewrites {
		return h.Append(nil), true
	}
	if s.auth != nil && h.Response() && s.authReply(&h) {
		return nil, true // it was answered here
	}
	body := msg[len(msg)-s.fromCam.BodyLength():]
	body = s.toViewerURLs(&h, body)
	return append(h.Append(nil), body...), true
}

// toViewerURLs replaces the camera's URLs in a message by the gateway's, and gives the body as it is then.
func (s *session) toViewerURLs(h *wire.Head, body []byte) []byte {
	if len(s.base) == 0 {
		return body
	}
	replace := func(dst []byte, u wire.URL) ([]byte, bool) {
		rest, ok := wire.CutPrefix(u.Path, s.rt.dir)
		if !ok {
			return dst, false
		}
		return append(append(append(dst, s.base...), s.rt.prefix...), rest...), true
	}
	same := func(dst []byte, u wire.URL) ([]byte, bool) { // of this camera only: it may point to another
		if host := string(u.Authority); host != s.rt.addr && host != s.rt.host {
			return dst, false
		}
		return replace(dst, u)
	}
	for i, f := range h.Fields {
		switch name := string(bytes.ToLower(f.Name)); name {
		case "content-base", "content-location", "rtp-info":
			h.Fields[i].Value = wire.ReplaceURLs(nil, f.Value, replace)
		case "location":
			h.Fields[i].Value = wire.ReplaceURLs(nil, f.Value, same)
		}
	}
	if len(body) > 0 && bytes.HasPrefix(bytes.ToLower(h.Get("content-type")), []byte("application/sdp")) {
		body = wire.ReplaceURLs(nil, body, replace)
		h.Set("Content-Length", strconv.AppendInt(nil, int64(len(body)), 10))
	}
	return body
}
