package tftp

import (
	"container/list"
	"io"
	"io/fs"
	"os"
	"sync"
)

// partSize is what is read at a time.
const partSize = 64 << 10

// cache holds parts of files, the ones that were used last. All transfers share it.
type cache struct {
	files  *Files
	mu     sync.Mutex
	byName map[string]*cached // by name
	parts  *list.List         // of *part, the last used first
	used   int64
}

// cached is a file with the parts of it that are in memory. The cache's lock guards it.
type cached struct {
	name    string
	info    fs.FileInfo
	file    *os.File // open while anybody reads it
	readers int
	parts   map[int64]*list.Element
	loading map[int64]chan struct{}
	stale   bool // another file has this name now
}

type part struct {
	of *cached
	at int64
	b  []byte
}

func newCache(f *Files) *cache {
	return &cache{files: f, byName: map[string]*cached{}, parts: list.New()}
}

func (c *cache) limit() int64 {
	switch n := c.files.CacheBytes; {
	case n == 0:
		return defaultCache
	case n < 0:
		return 0
	default:
		return n
	}
}

// open gives a file, which may be in memory already: if its size, its time and its inode are the same.
func (c *cache) open(name string) (Content, error) {
	file, info, err := c.files.openRegular(name)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.byName[name]
	if f != nil && !same(f.info, info) {
		c.forget(f)
		f = nil
	}
	if f == nil {
		f = &cached{name: name, info: info, parts: map[int64]*list.Element{}, loading: map[int64]chan struct{}{}}
		c.byName[name] = f
	}
	if f.file == nil {
		f.file = file
	} else {
		file.Close()
	}
	f.readers++
	return &fileContent{cache: c, f: f, size: info.Size()}, nil
}

func same(a, b fs.FileInfo) bool {
	return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}

// forget drops a file's parts; those who read it keep the file.
func (c *cache) forget(f *cached) {
	f.stale = true
	if c.byName[f.name] == f {
		delete(c.byName, f.name)
	}
	for at, e := range f.parts {
		c.used -= int64(len(e.Value.(*part).b))
		c.parts.Remove(e)
		delete(f.parts, at)
	}
}

// put keeps a part, and lets go of those that were not used for the longest time.
func (c *cache) put(f *cached, at int64, b []byte) {
	if f.parts[at] != nil {
		return
	}
	f.parts[at] = c.parts.PushFront(&part{f, at, b})
	c.used += int64(len(b))
	for c.used > c.limit() && c.parts.Len() > 1 {
		e := c.parts.Back()
		p := c.parts.Remove(e).(*part)
		c.used -= int64(len(p.b))
		delete(p.of.parts, p.at)
		c.drop(p.of)
	}
}

// drop forgets a file of which nothing is in memory and that nobody reads.
func (c *cache) drop(f *cached) {
	if len(f.parts) == 0 && f.readers == 0 && c.byName[f.name] == f {
		delete(c.byName, f.name)
	}
}

// fileContent is one transfer's view of a file.
type fileContent struct {
	cache *cache
	f     *cached
	size  int64
	last  []byte // the part that Load brought, if the cache does not keep it
	at    int64
}

func (x *fileContent) Size() int64 { return x.size }

func (x *fileContent) Peek(off int64) ([]byte, error) {
	if off >= x.size {
		return nil, io.EOF
	}
	at := off / partSize * partSize
	x.cache.mu.Lock()
	defer x.cache.mu.Unlock()
	if e := x.f.parts[at]; e != nil {
		x.cache.parts.MoveToFront(e)
		return e.Value.(*part).b[off-at:], nil
	}
	if x.last != nil && x.at == at {
		return x.last[off-at:], nil
	}
	return nil, ErrWait
}

// ahead says whether the next part is to be loaded.
func (x *fileContent) ahead(off int64) (int64, bool) {
	next := (off/partSize + 1) * partSize
	if next >= x.size || x.cache.limit() < 4*partSize {
		return 0, false
	}
	x.cache.mu.Lock()
	defer x.cache.mu.Unlock()
	return next, x.f.parts[next] == nil && x.f.loading[next] == nil
}

// Load reads a part, unless another transfer does so already.
func (x *fileContent) Load(off int64) error {
	at := off / partSize * partSize
	c, f := x.cache, x.f
	c.mu.Lock()
	for f.parts[at] == nil {
		wait := f.loading[at]
		if wait == nil {
			break
		}
		c.mu.Unlock()
		<-wait
		c.mu.Lock()
	}
	if e := f.parts[at]; e != nil {
		x.last, x.at = e.Value.(*part).b, at
		c.mu.Unlock()
		return nil
	}
	done := make(chan struct{})
	f.loading[at] = done
	file := f.file
	c.mu.Unlock()
	b := make([]byte, min(partSize, x.size-at))
	n, err := file.ReadAt(b, at)
	if n < len(b) && (err == nil || err == io.EOF) {
		err = io.ErrUnexpectedEOF // it was cut off meanwhile
	} else if n == len(b) {
		err = nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(f.loading, at)
	close(done)
	if err != nil {
		return err
	}
	x.last, x.at = b, at
	if !f.stale {
		c.put(f, at, b)
	}
	return nil
}

func (x *fileContent) Close() {
	c, f := x.cache, x.f
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.readers--; f.readers == 0 {
		f.file.Close()
		f.file = nil
		c.drop(f)
	}
}
