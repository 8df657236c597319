package netaddr

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ListConfig is what a List is made of.
type ListConfig struct {
	// Files are the paths of the texts, in the form that Parse reads. The networks of all of them are in the List.
	Files []string
	// Poll is how often the files are looked at for a change of size or modification time; 0: 5 s; negative: only by Reload.
	Poll time.Duration
	// Parse has the limits of each file.
	Parse ParseConfig
	// Logger gets a line when a file was read again, and when it could not be; nil discards.
	Logger *slog.Logger
}

const defaultPoll = 5 * time.Second

// List is the networks of several files, replaced as a whole when one of them changes. A file that cannot be read, or is no
// list, or is gone, leaves what it held before in force, and is tried again. A file is best replaced by renaming: one that is
// written in place may be read half-written, until it changes again.
//
// Its methods are safe from any goroutine; Reload and NewList read files, and so block.
type List struct {
	set  atomic.Pointer[Set]
	conf ListConfig
	log  *slog.Logger
	stop context.CancelFunc
	done chan struct{}

	mu     sync.Mutex // guards the files, held while they are read
	files  []*listFile
	closed bool
}

// listFile is one file of a List.
type listFile struct {
	FileStatus
	set     *Set
	info    fs.FileInfo // of what was read last, well or badly; nil: nothing yet
	ofError string      // the last logged: the same one is not repeated
}

// FileStatus is how a file of a List stands.
type FileStatus struct {
	// Path is the file's, as ListConfig has it.
	Path string
	// Networks is how many different ones of it are in force.
	Networks int
	// Report is what was seen when it was read last.
	Report Report
	// Loaded is when what is in force was read.
	Loaded time.Time
	// Err is why it could not be read the last time, or nil.
	Err error
}

// NewList reads the files and, unless c.Poll is negative, starts a goroutine that looks after them until Close. A file that
// cannot be read now is an error: there is nothing older to keep.
func NewList(c ListConfig) (*List, error) {
	l := &List{conf: c, log: c.Logger, done: make(chan struct{})}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	l.set.Store(&Set{})
	for _, path := range slices.Compact(slices.Sorted(slices.Values(c.Files))) {
		l.files = append(l.files, &listFile{FileStatus: FileStatus{Path: path}})
	}
	if err := l.Reload(); err != nil {
		return nil, err
	}
	poll := c.Poll
	if poll == 0 {
		poll = defaultPoll
	}
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	if poll < 0 {
		close(l.done)
	} else {
		go l.watch(ctx, poll)
	}
	return l, nil
}

// Contains says whether a is in a network of any file. It takes no lock and allocates nothing.
func (l *List) Contains(a netip.Addr) bool { return l.set.Load().Contains(a) }

// Set is what is in force now. It does not change.
func (l *List) Set() *Set { return l.set.Load() }

// Find is the path of the first file, in the order of their names, that has a network with a in it. For logs, not on a
// loop: it asks one file after the other, and waits while files are read.
func (l *List) Find(a netip.Addr) (path string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.files {
		if f.set.Contains(a) {
			return f.Path, true
		}
	}
	return "", false
}

// Files says how each file stands, in the order of their names. It waits while files are read.
func (l *List) Files() []FileStatus {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]FileStatus, len(l.files))
	for i, f := range l.files {
		out[i] = f.FileStatus
	}
	return out
}

// Reload reads all files now, changed or not. The error joins those of the files that could not be read, whose networks stay.
func (l *List) Reload() error { return l.refresh(true) }

// Close ends the polling and waits for its end. What is in force stays.
func (l *List) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.stop()
	<-l.done
	return nil
}

func (l *List) watch(ctx context.Context, every time.Duration) {
	defer close(l.done)
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			l.refresh(false) // its errors are logged, and in Files
		}
	}
}

// refresh reads the files that have changed, or all, and puts the union in force if anything is new.
func (l *List) refresh(all bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errors.New("netaddr: list is closed")
	}
	var errs []error
	renewed := false
	for _, f := range l.files {
		fresh, err := f.refresh(all, l.conf.Parse)
		l.note(f, fresh, err)
		renewed = renewed || fresh
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.Path, err))
		}
	}
	if renewed {
		l.set.Store(l.union())
	}
	return errors.Join(errs...)
}

func (l *List) union() *Set {
	if len(l.files) == 1 {
		return l.files[0].set
	}
	sets := make([]*Set, len(l.files))
	for i, f := range l.files {
		sets[i] = f.set
	}
	return Union(sets...)
}

// note logs what came of looking at a file.
func (l *List) note(f *listFile, fresh bool, err error) {
	switch {
	case err != nil:
		if text := err.Error(); text != f.ofError {
			f.ofError = text
			l.log.Warn("netaddr: list not read", "file", f.Path, "err", err, "kept", f.Networks)
		}
	case fresh:
		f.ofError = ""
		l.log.Info("netaddr: list read", "file", f.Path, "networks", f.Networks, "bad_lines", f.Report.BadLines)
		if len(f.Report.Bad) > 0 {
			l.log.Warn("netaddr: bad line in list", "file", f.Path, "first", f.Report.Bad[0].Error())
		}
	}
}

// refresh reads the file if it has changed, or force says so. fresh: there is a new set. err is also an earlier one, as long
// as the file has not changed.
func (f *listFile) refresh(force bool, c ParseConfig) (fresh bool, err error) {
	info, err := os.Stat(f.Path)
	if err != nil {
		f.info, f.Err = nil, err // when it comes back, it is new
		return false, err
	}
	if !force && f.info != nil && same(f.info, info) {
		return false, f.Err
	}
	f.info = info
	if !info.Mode().IsRegular() { // a FIFO would block
		f.Err = errNotRegular
		return false, f.Err
	}
	set, report, err := f.read(c)
	if err != nil {
		f.Err = err
		return false, err
	}
	f.set, f.Report, f.Err, f.Networks, f.Loaded = set, report, nil, set.Len(), time.Now()
	return true, nil
}

var errNotRegular = errors.New("not a regular file")

// same says whether a file seems unchanged: also one that was replaced by another is a change.
func same(a, b fs.FileInfo) bool {
	return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}

func (f *listFile) read(c ParseConfig) (*Set, Report, error) {
	file, err := os.Open(f.Path)
	if err != nil {
		return nil, Report{}, err
	}
	defer file.Close()
	// What is read is noted as of before reading: a write meanwhile shows as a change the next time.
	if info, err := file.Stat(); err == nil {
		f.info = info
	}
	return Parse(file, c)
}
