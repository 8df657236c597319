package rest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/calandria-go/calandria/protocols/websocket"
)

// waiter is a call by synopsejson. Answers have no ids: the next one is for the call that waits. One that has given up keeps its
// place until its answer has come, or another's would be taken for it.
type waiter struct{ answer chan synopse }

// errQueue closes a connection whose peer does not wait for answers.
var errQueue = errors.New("rest: too many requests at a time")

// onSynopse takes a message of synopsejson. Loop only.
func (p *Peer) onSynopse(b []byte) error {
	m, err := parseSynopse(b)
	if err != nil {
		return err
	}
	if !m.request {
		return p.onAnswer(m)
	}
	m.content = bytes.Clone(m.content)
	p.mu.Lock()
	full, idle := len(p.queue) >= p.cfg.MaxRequests, !p.running
	if !full {
		p.queue = append(p.queue, m)
		p.running = true
	}
	p.mu.Unlock()
	switch {
	case full:
		return errQueue
	case idle:
		return p.c.Reactor().Offload(p.serveQueue)
	}
	return nil
}

// onAnswer gives an answer to the call that waits; one for nobody is dropped.
func (p *Peer) onAnswer(m synopse) error {
	m.content = bytes.Clone(m.content)
	p.mu.Lock()
	w := p.waiting
	p.waiting = nil
	p.mu.Unlock()
	if w != nil {
		w.answer <- m
		p.turn <- struct{}{}
		p.c.Reactor().WokeGoroutine()
		p.closeIfIdle()
	}
	return nil
}

// serveQueue handles what has come, one after another, on a worker.
func (p *Peer) serveQueue() {
	for {
		p.mu.Lock()
		if len(p.queue) == 0 || p.ended {
			p.running = false
			p.mu.Unlock()
			p.closeIfIdle()
			return
		}
		m := p.queue[0]
		p.queue = p.queue[1:]
		p.mu.Unlock()
		if out := p.serveOne(m); !m.noAnswer {
			err := p.sendSynopse(p.ctx, out)
			if errors.Is(err, ErrBody) || errors.Is(err, ErrHead) {
				p.cfg.Logger.Error("rest: answer cannot be sent", "err", err)
				p.sendSynopse(p.ctx, synopse{status: http.StatusInternalServerError})
			}
		}
	}
}

// serveOne gives a request to the handler, and holds the answer whole.
func (p *Peer) serveOne(m synopse) synopse {
	p.mu.Lock()
	draining := p.draining
	p.mu.Unlock()
	if draining {
		return synopse{status: http.StatusServiceUnavailable}
	}
	fields, err := parseLines(m.headers, &p.cfg)
	h := headerOf(fields)
	if len(m.content) > 0 {
		h.Set("Content-Type", m.contentType)
	}
	h.Del("Content-Length")
	r, rerr := p.httpRequest(m.method, m.url, h)
	if err != nil || rerr != nil {
		return synopse{status: http.StatusBadRequest}
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(m.content)), int64(len(m.content))
	w := &recorder{most: p.cfg.MaxBody, header: http.Header{}}
	if !p.handle(p.ctx, p.cfg.Timeout, w, r) || w.err != nil {
		return synopse{status: http.StatusInternalServerError}
	}
	w.WriteHeader(http.StatusOK)
	out, err := fieldsOf(w.sent, 0, &p.cfg, "Content-Type", "Content-Length")
	if err != nil {
		return synopse{status: http.StatusInternalServerError}
	}
	return synopse{status: w.status, headers: linesOf(out), contentType: w.sent.Get("Content-Type"), content: w.body}
}

// recorder is an http.ResponseWriter that holds the answer.
type recorder struct {
	header, sent http.Header
	status       int
	body         []byte
	most         int
	err          error
}

// Header is part of http.ResponseWriter.
func (w *recorder) Header() http.Header { return w.header }

// WriteHeader is part of http.ResponseWriter.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status, w.sent = min(status, 999), w.header.Clone()
	}
}

// Write is part of io.Writer.
func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 && w.header.Get("Content-Type") == "" && len(p) > 0 {
		w.header.Set("Content-Type", http.DetectContentType(p))
	}
	w.WriteHeader(http.StatusOK)
	if len(p) > w.most-len(w.body) {
		w.err = ErrBody
		return 0, w.err
	}
	w.body = append(w.body, p...)
	return len(p), nil
}

// synopseOf makes a request's message.
func (p *Peer) synopseOf(r *http.Request) (synopse, error) {
	content, err := wholeBody(r, p.cfg.MaxBody)
	if err != nil {
		return synopse{}, err
	}
	fields, err := fieldsOf(r.Header, len(r.Method)+len(r.URL.Path), &p.cfg, "Content-Type", "Content-Length")
	if err != nil {
		return synopse{}, err
	}
	m := synopse{request: true, method: r.Method, url: r.URL.RequestURI(), headers: linesOf(fields), contentType: r.Header.Get("Content-Type"), content: content}
	if m.method == "" {
		m.method = http.MethodGet
	}
	if !validTarget(m.url) {
		return synopse{}, ErrHead
	}
	return m, nil
}

func (p *Peer) sendSynopse(ctx context.Context, m synopse) error {
	b, err := m.append(nil)
	if err != nil {
		return err
	}
	return p.c.SendContext(ctx, websocket.Text, b)
}

// askSynopse is RoundTrip by synopsejson: calls wait for one another.
func (p *Peer) askSynopse(r *http.Request) (*http.Response, error) {
	m, err := p.synopseOf(r)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	select {
	case <-p.turn:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-p.done:
		return nil, p.gone()
	}
	w := &waiter{make(chan synopse, 1)}
	p.mu.Lock()
	if err = nil; p.draining {
		err = ErrDraining
	} else {
		p.waiting = w
	}
	p.mu.Unlock()
	if err == nil {
		if err = p.sendSynopse(ctx, m); err != nil {
			p.mu.Lock()
			p.waiting = nil
			p.mu.Unlock()
		}
	}
	if err != nil {
		p.turn <- struct{}{}
		return nil, err
	}
	select {
	case a := <-w.answer:
		return synopseResponse(r, &a, &p.cfg)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-p.done:
		return nil, p.gone()
	}
}

// synopseResponse makes what RoundTrip returns.
func synopseResponse(r *http.Request, a *synopse, lim *Config) (*http.Response, error) {
	fields, err := parseLines(a.headers, lim)
	if err != nil {
		return nil, err
	}
	h := headerOf(fields)
	if len(a.content) > 0 {
		h.Set("Content-Type", a.contentType)
	}
	resp := responseOf(r, a.status, h)
	resp.ContentLength, resp.Body = int64(len(a.content)), io.NopCloser(bytes.NewReader(a.content))
	return resp, nil
}
