package multipart

import (
	"crypto/rand"
	"net/http"
	"os"
	"sync"

	"github.com/calandria-go/calandria/protocols/http1"
)

// Config has the limits of Read; 0 is the default, negative unlimited. The whole body is bounded by http1.Server.MaxBodyBytes,
// 8 MiB unless that is set, before any of these.
type Config struct {
	Limits
	// Dir is where files are put; nil: a form with files is refused.
	Dir *os.Root
	// MaxFieldBytes bounds a value that is no file; 0: 64 KiB.
	MaxFieldBytes int
	// MaxMemory bounds the names and values together; 0: 1 MiB.
	MaxMemory int
	// MaxFiles bounds the files; 0: 16.
	MaxFiles int
	// MaxFileBytes bounds one file; 0: 128 MiB.
	MaxFileBytes int64
	// MaxTotalBytes bounds all files together; 0: 256 MiB.
	MaxTotalBytes int64
	// Accept is asked for each part before its data is taken; an error refuses the form: an *Error with its status, another with
	// 500. nil: all are taken. Loop only.
	Accept func(p Part) error
}

const (
	defaultFieldBytes = 64 << 10
	defaultMemory     = 1 << 20
	defaultFiles      = 16
	defaultFileBytes  = 128 << 20
	defaultTotalBytes = 256 << 20
)

func (c Config) withDefaults() Config {
	c.MaxFieldBytes = or(c.MaxFieldBytes, defaultFieldBytes)
	c.MaxMemory = or(c.MaxMemory, defaultMemory)
	c.MaxFiles = or(c.MaxFiles, defaultFiles)
	c.MaxFileBytes = or(c.MaxFileBytes, defaultFileBytes)
	c.MaxTotalBytes = or(c.MaxTotalBytes, defaultTotalBytes)
	return c
}

// Read reads the request's body as a form, and then calls f with it, on the loop. What is wrong with the form is answered here,
// and f is not called: 415 for another type, 400 for what is malformed, 413 for what is too large, 507 if the disk is full.
//
// What comes for files is written by a worker, one piece of at most 64 KiB at a time, while the client is held back. Files
// that are not kept are deleted when the exchange ends. Loop only.
func Read(x *http1.Exchange, cfg Config, f func(x *http1.Exchange, form *Form)) {
	ctype, _ := x.Request().Get("Content-Type")
	boundary, err := Boundary(string(ctype))
	u := &upload{x: x, cfg: cfg.withDefaults(), f: f, form: &Form{}}
	if err == nil {
		u.parser, err = NewParser(boundary, cfg.Limits)
	}
	if err != nil {
		u.fail(err)
		return
	}
	x.OnDone(func(x *http1.Exchange, _ *http1.Result) { u.end(x) })
	x.StreamBody(u.piece)
}

// upload is a form that comes.
type upload struct {
	x      *http1.Exchange
	cfg    Config
	f      func(*http1.Exchange, *Form)
	parser *Parser
	form   *Form

	value  []byte // of the part that comes, if it is no file
	file   *File  // else
	memory int
	total  int64
	files  int
	all    []*File // to be deleted in the end
	over   bool

	steps []step // of the piece that comes, for the worker
	buf   []byte // what they write
	disk  sync.Mutex
	dead  bool // guarded by disk
}

// step is one thing that a worker does to a file.
type step struct {
	file     *File
	create   bool
	from, to int // of buf, to be written
	finish   bool
}

// piece takes a piece of the body.
func (u *upload) piece(x *http1.Exchange, b []byte, last bool) {
	if u.over {
		return
	}
	u.steps, u.buf = u.steps[:0], u.buf[:0]
	for {
		n, ev, data, err := u.parser.Next(b)
		b = b[n:]
		if err == nil {
			err = u.event(ev, data)
		}
		if err != nil {
			u.fail(err)
			return
		}
		if ev == More {
			break
		}
	}
	if len(u.steps) == 0 {
		u.written(x, nil, last)
		return
	}
	x.PauseBody()
	c := x.Conn()
	err := x.Offload(func() {
		err := u.work()
		c.Post(func() {
			if !u.over {
				u.written(x, err, last)
			}
		})
	})
	if err != nil { // too many workers
		u.fail(&Error{http.StatusServiceUnavailable, "too busy"})
	}
}

// event does what the parser has met.
func (u *upload) event(ev Event, data []byte) error {
	switch ev {
	case PartBegin:
		return u.begin(u.parser.Part())
	case Data:
		return u.data(data)
	case PartEnd:
		if u.file != nil {
			u.steps = append(u.steps, step{file: u.file, finish: true})
			u.file = nil
		} else if n := len(u.form.Fields); u.value != nil {
			u.form.Fields[n-1].Value = string(u.value)
			u.value = nil
		}
	}
	return nil
}

func (u *upload) begin(p Part) error {
	if u.cfg.Accept != nil {
		if err := u.cfg.Accept(p); err != nil {
			return err
		}
	}
	if u.memory += len(p.Name) + len(p.FileName) + len(p.ContentType); u.memory > u.cfg.MaxMemory {
		return ErrFieldTooLarge
	}
	if !p.IsFile {
		u.form.Fields = append(u.form.Fields, Field{Name: p.Name})
		u.value = []byte{}
		return nil
	}
	if u.cfg.Dir == nil {
		return ErrNoFiles
	}
	if u.files++; u.files > u.cfg.MaxFiles {
		return ErrTooManyFiles
	}
	u.file = &File{Field: p.Name, Name: p.FileName, ContentType: p.ContentType, dir: u.cfg.Dir}
	u.form.Files = append(u.form.Files, u.file)
	u.all = append(u.all, u.file)
	u.steps = append(u.steps, step{file: u.file, create: true})
	return nil
}

func (u *upload) data(data []byte) error {
	if u.file == nil {
		if len(data) > u.cfg.MaxFieldBytes-len(u.value) || len(data) > u.cfg.MaxMemory-u.memory {
			return ErrFieldTooLarge
		}
		u.memory += len(data)
		u.value = append(u.value, data...)
		return nil
	}
	n := int64(len(data))
	switch {
	case n > u.cfg.MaxFileBytes-u.file.Size:
		return ErrFileTooLarge
	case n > u.cfg.MaxTotalBytes-u.total:
		return ErrTotalTooLarge
	}
	u.file.Size += n
	u.total += n
	from := len(u.buf)
	u.buf = append(u.buf, data...)
	if last := len(u.steps) - 1; last >= 0 && u.steps[last].file == u.file && u.steps[last].to == from {
		u.steps[last].to = len(u.buf) // goes on with the last step
		return nil
	}
	u.steps = append(u.steps, step{file: u.file, from: from, to: len(u.buf)})
	return nil
}

// work does the steps of a piece. For workers; the loop does not touch steps and buf meanwhile.
func (u *upload) work() error {
	u.disk.Lock()
	defer u.disk.Unlock()
	for i := range u.steps {
		if u.dead {
			return ErrGone
		}
		s := &u.steps[i]
		var err error
		if s.create {
			err = s.file.create(".upload-" + rand.Text())
		}
		if err == nil && s.to > s.from {
			err = s.file.write(u.buf[s.from:s.to])
		}
		if err == nil && s.finish {
			err = s.file.finish()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// written goes on when a piece is on the disk.
func (u *upload) written(x *http1.Exchange, err error, last bool) {
	if err == nil && last {
		err = u.parser.End()
	}
	if err != nil {
		u.fail(err)
		return
	}
	if last {
		u.steps, u.buf = nil, nil
		u.dropEmpty()
		u.f(x, u.form)
		return
	}
	x.ResumeBody()
}

// dropEmpty takes out what inputs without a choice send; their temporary files go when the exchange ends.
func (u *upload) dropEmpty() {
	kept := make([]*File, 0, len(u.form.Files))
	for _, f := range u.form.Files {
		if f.Name != "" || f.Size > 0 {
			kept = append(kept, f)
		}
	}
	u.form.Files = kept
}

// fail answers for a form that is not taken.
func (u *upload) fail(err error) {
	status, text := statusOf(err)
	u.over = true
	u.x.SetHeader("X-Content-Type-Options", "nosniff")
	u.x.Respond(status, "text/plain; charset=utf-8", []byte(text+"\n"))
}

// end has a worker delete what was not kept.
func (u *upload) end(x *http1.Exchange) {
	u.over = true
	if u.files == 0 {
		return
	}
	clean := func() {
		u.disk.Lock()
		defer u.disk.Unlock()
		u.dead = true
		for _, f := range u.all {
			f.discard()
		}
	}
	if x.Conn().Offload(clean) != nil {
		go clean() // too many workers, of which this is none for long
	}
}
