package tftp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path"
	"sync"
)

// tempPrefix begins the names of files that are not complete yet. Nobody can ask for them.
const tempPrefix = ".tftp-"

// Files reads and writes the files of one directory and those below. It is a Source, and Sink gives its Sink. Whatever a client sends, and
// whatever symbolic links there are, no file outside of the directory is touched: CleanName and os.Root see to that.
//
// Reading: what is not a regular file does not exist. Files come from a cache of parts of 64 KiB, shared by all
// transfers, which goes by size, time of modification and inode.
//
// Writing is off until Create or Overwrite is set. A file is written under a temporary name in its directory and renamed
// when all of it has arrived; whatever ends the transfer before leaves nothing under the final name. Directories are
// not made.
type Files struct {
	// CacheBytes bounds the cache; 0: 64 MiB; negative: nothing is kept beyond what transfers are sending.
	CacheBytes int64
	// PerClient are directories of their own for clients, looked for in this order before the common one: by the client's
	// hardware address, as in "01-02-03-0a-0b-0c/pxelinux.0", or by its IP address, as in "192.0.2.7/pxelinux.0" ("-" for ":"). A file
	// that is not there is looked for in the common directory. Writes go to the first directory that exists.
	PerClient []ClientDir
	// MAC finds hardware addresses for ByMAC; nil: the neighbour table of Linux, for IPv4.
	MAC func(netip.Addr) (mac string, ok bool)
	// Create lets clients make files that do not exist, Overwrite replace those that do.
	Create, Overwrite bool
	// MaxFile bounds one file that is written; 0 or negative: Server.Transfer.MaxSize alone does.
	MaxFile int64
	// Quota bounds all regular files below the directory, counted once when the first is written, and what clients add
	// from then on; 0 or negative: no quota. Beyond it they get ERROR 3.
	Quota int64
	// Mode are the permission bits of files that are written, less the umask; 0: 0644.
	Mode fs.FileMode
	// Sync has a file reach the disk before the client is told that it arrived.
	Sync bool

	root  *os.Root
	cache *cache
	quota quota
}

// ClientDir is what a client's own directory is called after.
type ClientDir uint8

// The kinds of directories of clients.
const (
	ByMAC ClientDir = iota // "aa-bb-cc-dd-ee-ff"
	ByIP                   // "192.0.2.7", "2001-db8--1"
)

const defaultCache = 64 << 20

// NewFiles opens a directory. Close it when no server uses it any more.
func NewFiles(dir string) (*Files, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	f := &Files{root: root}
	f.cache = newCache(f)
	return f, nil
}

// Close closes the directory. Transfers in progress go on.
func (f *Files) Close() error { return f.root.Close() }

// Open is a Source's.
func (f *Files) Open(_ context.Context, req *Request, ready func(Content, error)) { ready(f.open(req)) }

func (f *Files) open(req *Request) (Content, error) {
	name, err := CleanName(req.Name)
	if err != nil {
		return nil, err
	}
	for _, dir := range f.dirs(req.Client.Addr()) {
		c, err := f.cache.open(path.Join(dir, name))
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return c, err
		}
	}
	return f.cache.open(name)
}

// dirs are the directories of a client, whether they exist or not.
func (f *Files) dirs(ip netip.Addr) (dirs []string) {
	for _, kind := range f.PerClient {
		switch kind {
		case ByIP:
			dirs = append(dirs, dashed(ip.WithZone("").String()))
		case ByMAC:
			find := f.MAC
			if find == nil {
				find = neighbour
			}
			if mac, ok := find(ip); ok {
				dirs = append(dirs, dashed(mac))
			}
		}
	}
	return dirs
}

func dashed(s string) string {
	b := []byte(s)
	for i, c := range b {
		switch {
		case c == ':':
			b[i] = '-'
		case c >= 'A' && c <= 'Z':
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// openRegular opens a regular file to read. It does not wait for the other end of a pipe.
func (f *Files) openRegular(name string) (*os.File, fs.FileInfo, error) {
	file, err := f.root.OpenFile(name, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// create begins a file.
func (f *Files) create(req *Request) (Writer, error) {
	name, err := CleanName(req.Name)
	if err != nil {
		return nil, err
	}
	if !f.Create && !f.Overwrite {
		return nil, fs.ErrPermission
	}
	for _, dir := range f.dirs(req.Client.Addr()) {
		if info, err := f.root.Stat(dir); err == nil && info.IsDir() {
			name = path.Join(dir, name)
			break
		}
	}
	if err := f.mayWrite(name); err != nil {
		return nil, err
	}
	if f.MaxFile > 0 && req.Size > f.MaxFile {
		return nil, ErrQuota
	}
	if err := f.quota.count(f); err != nil {
		return nil, err
	}
	if f.Quota > 0 && req.Size > 0 && !f.quota.room(f.Quota, req.Size) {
		return nil, ErrQuota
	}
	var random [8]byte
	rand.Read(random[:])
	temp := path.Join(path.Dir(name), fmt.Sprintf("%s%x.part", tempPrefix, random))
	mode := f.Mode
	if mode == 0 {
		mode = 0o644
	}
	file, err := f.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode.Perm())
	if err != nil {
		return nil, err
	}
	return &fileWriter{files: f, file: file, temp: temp, name: name}, nil
}

// mayWrite says whether a file of that name may come to be.
func (f *Files) mayWrite(name string) error {
	info, err := f.root.Lstat(name)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return fs.ErrPermission
	case err == nil && !f.Overwrite:
		return fs.ErrExist
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	case !f.Create:
		return fs.ErrNotExist
	}
	return nil
}

// Sink gives the files to write.
func (f *Files) Sink() Sink { return fileSink{f} }

type fileSink struct{ f *Files }

func (s fileSink) Create(_ context.Context, req *Request, ready func(Writer, error)) {
	ready(s.f.create(req))
}

// fileWriter is one file that is written.
type fileWriter struct {
	files *Files
	file  *os.File
	temp  string
	name  string
	size  int64
}

func (w *fileWriter) Write(p []byte) (int, error) {
	f := w.files
	if f.MaxFile > 0 && w.size+int64(len(p)) > f.MaxFile || !f.quota.take(f.Quota, int64(len(p))) {
		return 0, ErrQuota
	}
	w.size += int64(len(p))
	return w.file.Write(p)
}

func (w *fileWriter) Commit() error {
	f := w.files
	err := error(nil)
	if f.Sync {
		err = w.file.Sync()
	}
	if cerr := w.file.Close(); err == nil {
		err = cerr
	}
	var old int64
	if err == nil {
		old, err = w.rename()
	}
	if err != nil {
		f.quota.give(w.size)
		f.root.Remove(w.temp)
		return err
	}
	f.quota.give(old)
	return nil
}

// rename puts the file in its place. Without Overwrite it is linked, which fails if another client was faster.
func (w *fileWriter) rename() (old int64, err error) {
	f := w.files
	if !f.Overwrite {
		if err := f.root.Link(w.temp, w.name); err != nil {
			return 0, err
		}
		return 0, f.root.Remove(w.temp)
	}
	if err := f.mayWrite(w.name); err != nil {
		return 0, err
	}
	if info, err := f.root.Lstat(w.name); err == nil {
		old = info.Size()
	}
	return old, f.root.Rename(w.temp, w.name)
}

func (w *fileWriter) Abort() {
	w.file.Close()
	w.files.quota.give(w.size)
	w.files.root.Remove(w.temp)
}

// quota counts the bytes below a directory.
type quota struct {
	once sync.Once
	err  error
	mu   sync.Mutex
	used int64
}

// count adds up what is there, the first time, if there is a quota.
func (q *quota) count(f *Files) error {
	if f.Quota <= 0 {
		return nil
	}
	q.once.Do(func() {
		q.err = fs.WalkDir(f.root.FS(), ".", func(_ string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			info, err := d.Info()
			if err == nil {
				q.take(0, info.Size())
			}
			return nil
		})
	})
	return q.err
}

func (q *quota) room(limit, n int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.used+n <= limit
}

// take counts n bytes more; false if they are too many.
func (q *quota) take(limit, n int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if limit > 0 && q.used+n > limit {
		return false
	}
	q.used += n
	return true
}

func (q *quota) give(n int64) {
	q.mu.Lock()
	q.used -= n
	q.mu.Unlock()
}
