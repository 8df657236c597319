package http1

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/wire"
	"github.com/calandria-go/calandria/reactor"
)

// freshFor is how old a file's time has to be for the entity tag made of it to be strong: file systems keep time in ticks of
// up to 2 s (FAT), and a second write within one would not show.
const freshFor = 2 * time.Second

// content is a file as it is sent: open, or in memory.
type content struct {
	name     string
	coding   string // Content-Encoding
	info     fs.FileInfo
	f        *os.File
	body     []byte          // all of it, not nil, if f is nil
	shared   *reactor.Shared // body, for connections to send without a copy; nil for a few bytes
	size     int64
	modified time.Time // zero if it is in the future
	etag     string
	ctype    string
	fields   []byte // rendered, of a 200 or 206
	short    []byte // of a 304
}

func (c *content) close() {
	if c.f != nil {
		c.f.Close()
	}
}

// same says whether a file is still what c was made of, and c as good as it can be.
func (c *content) same(info fs.FileInfo) bool {
	return os.SameFile(c.info, info) && c.info.Size() == info.Size() && c.info.ModTime().Equal(info.ModTime()) &&
		(c.etag[0] == '"' || time.Since(info.ModTime()) < freshFor)
}

// codings are those of precompressed siblings, the best first.
var codings = [...]struct{ name, suffix string }{{"br", ".br"}, {"zstd", ".zst"}, {"gzip", ".gz"}}

// find finds out what a name stands for: old, if that has not changed, or something new with one reference, the cache's. It
// asks the disk: for workers.
func (s *FileServer) find(key string, old *fileEntry) *fileEntry {
	name, dir := strings.CutSuffix(key, "/")
	if name == "" {
		name, dir = ".", true
	}
	info, err := s.root.Stat(name)
	switch {
	case err != nil:
		return s.missing(key, err, old)
	case dir && !info.IsDir():
		return s.missing(key, fs.ErrNotExist, old)
	case info.IsDir() && !dir:
		return s.entry(key, entryRedirect, 0, old)
	case info.IsDir():
		return s.findIndex(key, name, old)
	}
	return s.findFile(key, name, info, old)
}

// findIndex finds what answers for a directory.
func (s *FileServer) findIndex(key, dir string, old *fileEntry) *fileEntry {
	for _, index := range s.cfg.Index {
		name := path.Join(dir, index)
		info, err := s.root.Stat(name)
		if err == nil && info.Mode().IsRegular() {
			return s.findFile(key, name, info, old)
		}
		if err != nil && statusOfFile(err) != http.StatusNotFound {
			return s.missing(key, err, old)
		}
	}
	if s.cfg.List {
		return s.entry(key, entryList, 0, old)
	}
	return s.missing(key, fs.ErrNotExist, old)
}

// findFile opens a file and its siblings, or finds them unchanged.
func (s *FileServer) findFile(key, name string, info fs.FileInfo, old *fileEntry) *fileEntry {
	if !info.Mode().IsRegular() { // opening a pipe or a device may have effects
		return s.missing(key, fs.ErrNotExist, old)
	}
	siblings := s.siblings(name, info)
	if old != nil && old.kind == entryFile && old.file.name == name && old.file.same(info) && sameSiblings(old, siblings) {
		return old
	}
	c, err := s.open(name, "")
	if err != nil {
		return s.missing(key, err, old)
	}
	e := &fileEntry{key: key, kind: entryFile, file: c, bytes: int64(len(c.body))}
	e.refs.Store(1)
	for i, info := range siblings {
		if info == nil {
			continue
		}
		if v, err := s.open(name+codings[i].suffix, codings[i].name); err == nil {
			v.ctype = c.ctype
			e.coded = append(e.coded, v)
			e.bytes += int64(len(v.body))
		}
	}
	s.render(c, len(e.coded) > 0)
	for _, v := range e.coded {
		s.render(v, true)
	}
	return e
}

// siblings are the precompressed forms of a file that may answer for it.
func (s *FileServer) siblings(name string, of fs.FileInfo) (infos [len(codings)]fs.FileInfo) {
	if !s.cfg.Precompressed {
		return infos
	}
	for i := range codings {
		info, err := s.root.Stat(name + codings[i].suffix)
		if err == nil && info.Mode().IsRegular() && !info.ModTime().Before(of.ModTime()) {
			infos[i] = info
		}
	}
	return infos
}

func sameSiblings(e *fileEntry, infos [len(codings)]fs.FileInfo) bool {
	n := 0
	for i, info := range infos {
		if info == nil {
			continue
		}
		if n >= len(e.coded) || e.coded[n].coding != codings[i].name || !e.coded[n].same(info) {
			return false
		}
		n++
	}
	return n == len(e.coded)
}

// open opens a file, and reads a small one. It does not wait for a pipe's other end, whatever has become of the name since Stat.
func (s *FileServer) open(name, coding string) (*content, error) {
	f, err := s.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	opened := time.Now()
	c := &content{name: name, coding: coding, info: info, f: f, size: info.Size(), modified: info.ModTime()}
	if c.modified.After(opened) {
		c.modified = time.Time{} // RFC 9110 section 8.8.2.1: never later than Date
	}
	c.etag = entityTag(info, coding, opened)
	c.ctype = s.typeOf(name, f)
	s.load(c)
	return c, nil
}

// load brings a small file into memory, unless it changes meanwhile.
func (s *FileServer) load(c *content) {
	if c.size > s.cfg.MemoryFile || c.size > s.cfg.MemoryTotal {
		return
	}
	body := make([]byte, c.size)
	if _, err := io.ReadFull(io.NewSectionReader(c.f, 0, c.size), body); err != nil {
		return
	}
	info, err := c.f.Stat()
	if err != nil || info.Size() != c.size || !info.ModTime().Equal(c.info.ModTime()) {
		return
	}
	c.f.Close()
	c.f, c.body = nil, body
	if len(body) >= shareAbove {
		c.shared = reactor.NewShared(body, nil)
	}
}

// entityTag is that of a file as it was when it was opened.
func entityTag(info fs.FileInfo, coding string, opened time.Time) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(info.Size()))
	b = binary.BigEndian.AppendUint64(b, uint64(info.ModTime().UnixNano()))
	b = binary.BigEndian.AppendUint64(b, inode(info))
	sum := sha256.Sum256(append(b, coding...)) // so that the inode cannot be read from it
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	if opened.Sub(info.ModTime()) < freshFor {
		return wire.WeakTag(tag)
	}
	return tag
}

// render makes the fields of a file's answers.
func (s *FileServer) render(c *content, varies bool) {
	short := appendFieldIf(nil, "ETag", c.etag)
	if varies {
		short = appendFieldIf(short, "Vary", "Accept-Encoding")
	}
	c.short = append(short, s.common304...)
	long := appendFieldIf(nil, "ETag", c.etag)
	if !c.modified.IsZero() {
		long = append(long, "Last-Modified: "...)
		long = append(wire.AppendDate(long, c.modified), crlf...)
	}
	if varies {
		long = appendFieldIf(long, "Vary", "Accept-Encoding")
	}
	long = appendFieldIf(long, "Content-Encoding", c.coding)
	c.fields = append(long, s.common...)
}

// entry is what stands for a name that is no file: old if that is the same.
func (s *FileServer) entry(key string, kind entryKind, status int, old *fileEntry) *fileEntry {
	if old != nil && old.kind == kind && old.status == status {
		return old
	}
	e := &fileEntry{key: key, kind: kind, status: status}
	e.refs.Store(1)
	return e
}

// missing stands for a name that cannot be had. What may be better the next time is not kept.
func (s *FileServer) missing(key string, err error, old *fileEntry) *fileEntry {
	status := statusOfFile(err)
	if status >= 500 {
		return &fileEntry{key: key, status: status, uncached: true}
	}
	return s.entry(key, entryMissing, status, old)
}

// statusOfFile is the answer to an error of the file system. What leaves the root is not there.
func statusOfFile(err error) int {
	var errno syscall.Errno
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrInvalid):
		return http.StatusNotFound
	case errors.Is(err, fs.ErrPermission):
		return http.StatusForbidden
	case errors.As(err, &errno):
		switch errno {
		case syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.ELOOP, syscall.ENXIO, syscall.EISDIR:
			return http.StatusNotFound
		case syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM:
			return http.StatusServiceUnavailable
		}
		return http.StatusInternalServerError
	}
	return http.StatusNotFound
}
