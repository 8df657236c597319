package tftp_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp"
)

// web is an HTTP server with one file that can change, and counts.
type web struct {
	*httptest.Server
	body     atomic.Pointer[[]byte]
	requests atomic.Int64
	changed  atomic.Int64 // requests that got a body
	hold     chan struct{}
}

func newWeb(t *testing.T, b []byte) *web {
	w := &web{}
	w.body.Store(&b)
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.requests.Add(1)
		switch r.URL.Path {
		case "/images/a file%":
		case "/images/forbidden":
			rw.WriteHeader(http.StatusForbidden)
			return
		case "/images/broken":
			rw.WriteHeader(http.StatusInternalServerError)
			return
		case "/images/short":
			rw.Header().Set("Content-Length", "100000")
			rw.Write(make([]byte, 50_000))
			panic(http.ErrAbortHandler)
		case "/images/endless": // no Content-Length
			rw.Write((*w.body.Load())[:10])
			rw.(http.Flusher).Flush()
			rw.Write((*w.body.Load())[10:])
			return
		default:
			rw.WriteHeader(http.StatusNotFound)
			return
		}
		body := *w.body.Load()
		tag := fmt.Sprintf(`"%x"`, len(body))
		rw.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			rw.WriteHeader(http.StatusNotModified)
			return
		}
		w.changed.Add(1)
		rw.Header().Set("Content-Length", strconv.Itoa(len(body)))
		half := len(body) / 2
		rw.Write(body[:half])
		if w.hold != nil {
			rw.(http.Flusher).Flush()
			<-w.hold
		}
		rw.Write(body[half:])
	}))
	t.Cleanup(w.Close)
	return w
}

func newOriginSite(t *testing.T, w *web, setup func(o *tftp.Origin)) *site {
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	o := &tftp.Origin{URL: w.URL + "/images", Client: &http.Client{Transport: tr}}
	if setup != nil {
		setup(o)
	}
	return newSite(t, func(s *tftp.Server, _ *tftp.Files) { s.Source = o })
}

// TestOrigin: what is kept is asked for once while it is fresh, and then only whether it has changed.
func TestOrigin(t *testing.T) {
	w := newWeb(t, noise(300_000))
	s := newOriginSite(t, w, nil)
	for range 3 {
		b, res := get(t, s.client(), "a file%")
		same(t, "kept", b, noise(300_000))
		if res.Agreed.Size != 300_000 {
			t.Errorf("%+v", res)
		}
	}
	if n := w.requests.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
	w = newWeb(t, noise(300_000))
	s = newOriginSite(t, w, func(o *tftp.Origin) { o.Fresh = -1 })
	for _, n := range []int{300_000, 300_000, 200_000} {
		b := noise(n)
		w.body.Store(&b)
		got, _ := get(t, s.client(), "a file%")
		same(t, fmt.Sprint(n), got, b)
	}
	if n, m := w.requests.Load(), w.changed.Load(); n != 3 || m != 2 {
		t.Errorf("%d requests, %d of them with a body", n, m)
	}
}

// TestOriginStreams: what does not fit, or has no length, goes through as it comes.
func TestOriginStreams(t *testing.T) {
	for _, name := range []string{"a file%", "endless"} {
		w := newWeb(t, noise(300_000))
		s := newOriginSite(t, w, func(o *tftp.Origin) { o.CacheBytes = 1000 })
		for range 2 {
			b, _ := get(t, s.client(), name)
			same(t, name, b, noise(300_000))
		}
	}
}

// TestOriginIsAskedOnce: for all who want the same at a time, who get what there is as it arrives.
func TestOriginIsAskedOnce(t *testing.T) {
	w := newWeb(t, noise(300_000))
	w.hold = make(chan struct{})
	s := newOriginSite(t, w, nil)
	const n = 10
	errs := make(chan error, n)
	var halves atomic.Int64
	all := make(chan struct{})
	for range n {
		go func() {
			c := s.client()
			told := false
			c.Progress = func(done, _ int64) {
				if !told && done >= 100_000 {
					told = true
					if halves.Add(1) == n {
						close(all)
					}
				}
			}
			var b bytes.Buffer
			_, err := c.Get(ctx(t), "a file%", &b)
			if err == nil && !bytes.Equal(b.Bytes(), noise(300_000)) {
				err = errors.New("other bytes")
			}
			errs <- err
		}()
	}
	select {
	case <-all:
	case <-time.After(patience):
		t.Error("not all have begun to read")
	}
	close(w.hold)
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := w.requests.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestOriginFails(t *testing.T) {
	w := newWeb(t, noise(10))
	s := newOriginSite(t, w, nil)
	for name, want := range map[string]error{"nothing": fs.ErrNotExist, "forbidden": fs.ErrPermission, "broken": nil, "short": nil, "../a": fs.ErrPermission} {
		_, err := s.client().Get(ctx(t), name, io.Discard)
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
