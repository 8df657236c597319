package http1

import (
	"bytes"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/reactor"
)

// FilesConfig has what Files serves, and its limits. The zero value is safe; a negative limit means unlimited.
type FilesConfig struct {
	// Prefix is the part of the path before the root, such as "/static/"; empty: "/". It is compared as it was sent.
	Prefix string
	// Index are the names that stand for a directory, of which the first that exists is taken; nil: index.html. An empty
	// slice that is not nil: none.
	Index []string
	// List has directories without an index answered by a listing, in HTML or, if the request prefers it, in JSON.
	List bool
	// MaxList bounds the entries of a listing, which says when there are more; 0: 1,000.
	MaxList int
	// Dotfiles shows names that begin with a dot; without it they do not exist.
	Dotfiles bool
	// Precompressed has name.br, name.zst and name.gz beside a file answer for it, if the client takes them and they are not
	// older than the file.
	Precompressed bool
	// CacheControl is the Cache-Control field of the answers; empty: none is sent.
	CacheControl string
	// Types are content types by extension with its dot, in lower case; they go before the built-in ones.
	Types map[string]string
	// Sniff looks at the first bytes of a file whose extension says nothing; without it, it is application/octet-stream.
	Sniff bool
	// MaxRanges bounds the ranges of one request; one with more gets the whole file (RFC 9110 section 14.2); 0: 16.
	MaxRanges int
	// NotFound answers, in place of a short text, for what does not exist.
	NotFound Handler

	// CacheEntries bounds the files that are kept open or in memory, and, apart from them, the names that are known not to
	// exist; 0: 1,000.
	CacheEntries int
	// CacheValid is how long a file is taken to be as it was; then its size, time and identity are asked for; 0: 1 s; negative:
	// for good.
	CacheValid time.Duration
	// CacheInactive is how long a file is kept open that nobody asks for, at least; 0: 60 s.
	CacheInactive time.Duration
	// MemoryFile is the size up to which a file is kept in memory, and not open; 0: 64 KiB; negative: none is.
	MemoryFile int64
	// MemoryTotal bounds what is in memory; 0: 16 MiB.
	MemoryTotal int64
}

const (
	defaultMaxList      = 1000
	defaultMaxRanges    = 16
	defaultCacheEntries = 1000
	defaultCacheValid   = time.Second
	defaultInactive     = 60 * time.Second
	defaultMemoryFile   = 64 << 10
	defaultMemoryTotal  = 16 << 20
)

func (c FilesConfig) withDefaults() FilesConfig {
	c.Prefix = "/" + strings.Trim(c.Prefix, "/") + "/"
	if c.Prefix == "//" {
		c.Prefix = "/"
	}
	if c.Index == nil {
		c.Index = []string{"index.html"}
	}
	c.MaxList = limitInt(c.MaxList, defaultMaxList)
	c.MaxRanges = limitInt(c.MaxRanges, defaultMaxRanges)
	c.CacheEntries = limitInt(c.CacheEntries, defaultCacheEntries)
	c.CacheValid = duration(c.CacheValid, defaultCacheValid)
	c.CacheInactive = duration(c.CacheInactive, defaultInactive)
	switch {
	case c.MemoryFile == 0:
		c.MemoryFile = defaultMemoryFile
	case c.MemoryFile < 0:
		c.MemoryFile = -1
	}
	c.MemoryTotal = limit(c.MemoryTotal, defaultMemoryTotal)
	return c
}

// FileServer is the Handler that Files gives.
type FileServer struct {
	root  *os.Root
	cfg   FilesConfig
	cache fileCache
	// What goes with every file, rendered.
	common, common304 []byte
}

// Files serves the files below root to GET and HEAD, and nothing outside of it: names are decoded strictly, and root refuses
// symbolic links that leave it. Root stays the caller's, open until the server has ended.
//
// A file that was asked for lately is answered on the loop, without a system call on the disk if it is small, by sendfile(2)
// else; others are looked up by a worker. So a change is seen after CacheValid at the latest. Ranges, preconditions and
// precompressed siblings are RFC 9110's. The entity tag is made of size, time in nanoseconds and inode, hashed: a strong one,
// but for a file that was written less than 2 s before it was opened, as another write might not show in its time then
// (RFC 9110 section 8.8.1). A file that shrinks while it is sent breaks the connection off; one that is overwritten in place
// may reach the client in parts of both, so replace files by renaming.
//
// Each distinct name costs some 600 bytes, a small file its bytes, and a larger one a descriptor.
func Files(root *os.Root, cfg FilesConfig) *FileServer {
	s := &FileServer{root: root, cfg: cfg.withDefaults()}
	s.cache.init(&s.cfg)
	s.common = append(s.common, "Accept-Ranges: bytes\r\nX-Content-Type-Options: nosniff\r\n"...)
	s.common304 = appendFieldIf(nil, "Cache-Control", s.cfg.CacheControl)
	s.common = append(s.common, s.common304...)
	return s
}

// Close closes the files that are open, those being sent when they are. Requests that come later are answered with 503. Any
// goroutine.
func (s *FileServer) Close() error {
	s.cache.close()
	return nil
}

// Handle is part of Handler.
func (s *FileServer) Handle(x *Exchange) {
	if m := x.Method(); string(m) != http.MethodGet && string(m) != http.MethodHead {
		x.SetHeader("Allow", "GET, HEAD")
		s.fail(x, http.StatusMethodNotAllowed)
		return
	}
	var buf [256]byte
	key, status := s.key(buf[:0], x.Path())
	switch status {
	case 0:
	case http.StatusMovedPermanently:
		s.redirect(x)
		return
	default:
		s.fail(x, status)
		return
	}
	e, stale := s.cache.get(key, x.Now())
	if e == nil {
		s.look(x, string(key))
		return
	}
	c := x.s.c
	s.answer(x, e) // after it, x may be another request
	if stale {
		s.refresh(c, e)
	}
	e.release()
}

// fail answers with a short text.
func (s *FileServer) fail(x *Exchange, status int) {
	if status == http.StatusNotFound && s.cfg.NotFound != nil {
		s.cfg.NotFound.Handle(x)
		return
	}
	x.SetHeader("X-Content-Type-Options", "nosniff")
	x.Respond(status, "text/plain; charset=utf-8", []byte(wire.StatusText(status)+"\n"))
}

// redirect sends a request for a directory to its name with a slash, as net/http and nginx do. The reference is relative and
// begins with a dot, so that no name is taken for a host or a scheme (RFC 3986 section 4.2).
func (s *FileServer) redirect(x *Exchange) {
	path := x.Path()
	to := "./" + string(path[bytes.LastIndexByte(path, '/')+1:]) + "/"
	if q := x.req.RawQuery(); len(q) > 0 {
		to += "?" + string(q)
	}
	if x.SetHeader("Location", to) != nil {
		s.fail(x, http.StatusBadRequest)
		return
	}
	s.fail(x, http.StatusMovedPermanently)
}

// answer answers with what a name stands for. The caller holds e.
func (s *FileServer) answer(x *Exchange, e *fileEntry) {
	switch e.kind {
	case entryFile:
		s.send(x, e)
	case entryRedirect:
		s.redirect(x)
	case entryList:
		s.list(x, e.key)
	default:
		s.fail(x, e.status)
	}
}

// look has a worker find out what a name stands for, once for all requests that want to know at the time.
func (s *FileServer) look(x *Exchange, key string) {
	x.detach()
	t := x.ticket()
	f, first := s.cache.join(key, t)
	if f == nil {
		s.fail(x, http.StatusServiceUnavailable)
		return
	}
	if !first {
		return
	}
	if err := t.c.Offload(func() { s.fly(key, f) }); err != nil {
		s.land(key, f, &fileEntry{key: key, status: http.StatusServiceUnavailable, uncached: true})
	}
}

// refresh has a worker look at a file again before its time is over, so that those who ask for it all the time never wait.
func (s *FileServer) refresh(c *reactor.Conn, e *fileEntry) {
	f, first := s.cache.join(e.key, ticket{})
	if first && c.Offload(func() { s.fly(e.key, f) }) != nil {
		s.land(e.key, f, &fileEntry{key: e.key, status: http.StatusServiceUnavailable, uncached: true})
	}
}

// fly is what the worker does.
func (s *FileServer) fly(key string, f *flight) {
	e := &fileEntry{key: key, status: http.StatusInternalServerError, uncached: true}
	defer func() { s.land(key, f, e) }() // also after a panic
	e = s.find(key, f.old)
}

// land keeps what was found, and answers those who wait for it.
func (s *FileServer) land(key string, f *flight, e *fileEntry) {
	for _, t := range s.cache.settle(key, f, e) {
		t.post(func(x *Exchange) {
			if !e.acquire() { // thrown out already: the cache is too small for what is asked for
				s.look(x, key)
				return
			}
			s.answer(x, e)
			e.release()
		})
	}
}

func appendFieldIf(dst []byte, name, value string) []byte {
	if value == "" {
		return dst
	}
	if f, err := wire.AppendField(dst, name, value); err == nil {
		return f
	}
	return dst
}
