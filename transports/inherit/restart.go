package inherit

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Successor is how Restart starts the next process. The zero value starts the same program with the same arguments.
type Successor struct {
	// Path is the program; empty: the file that this process was started from, by its name: what has been put there since.
	Path string
	// Args are the arguments, the program's name included; nil: os.Args.
	Args []string
	// Env is its environment; nil: os.Environ. Restart adds a variable of its own.
	Env []string
	// Dir is its working directory; empty: this one's.
	Dir string
	// ReadyTimeout is how long it may take until it calls Ready; then it is killed; 0 or negative: 30 s.
	ReadyTimeout time.Duration
}

const defaultReadyTimeout = 30 * time.Second

// Errors of Restart.
var (
	// ErrRestarting: another Restart is under way.
	ErrRestarting = errors.New("inherit: a restart is under way")
	// ErrNotReady: the successor ended, closed its end, or took longer than ReadyTimeout, before it called Ready. It is gone,
	// and this process has all that it had.
	ErrNotReady = errors.New("inherit: the successor did not get ready")
	// ErrNoDescriptor: a listener has no descriptor to pass on: those of the portable engine have none, nor those that are closed.
	ErrNoDescriptor = errors.New("inherit: a listener has no descriptor to pass on")
)

// program is what this process was started from, before anybody could change the working directory.
var program = func() string {
	if p, err := exec.LookPath(os.Args[0]); err == nil {
		if p, err = filepath.Abs(p); err == nil {
			return p
		}
	}
	p, _ := os.Executable()
	return p
}()

// timeout is ReadyTimeout or its default.
func (s *Successor) timeout() time.Duration {
	if s.ReadyTimeout <= 0 {
		return defaultReadyTimeout
	}
	return s.ReadyTimeout
}
