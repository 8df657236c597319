package cache

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Transport is an http.RoundTripper that stores what it may, and answers from what it has. Set its fields before the first
// request. Its methods are for any goroutine. A hit costs a look-up and a copy of the head; the body is shared. On every answer to GET
// and HEAD it appends a Cache-Status field (RFC 9211) that says what it did.
//
// Not stored: answers to other methods than GET, to requests with Range, with a body, or with preconditions that only the origin can
// judge; parts (206); and bodies that were not read to their end.
type Transport struct {
	// Next does the requests; nil: http.DefaultTransport.
	Next http.RoundTripper
	// MaxBytes bounds the memory of all that is stored and is being stored; 0: 64 MiB, negative: unlimited.
	MaxBytes int64
	// MaxEntries bounds the responses; 0: 10,000, negative: unlimited.
	MaxEntries int
	// MaxEntryBytes bounds the body of one; 0: an eighth of MaxBytes, negative: MaxBytes alone.
	MaxEntryBytes int64
	// MaxVariants bounds the responses of one URI, as Vary makes them; 0: 16, negative: unlimited.
	MaxVariants int
	// MaxHeuristic bounds the freshness of what the origin gives none, a tenth of the time since Last-Modified (RFC 9111 section
	// 4.2.2); 0: 24 hours, negative: none is fresh then.
	MaxHeuristic time.Duration
	// StaleIfError is for how long what is stale may stand in for an error of the network, or a 500, 502, 503 or 504, where
	// neither side says so (RFC 5861 section 4); 0 and negative: not at all.
	StaleIfError time.Duration
	// MaxBeside bounds the validations beside stale answers (stale-while-revalidate), each a goroutine; above it they wait for a
	// later request. 0: 16, negative: none.
	MaxBeside int
	// BesideTimeout bounds each of them; 0: 30 s, negative: unlimited.
	BesideTimeout time.Duration
	// Name is this cache's in Cache-Status, a token; empty: calandria.
	Name string

	once  sync.Once
	store store
	base  context.Context // of validations beside
	stop  context.CancelFunc
}

// Defaults of the fields of Transport.
const (
	defaultBytes         = 64 << 20
	defaultEntries       = 10_000
	defaultVariants      = 16
	defaultHeuristic     = 24 * time.Hour
	defaultBeside        = 16
	defaultBesideTimeout = 30 * time.Second
)

// Stats are counts since the beginning, and what is stored now.
type Stats struct {
	Entries     int   // stored now
	Bytes       int64 // of memory, those being stored included
	Hits        int64 // answers without the origin, stale ones included
	Stale       int64 // of them: stale
	Validated   int64 // answers with a stored body that the origin confirmed
	Errors      int64 // answers with a stored body in place of an error
	Misses      int64 // answers of the origin
	Stored      int64 // responses
	Evicted     int64 // for want of room
	Invalidated int64 // by unsafe requests
}

// Stats gives the counts.
func (t *Transport) Stats() Stats {
	t.init()
	t.store.mu.Lock()
	defer t.store.mu.Unlock()
	s := t.store.stats
	s.Entries, s.Bytes = t.store.order.Len(), t.store.bytes
	return s
}

func (t *Transport) init() {
	t.once.Do(func() {
		t.store.maxBytes = or(t.MaxBytes, defaultBytes)
		t.store.maxEntries = or(t.MaxEntries, defaultEntries)
		t.store.maxVariants = or(t.MaxVariants, defaultVariants)
		t.store.clear()
		t.base, t.stop = context.WithCancel(context.Background())
	})
}

func or[T int | int64 | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

func (t *Transport) entryLimit() int64 {
	switch {
	case t.MaxEntryBytes != 0:
		return t.MaxEntryBytes
	case t.store.maxBytes < 0:
		return -1
	}
	return t.store.maxBytes / 8
}

func (t *Transport) next() http.RoundTripper {
	if t.Next == nil {
		return http.DefaultTransport
	}
	return t.Next
}

// CloseIdleConnections has Next close its own, as http.Client's method of that name does.
func (t *Transport) CloseIdleConnections() {
	if c, ok := t.next().(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// Purge forgets all that is stored.
func (t *Transport) Purge() {
	t.init()
	t.store.purge()
}

// Close forgets all, ends the validations beside, and waits for them. Requests go on to Next afterwards, and nothing is stored.
func (t *Transport) Close() error {
	t.init()
	t.store.mu.Lock()
	t.store.closed = true
	t.store.mu.Unlock()
	t.store.purge()
	t.stop()
	t.store.work.Wait()
	return nil
}

// RoundTrip answers from what is stored where RFC 9111 allows it, and asks Next otherwise.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	t.init()
	switch why := bypass(req); {
	case why == "method":
		return t.forward(req)
	case why != "":
		res, err := t.next().RoundTrip(req)
		return t.note(res, "fwd="+why), err
	}
	a := ask{t: t, req: req, key: keyOf(req), cc: control(req.Header, true), head: req.Method == http.MethodHead}
	return a.do()
}

// bypass says why a request has nothing to do with the cache, or nothing.
func bypass(req *http.Request) string {
	h := req.Header
	switch {
	case req.Method != "" && req.Method != http.MethodGet && req.Method != http.MethodHead:
		return "method"
	case req.Body != nil && req.Body != http.NoBody, h["Range"] != nil, h["If-Match"] != nil,
		h["If-Unmodified-Since"] != nil, h["Upgrade"] != nil:
		return "bypass"
	}
	return ""
}

// ask is one GET or HEAD.
type ask struct {
	t    *Transport
	req  *http.Request
	key  string
	cc   directives
	head bool
}

func (a *ask) do() (*http.Response, error) {
	t := a.t
	e, others := t.store.find(a.key, a.req.Header)
	why := "uri-miss"
	if e != nil {
		now := time.Now()
		switch v := e.judge(a.cc, now); v {
		case use, refresh:
			if v == refresh {
				t.validateBeside(a, e)
			}
			stale := e.clock.age(now) >= e.life
			t.store.count(func(s *Stats) {
				s.Hits++
				if stale {
					s.Stale++
				}
			})
			return a.answer(e, now, fmt.Sprintf("hit; ttl=%d", int64((e.life-e.clock.age(now))/time.Second))), nil
		}
		why = "stale"
		if e.life > e.clock.age(now) {
			why = "request"
		}
	} else if others {
		why = "vary-miss"
	}
	if a.cc.onlyIfCached { // RFC 9111 section 5.2.1.7
		return a.gatewayTimeout(why), nil
	}
	return a.fetch(e, why)
}

// fetch asks the origin: whether what is stored still holds, if it has a validator, or for the whole.
func (a *ask) fetch(e *entry, why string) (*http.Response, error) {
	t := a.t
	req, own := a.req, false
	if e != nil && !a.head && !conditional(a.req.Header) {
		req, own = withValidators(a.req, e)
	}
	for {
		ft := t.store.begin(a.key)
		sent := time.Now()
		res, err := t.next().RoundTrip(req)
		now := time.Now()
		if e != nil && (err != nil || serverError(res.StatusCode)) && a.req.Context().Err() == nil && e.onError(a.cc, now, t.StaleIfError) {
			t.store.drop(ft, 0)
			status := "fwd=" + why
			if err == nil {
				status += fmt.Sprintf("; fwd-status=%d", res.StatusCode)
				discard(res)
			}
			t.store.count(func(s *Stats) { s.Errors++ })
			return a.answer(e, now, status+"; detail=stale-if-error"), nil
		}
		if err != nil {
			t.store.drop(ft, 0)
			return nil, err
		}
		if res.StatusCode == http.StatusNotModified && own {
			t.store.drop(ft, 0)
			if !e.confirmedBy(res.Header, true) { // of something else than what we have
				discard(res)
				t.store.remove(e)
				e, req, own = nil, a.req, false
				continue
			}
			updated := a.update(e, res.Header, sent, now)
			discard(res)
			t.store.count(func(s *Stats) { s.Validated++ })
			return a.answer(updated, now, "fwd="+why+"; fwd-status=304"), nil
		}
		t.store.count(func(s *Stats) { s.Misses++ })
		a.settle(ft, e, res, sent, now)
		return t.note(res, fmt.Sprintf("fwd=%s; fwd-status=%d", why, res.StatusCode)), nil
	}
}

// settle does with the origin's answer what it is good for: storing it, freshening what is stored, or forgetting that.
func (a *ask) settle(ft *fetch, e *entry, res *http.Response, sent, now time.Time) {
	s := &a.t.store
	switch {
	case res.StatusCode == http.StatusNotModified || a.head:
		s.drop(ft, 0)
		if e == nil || serverError(res.StatusCode) {
			return
		}
		if e.confirmedBy(res.Header, a.head) && (res.StatusCode == http.StatusNotModified || e.describedBy(res)) {
			a.update(e, res.Header, sent, now)
		} else if a.head {
			s.remove(e) // RFC 9111 section 4.3.5
		}
		return
	case e != nil && !serverError(res.StatusCode):
		s.remove(e) // section 4.3.3: it is not what is there now
	}
	n := a.newEntry(res, sent, now)
	if n == nil {
		s.drop(ft, 0)
		return
	}
	s.follow(ft, res, a.t.entryLimit(), func(body [][]byte, length, reserved int64) {
		n.body, n.length = body, length
		for _, p := range body {
			n.cost += int64(cap(p))
		}
		s.put(ft, n, a.req.Header, reserved)
	})
}

// forward does a request of another method, which makes what is stored outdated if it is unsafe and was successful (RFC 9111
// section 4.4).
func (t *Transport) forward(req *http.Request) (*http.Response, error) {
	res, err := t.next().RoundTrip(req)
	if err != nil || res.StatusCode < 200 || res.StatusCode > 399 {
		return res, err
	}
	switch req.Method {
	case http.MethodOptions, http.MethodTrace, "PROPFIND", "REPORT", "SEARCH": // safe
		return res, nil
	}
	t.store.invalidate(keyOf(req))
	for _, name := range []string{"Location", "Content-Location"} {
		v := res.Header.Get(name)
		if v == "" {
			continue
		}
		u, err := req.URL.Parse(v)
		if err != nil || u.Scheme != req.URL.Scheme || plainHost(u.Scheme, u.Host) != plainHost(u.Scheme, req.URL.Host) {
			continue // another origin's: only that may say so
		}
		t.store.invalidate(keyOf(&http.Request{URL: u, Host: req.Host}))
	}
	return res, nil
}

// validateBeside asks the origin on a goroutine of its own while the stale answer is used (RFC 5861 section 3).
func (t *Transport) validateBeside(a *ask, e *entry) {
	if !t.store.claim(e, or(t.MaxBeside, defaultBeside)) {
		return
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(a.req.Context()))
	if d := or(t.BesideTimeout, defaultBesideTimeout); d > 0 {
		ctx, cancel = context.WithTimeout(ctx, d)
	}
	unhook := context.AfterFunc(t.base, cancel)
	b := *a
	b.req = a.req.Clone(ctx)
	b.req.Method, b.head = http.MethodGet, false
	for _, name := range []string{"If-None-Match", "If-Modified-Since"} { // the client's, of its own copy
		b.req.Header.Del(name)
	}
	go func() {
		defer t.store.unclaim(e)
		defer cancel()
		defer unhook()
		res, err := b.fetch(e, "stale")
		if err != nil || res.Body == nil {
			return
		}
		defer res.Body.Close()
		if limit := t.entryLimit(); limit >= 0 {
			io.CopyN(io.Discard, res.Body, limit+1) // more is not stored
			return
		}
		io.Copy(io.Discard, res.Body)
	}()
}

// conditional reports whether the client asks about a copy of its own.
func conditional(h http.Header) bool {
	return h["If-None-Match"] != nil || h["If-Modified-Since"] != nil
}

// withValidators makes a request conditional on what is stored (RFC 9111 section 4.3.1).
func withValidators(req *http.Request, e *entry) (*http.Request, bool) {
	tag, modified := e.header.Get("Etag"), e.header.Get("Last-Modified")
	if tag == "" && modified == "" {
		return req, false
	}
	req = req.Clone(req.Context())
	if tag != "" {
		req.Header.Set("If-None-Match", tag)
	}
	if modified != "" {
		req.Header.Set("If-Modified-Since", modified)
	}
	return req, true
}

// serverError are the answers that RFC 5861 section 4 counts as errors.
func serverError(status int) bool {
	switch status {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// discard ends a response that is not given to the caller. What is left of a short body is read, so that its connection can be used
// again.
func discard(res *http.Response) {
	if res.Body != nil {
		io.CopyN(io.Discard, res.Body, 64<<10)
		res.Body.Close()
	}
}
