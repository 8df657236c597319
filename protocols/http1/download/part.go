package download

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// part is the partial file with what is noted beside it.
type part struct {
	target, path, notes string
	file                *os.File
}

// openPart opens the partial file of a target, for this process alone where the system can tell.
func openPart(target string) (*part, error) {
	if fi, err := os.Stat(target); err == nil && !fi.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "download", Path: target, Err: errors.New("is no regular file")}
	}
	p := &part{target: target, path: target + ".part", notes: target + ".part.json"}
	for range 100 { // as often as others may finish in between
		f, err := os.OpenFile(p.path, os.O_RDWR|os.O_CREATE|noFollow, 0o666)
		if err != nil {
			return nil, err
		}
		if err := lock(f); err != nil {
			f.Close()
			return nil, err
		}
		// Another download may have given this very file its name between open and lock.
		here, err1 := f.Stat()
		there, err2 := os.Lstat(p.path)
		if err1 == nil && err2 == nil && os.SameFile(here, there) {
			if !here.Mode().IsRegular() {
				f.Close()
				return nil, &fs.PathError{Op: "download", Path: p.path, Err: errors.New("is no regular file")}
			}
			p.file = f
			return p, nil
		}
		f.Close()
	}
	return nil, ErrBusy
}

// load reads what was noted of an earlier download.
func (p *part) load(url string) (*state, bool) {
	f, err := os.OpenFile(p.notes, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxStateBytes+1))
	if err != nil {
		return nil, false
	}
	fi, err := p.file.Stat()
	if err != nil {
		return nil, false
	}
	return decodeState(text, url, fi.Size())
}

// save has all that is written be on the disk, and then notes what that was when save was called.
func (p *part) save(text []byte) error {
	if err := p.file.Sync(); err != nil {
		return err
	}
	f, err := os.OpenFile(p.notes+newNotes, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|noFollow, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), p.notes)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// newNotes is behind the name of notes that are being written. It is always the same, so that a crash leaves one at the most.
const newNotes = ".new"

// forget removes the notes.
func (p *part) forget() error {
	os.Remove(p.notes + newNotes)
	if err := os.Remove(p.notes); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// finish checks the file, and gives it its name.
func (p *part) finish(ctx context.Context, size int64, sums []Sum) error {
	if err := p.file.Truncate(size); err != nil { // an earlier version may have been longer
		return err
	}
	if err := p.check(ctx, size, sums); err != nil {
		return err
	}
	if err := p.file.Sync(); err != nil {
		return err
	}
	if !renamesOpen {
		if err := p.file.Close(); err != nil {
			return err
		}
	}
	if err := os.Rename(p.path, p.target); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(p.target)); err != nil {
		return err
	}
	return p.forget()
}

// check reads the file from the disk, as it is there, through each sum.
func (p *part) check(ctx context.Context, size int64, sums []Sum) error {
	if len(sums) == 0 {
		return nil
	}
	hashes := make([]hash.Hash, len(sums))
	to := make([]io.Writer, len(sums))
	for i, s := range sums {
		hashes[i] = algorithms[s.Algorithm]()
		to[i] = hashes[i]
	}
	from := &untilDone{ctx, io.NewSectionReader(p.file, 0, size)}
	if n, err := io.CopyBuffer(io.MultiWriter(to...), from, make([]byte, pieceSize)); err != nil {
		return err
	} else if n != size {
		return fmt.Errorf("download: %d of %d bytes are on the disk: %w", n, size, io.ErrUnexpectedEOF)
	}
	for i, s := range sums {
		if got := hashes[i].Sum(nil); string(got) != string(s.Sum) {
			return &ChecksumError{Want: s, Got: got}
		}
	}
	return nil
}

// untilDone reads until its context ends.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u *untilDone) Read(p []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.r.Read(p)
}

// remove takes the partial file away, and what is noted of it.
func (p *part) remove() {
	p.forget()
	os.Remove(p.path)
}

func (p *part) close() { p.file.Close() }
