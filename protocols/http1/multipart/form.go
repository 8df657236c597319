package multipart

import (
	"errors"
	"io/fs"
	"os"
	"sync"
)

// Form is a form that has come whole. It belongs to the loop, like its exchange; its files may be used by any goroutine.
type Form struct {
	// Fields are the values that are no files, in their order.
	Fields []Field
	// Files are the files, in their order, but for those of inputs without a choice: these have no name and no bytes.
	Files []*File
}

// Field is a name and its value.
type Field struct {
	// Name is the field's, as Part.Name.
	Name string
	// Value is its data, which may be any bytes.
	Value string
}

// Value is the first value of that name, or empty.
func (f *Form) Value(name string) string {
	for i := range f.Fields {
		if f.Fields[i].Name == name {
			return f.Fields[i].Value
		}
	}
	return ""
}

// File is the first file of that name, or nil.
func (f *Form) File(name string) *File {
	for _, file := range f.Files {
		if file.Field == name {
			return file
		}
	}
	return nil
}

// ErrGone: the exchange of a file has ended, and the file is deleted, or it was kept already.
var ErrGone = errors.New("multipart: file is gone")

// File is an upload in a temporary file, which is deleted when the exchange ends, unless it is kept. Its methods ask the disk: for
// workers (Exchange.Offload).
type File struct {
	// Field is the name of the form's field.
	Field string
	// Name is the client's name for the file, as Part.FileName: never a path.
	Name string
	// ContentType is what the client says of it.
	ContentType string
	// Size is the number of bytes.
	Size int64

	dir  *os.Root
	mu   sync.Mutex
	temp string // empty once it is gone
	w    *os.File
}

// Open opens the file for reading.
func (f *File) Open() (*os.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.temp == "" {
		return nil, ErrGone
	}
	return f.dir.Open(f.temp)
}

// Keep gives the file a name in Config.Dir that is not taken yet, and keeps it beyond the exchange. A name that is taken is
// fs.ErrExist; one that is not below the directory an error.
func (f *File) Keep(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.temp == "" {
		return ErrGone
	}
	err := f.dir.Link(f.temp, name)
	switch {
	case err == nil:
		f.dir.Remove(f.temp)
	case errors.Is(err, fs.ErrExist):
		return err
	default: // a file system without links
		if _, serr := f.dir.Lstat(name); serr == nil {
			return &fs.PathError{Op: "keep", Path: name, Err: fs.ErrExist}
		}
		if f.dir.Rename(f.temp, name) != nil {
			return err
		}
	}
	f.temp = ""
	return nil
}

// create makes the temporary file.
func (f *File) create(temp string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	w, err := f.dir.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		f.temp, f.w = temp, w
	}
	return err
}

func (f *File) write(p []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.w == nil {
		return ErrGone
	}
	_, err := f.w.Write(p)
	return err
}

// finish closes the temporary file: a full disk may show only now.
func (f *File) finish() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.w == nil {
		return ErrGone
	}
	w := f.w
	f.w = nil
	return w.Close()
}

// discard deletes the file, unless it was kept.
func (f *File) discard() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.w != nil {
		f.w.Close()
		f.w = nil
	}
	if f.temp != "" {
		f.dir.Remove(f.temp)
		f.temp = ""
	}
}
