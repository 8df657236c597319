package tftp

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"sync"
	"time"
)

// Origin reads files from an HTTP server: what is asked for is fetched from below URL. It is a Source. A file that fits is
// fetched once for all who want it, and kept; who comes while it is being fetched gets what there is, as it arrives. Larger
// ones are fetched for each transfer, as fast as its client takes them.
type Origin struct {
	// URL is what names are put behind, such as "https://boot.example/images".
	URL string
	// Client fetches; nil: one with time-outs for the connection and the answer's head. A *http.Client follows redirects:
	// set CheckRedirect if the origin is not to be trusted with that.
	Client *http.Client
	// CacheBytes bounds what is kept; 0: 64 MiB; negative: nothing is. A file may have a quarter of it.
	CacheBytes int64
	// Fresh is how long what is kept is used without asking whether it has changed; 0: 10 s; negative: never.
	Fresh time.Duration

	once  sync.Once
	mu    sync.Mutex
	files map[string]*list.Element // of *fetched, by name
	order *list.List               // the last used first
	used  int64
	asked map[string]chan struct{} // names that the origin is being asked for; closed when its answer's head is there
}

const (
	defaultFresh  = 10 * time.Second
	originTimeout = 30 * time.Second
)

func (o *Origin) init() {
	o.once.Do(func() {
		o.asked = map[string]chan struct{}{}
		o.files, o.order = map[string]*list.Element{}, list.New()
		if o.Client == nil {
			t := http.DefaultTransport.(*http.Transport).Clone()
			t.ResponseHeaderTimeout = originTimeout
			o.Client = &http.Client{Transport: t}
		}
		switch {
		case o.CacheBytes == 0:
			o.CacheBytes = defaultCache
		case o.CacheBytes < 0:
			o.CacheBytes = 0
		}
		if o.Fresh == 0 {
			o.Fresh = defaultFresh
		}
	})
}

// Open is a Source's.
func (o *Origin) Open(ctx context.Context, req *Request, ready func(Content, error)) {
	o.init()
	name, err := CleanName(req.Name)
	if err != nil {
		ready(nil, err)
		return
	}
	f, told, err := o.take(ctx, name)
	switch {
	case err != nil:
		ready(nil, err)
		return
	case told == nil:
		ready(f.content(), nil)
		return
	}
	defer told()
	// The body is read for others too, when this transfer has ended perhaps: its context cannot be the one's.
	fctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	res, err := o.ask(fctx, name, f)
	if err != nil {
		stop()
		cancel()
		f.release()
		ready(nil, err)
		return
	}
	if res.StatusCode == http.StatusNotModified && f != nil {
		stop()
		cancel()
		res.Body.Close()
		f.check()
		told()
		ready(f.content(), nil)
		return
	}
	f.release()
	o.fetch(name, res, cancel, stop, told, ready, req)
}

// ask makes the request.
func (o *Origin) ask(ctx context.Context, name string, f *fetched) (*http.Response, error) {
	base, err := url.Parse(o.URL)
	if err != nil {
		return nil, err
	}
	base.Path = path.Join("/", base.Path, name)
	base.RawPath = ""
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity") // the size has to be the file's
	if f != nil {
		if f.etag != "" {
			req.Header.Set("If-None-Match", f.etag)
		} else if f.modified != "" {
			req.Header.Set("If-Modified-Since", f.modified)
		}
	}
	res, err := o.Client.Do(req)
	if err != nil {
		return nil, err
	}
	switch code := res.StatusCode; {
	case code == http.StatusOK, code == http.StatusNotModified && f != nil:
		return res, nil
	case code == http.StatusNotFound, code == http.StatusGone:
		err = fs.ErrNotExist
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		err = fs.ErrPermission
	default:
		err = errOrigin
	}
	res.Body.Close()
	return nil, fmt.Errorf("tftp: origin answered %s: %w", res.Status, err)
}

var errOrigin = errors.New("unexpected status")

// fetch reads a body: into the cache, or for this transfer alone.
func (o *Origin) fetch(name string, res *http.Response, cancel func(), stop func() bool, told func(), ready func(Content, error), req *Request) {
	defer cancel()
	defer res.Body.Close()
	if n := res.ContentLength; n < 0 || n > o.CacheBytes/4 {
		defer stop()
		told()
		h := Handlers{Read: func(_ string, rf io.ReaderFrom) error {
			if n >= 0 {
				rf.(Outgoing).SetSize(n)
			}
			_, err := rf.ReadFrom(exactly(res.Body, n))
			return err
		}}
		h.Open(context.Background(), req, ready)
		return
	}
	stop() // from here on it is everybody's
	f := &fetched{
		origin: o, name: name, size: res.ContentLength, etag: res.Header.Get("Etag"), modified: res.Header.Get("Last-Modified"),
		checked: time.Now(), readers: 1, stop: cancel,
	}
	o.keep(f)
	told()
	ready(f.content(), nil)
	f.read(res.Body)
}

// exactly is r, which ends with io.ErrUnexpectedEOF unless it has n bytes; n < 0: any number.
func exactly(r io.Reader, n int64) io.Reader {
	if n < 0 {
		return r
	}
	return &exact{r, n}
}

type exact struct {
	r    io.Reader
	left int64
}

func (e *exact) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	e.left -= int64(n)
	if err == io.EOF && e.left > 0 {
		err = errShortBody
	}
	return n, err
}

// errShortBody is not io.ErrUnexpectedEOF, which a ReadFrom takes for an end.
var errShortBody = fmt.Errorf("tftp: the origin's answer ends early: %w", errOrigin)

// take gives a file that is kept, with one reader more. If the origin is to be asked for it, told is not nil: to be called when
// its answer is known. Others who want the same wait for that.
func (o *Origin) take(ctx context.Context, name string) (f *fetched, told func(), err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.asked[name] != nil {
		wait := o.asked[name]
		o.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			err = ctx.Err()
		}
		o.mu.Lock()
		if err != nil {
			return nil, nil, err
		}
	}
	if e := o.files[name]; e != nil {
		if f = e.Value.(*fetched); f.failed() {
			o.dropLocked(e)
			f = nil
		} else {
			o.order.MoveToFront(e)
			f.readers++
			if !f.complete() || o.Fresh > 0 && time.Since(f.checkedAt()) < o.Fresh {
				return f, nil, nil
			}
		}
	}
	done := make(chan struct{})
	o.asked[name] = done
	return f, sync.OnceFunc(func() {
		o.mu.Lock()
		delete(o.asked, name)
		o.mu.Unlock()
		close(done)
	}), nil
}

func (o *Origin) keep(f *fetched) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if e := o.files[f.name]; e != nil {
		o.dropLocked(e)
	}
	o.files[f.name] = o.order.PushFront(f)
	o.used += f.size
	for o.used > o.CacheBytes && o.order.Len() > 1 {
		o.dropLocked(o.order.Back())
	}
}

func (o *Origin) dropLocked(e *list.Element) {
	f := o.order.Remove(e).(*fetched)
	o.used -= f.size
	delete(o.files, f.name)
}

// fetched is a file in memory, or on its way there.
type fetched struct {
	origin         *Origin
	name           string
	size           int64
	etag, modified string
	readers        int // guarded by the origin's lock
	stop           func()

	mu      sync.Mutex
	parts   [][]byte // of partSize, but the last
	have    int64
	err     error
	checked time.Time
	wakes   []func()
}

func (f *fetched) complete() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.have == f.size
}

func (f *fetched) failed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err != nil
}

func (f *fetched) checkedAt() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.checked
}

func (f *fetched) check() {
	f.mu.Lock()
	f.checked = time.Now()
	f.mu.Unlock()
}

// release ends a reader. What nobody reads is not fetched to its end.
func (f *fetched) release() {
	if f == nil {
		return
	}
	o := f.origin
	o.mu.Lock()
	f.readers--
	last := f.readers == 0
	o.mu.Unlock()
	if last && !f.complete() {
		f.stop()
	}
}

// read fills it.
func (f *fetched) read(r io.Reader) {
	for {
		part := make([]byte, min(partSize, f.size-f.have))
		n, err := io.ReadFull(r, part)
		f.mu.Lock()
		if n > 0 {
			f.parts = append(f.parts, part[:n:n])
			f.have += int64(n)
		}
		if f.have < f.size && err != nil {
			f.err = errShortBody
		}
		done := f.have == f.size || f.err != nil
		wakes := f.wakes
		f.wakes = nil
		f.mu.Unlock()
		for _, wake := range wakes {
			wake()
		}
		if done {
			return
		}
	}
}

func (f *fetched) content() Content { return &fetchedContent{f} }

// fetchedContent is one reader's view.
type fetchedContent struct{ f *fetched }

func (c *fetchedContent) Size() int64      { return c.f.size }
func (c *fetchedContent) Load(int64) error { return nil }
func (c *fetchedContent) Close()           { c.f.release() }

func (c *fetchedContent) Peek(off int64) ([]byte, error) {
	f := c.f
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case off >= f.size:
		return nil, io.EOF
	case off < f.have:
		return f.parts[off/partSize][off%partSize:], nil
	case f.err != nil:
		return nil, f.err
	}
	return nil, ErrWait
}

func (c *fetchedContent) notify(off int64, wake func()) {
	f := c.f
	f.mu.Lock()
	if off < f.have || f.err != nil {
		f.mu.Unlock()
		wake()
		return
	}
	f.wakes = append(f.wakes, wake)
	f.mu.Unlock()
}
