package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// version is what is known of a representation.
type version struct {
	size           int64 // negative: not known
	etag, modified string
	date           string
}

// strong is the validator for If-Range, or empty: a strong entity tag, or a date that is a second older than the answer that it came
// with (RFC 9110 sections 8.8.2.2, 13.1.5).
func (v *version) strong() string {
	if v.etag != "" {
		if strings.HasPrefix(v.etag, `"`) && wire.ValidEntityTag(v.etag) {
			return v.etag
		}
		return ""
	}
	now := time.Now()
	m, ok := wire.ParseDate(v.modified, now)
	d, dated := wire.ParseDate(v.date, now)
	if ok && dated && d.Sub(m) >= time.Second {
		return v.modified
	}
	return ""
}

// same reports whether an answer is of this version: what both know must be equal.
func (v *version) same(h http.Header) bool {
	if tag := h.Get("Etag"); tag != "" && v.etag != "" {
		return tag == v.etag
	}
	m := h.Get("Last-Modified")
	return m == "" || v.modified == "" || m == v.modified
}

// attempt is one request, and its end when nothing comes.
type attempt struct {
	res    *http.Response
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	stall  time.Duration
}

// ask sends a request, with a range of the version if from is not negative. to is behind the last byte, negative: all.
func (r *run) ask(ctx context.Context, from, to int64) (*attempt, error) {
	a := &attempt{stall: or(r.d.Stall, time.Minute)}
	a.ctx, a.cancel = context.WithCancelCause(ctx)
	req, err := http.NewRequestWithContext(a.ctx, http.MethodGet, r.job.URL, nil)
	if err != nil {
		a.cancel(nil)
		return nil, fatal{err}
	}
	for name, values := range r.d.Header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	req.Host = req.Header.Get("Host")
	req.Header.Del("Host")
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Del("Range")
	req.Header.Del("If-Range")
	if from >= 0 {
		last := ""
		if to >= 0 {
			last = strconv.FormatInt(to-1, 10)
		}
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%s", from, last))
		req.Header.Set("If-Range", r.of.strong())
	}
	if a.stall > 0 {
		a.timer = time.AfterFunc(a.stall, func() { a.cancel(ErrStalled) })
	}
	a.res, err = r.d.client().Do(req)
	if err != nil {
		err = a.why(err)
		if a.res != nil { // of a redirect that was not followed: so it will be the next time
			err = fatal{err}
		}
		a.close()
		return nil, err
	}
	if c := a.res.Header.Get("Content-Encoding"); c != "" && !strings.EqualFold(c, "identity") {
		a.close()
		return nil, fmt.Errorf("%w: %q", ErrEncoded, c)
	}
	return a, nil
}

// why is err, or what the attempt was cancelled for.
func (a *attempt) why(err error) error {
	if cause := context.Cause(a.ctx); errors.Is(cause, ErrStalled) {
		return cause
	}
	return err
}

func (a *attempt) close() {
	if a.timer != nil {
		a.timer.Stop()
	}
	a.cancel(nil)
	if a.res != nil && a.res.Body != nil {
		a.res.Body.Close()
	}
}

// first loads from the first byte, of whatever version there is.
func (r *run) first(ctx context.Context) error {
	a, err := r.ask(ctx, -1, -1)
	if err != nil {
		return err
	}
	defer a.close()
	res := a.res
	switch {
	case res.StatusCode == http.StatusPartialContent:
		return ErrRange
	case res.StatusCode != http.StatusOK:
		return statusError(res)
	case res.ContentLength < 0 && len(r.job.Sums) == 0 && !framed(res):
		return ErrNoLength
	}
	of := version{size: res.ContentLength, etag: res.Header.Get("Etag"), modified: res.Header.Get("Last-Modified"), date: res.Header.Get("Date")}
	if most := r.most(); most >= 0 && of.size > most {
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, of.size)
	}
	lead := &span{end: of.size}
	spans := []*span{lead}
	if of.strong() != "" && hasBytes(res.Header) && !r.single {
		spans = r.split(of.size)
		lead = spans[0]
	}
	r.mu.Lock()
	r.of, r.spans, r.led = of, spans, len(spans) > 1
	r.mu.Unlock()
	if len(spans) == 1 {
		return r.copy(a, lead, of.size, false)
	}
	return r.together(ctx, spans[1:], func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, func() { a.cancel(context.Cause(ctx)) })
		defer stop()
		err := r.copy(a, lead, lead.end, true)
		r.mu.Lock()
		alone := err == nil && !r.ranges
		if alone { // no other will load the rest: read on
			lead.end, r.spans = of.size, r.spans[:1]
		}
		r.mu.Unlock()
		if !alone {
			return err
		}
		return r.copy(a, lead, lead.end-lead.at.Load(), false)
	})
}

// framed reports whether the end of a body without a length can be told from a lost connection.
func framed(res *http.Response) bool {
	return res.ProtoMajor >= 2 || slices.Contains(res.TransferEncoding, "chunked")
}

// hasBytes reports whether the server offers byte ranges (RFC 9110 section 14.3).
func hasBytes(h http.Header) bool {
	return wire.ContainsToken([]byte(strings.Join(h["Accept-Ranges"], ",")), "bytes")
}

func (r *run) most() int64 { return or(r.d.MaxBytes, 64<<30) }

// split makes the spans of a file for as many connections as there may be.
func (r *run) split(size int64) []*span {
	n := int64(r.d.parallel())
	n = max(min(n, size/max(or(r.d.MinRange, 4<<20), 1)), 1)
	spans := make([]*span, n)
	for i := range n {
		s := &span{begin: size / n * i, end: size / n * (i + 1)}
		if i == n-1 {
			s.end = size
		}
		s.at.Store(s.begin)
		spans[i] = s
	}
	return spans
}

// rest loads what is missing of a span, in one range after another if the server gives less than was asked for.
func (r *run) rest(ctx context.Context, s *span) error {
	for !s.done() {
		if err := r.ranged(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// ranged asks for what is missing of a span, and takes what comes.
func (r *run) ranged(ctx context.Context, s *span) error {
	from := s.at.Load()
	a, err := r.ask(ctx, from, s.end)
	if err != nil {
		return err
	}
	defer a.close()
	res := a.res
	switch res.StatusCode {
	case http.StatusPartialContent:
	case http.StatusOK:
		return r.whole(res)
	case http.StatusRequestedRangeNotSatisfiable:
		return r.unsatisfiable(res, s, from)
	default:
		return statusError(res)
	}
	first, last, total, ok := parseContentRange(res.Header["Content-Range"])
	n := last - first + 1
	switch {
	case !ok, first != from, s.end >= 0 && last >= s.end, res.ContentLength >= 0 && res.ContentLength != n:
		r.noRanges() // it does not do what it says
		return errAnew
	case !r.of.same(res.Header), total >= 0 && r.of.size >= 0 && total != r.of.size:
		return errAnew
	}
	if s.end < 0 && total >= 0 { // the first answer did not say it
		if most := r.most(); most >= 0 && total > most {
			return fmt.Errorf("%w: %d bytes", ErrTooLarge, total)
		}
		r.mu.Lock()
		s.end, r.of.size = total, total
		r.mu.Unlock()
	}
	return r.copy(a, s, n, false)
}

// whole is for an answer with everything where a range was asked for.
func (r *run) whole(res *http.Response) error {
	if r.of.same(res.Header) && (res.ContentLength < 0 || res.ContentLength == r.of.size) {
		r.noRanges()
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.led {
			return errNoRanges // of a second connection: the first reads on
		}
	}
	return errAnew
}

func (r *run) noRanges() {
	r.mu.Lock()
	r.ranges, r.single = false, true
	r.mu.Unlock()
}

// unsatisfiable is 416: if all that there is has been loaded before its size was known, that is the end. If-Range holds, or there
// would have been no 416 (RFC 9110 section 13.1.5).
func (r *run) unsatisfiable(res *http.Response, s *span, from int64) error {
	size, ok := strings.CutPrefix(strings.ToLower(res.Header.Get("Content-Range")), "bytes */")
	if n, good := parseLength(size); ok && good && n == from && s.end < 0 && from > 0 {
		r.mu.Lock()
		s.end, r.of.size = n, n
		r.mu.Unlock()
		return nil
	}
	return errAnew
}

// copy takes n bytes of the body into a span, or all of it if n is negative. more: the body goes on behind, and stays open.
func (r *run) copy(a *attempt, s *span, n int64, more bool) error {
	buf := make([]byte, r.d.piece())
	most := r.most()
	for n != 0 {
		p := buf
		if n > 0 {
			p = buf[:min(int64(len(buf)), n)]
		}
		k, err := a.read(p)
		if k > 0 {
			if at := s.at.Load(); most >= 0 && at+int64(k) > most {
				return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, most)
			} else if _, werr := r.part.file.WriteAt(p[:k], at); werr != nil {
				return fatal{werr}
			}
			s.at.Add(int64(k))
			if n > 0 {
				n -= int64(k)
			}
			if r.limit != nil {
				if lerr := r.limit.WaitN(a.ctx, k); lerr != nil {
					return a.why(lerr)
				}
			}
		}
		switch {
		case err == nil:
		case !errors.Is(err, io.EOF):
			return a.why(err)
		case n > 0:
			return io.ErrUnexpectedEOF
		case n < 0:
			r.mu.Lock()
			s.end, r.of.size = s.at.Load(), s.at.Load()
			r.mu.Unlock()
			return nil
		}
	}
	if more {
		return nil
	}
	switch k, err := a.read(buf[:1]); { // the end of it, so that the connection can be used again
	case k > 0:
		return ErrRange
	case err != nil && !errors.Is(err, io.EOF):
		return a.why(err)
	}
	return nil
}

// read reads, for as long as the attempt may stall.
func (a *attempt) read(p []byte) (int, error) {
	if a.timer != nil {
		a.timer.Reset(a.stall)
		defer a.timer.Stop()
	}
	return a.res.Body.Read(p)
}

// statusError makes the error of an answer that is none of those expected.
func statusError(res *http.Response) error {
	e := &StatusError{StatusCode: res.StatusCode, Status: res.Status}
	switch v := res.Header.Get("Retry-After"); {
	case v == "":
	default:
		if n, ok := parseLength(v); ok {
			e.RetryAfter = time.Duration(min(n, 1<<31)) * time.Second
		} else if t, ok := wire.ParseDate(v, time.Now()); ok {
			e.RetryAfter = max(0, time.Until(t))
		}
	}
	return e
}
