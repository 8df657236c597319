//go:build unix

package inherit

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/internal/sock"
)

// Restart starts a successor with every socket that Listen has given and that is still open, and returns its process id when
// it has called Ready. Then this process should shut its reactors down and exit: its listeners leave the files of unix
// sockets to the successor, and systemd is told who is the main process now. When the successor fails, or ctx ends, it is killed, and
// this process is as it was. It waits, so on a loop it is reactor.ErrOnLoop. Any goroutine.
//
// The successor shares standard input, output and error, and no other descriptor.
func Restart(ctx context.Context, s Successor) (pid int, err error) { return process.restart(ctx, s) }

func (p *state) restart(ctx context.Context, s Successor) (pid int, err error) {
	if reactor.OnLoop() {
		return 0, reactor.ErrOnLoop
	}
	if err := p.begin(); err != nil {
		return 0, err
	}
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.starting = false
		if err == nil {
			p.replaced = true
			p.keepFiles()
		}
	}()
	names, fds, err := p.sockets()
	defer closeAll(fds)
	if err != nil {
		return 0, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	pid, err = s.start(names, append([]int{int(w.Fd())}, fds...))
	w.Close()
	if err != nil {
		return 0, fmt.Errorf("inherit: start %s: %w", s.path(), err)
	}
	if err := await(ctx, r, pid, s.timeout()); err != nil {
		return 0, err
	}
	Notify(fmt.Sprintf("MAINPID=%d", pid))
	return pid, nil
}

func (p *state) begin() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.replaced:
		return ErrReplaced
	case p.starting:
		return ErrRestarting
	}
	p.starting = true
	return nil
}

// sockets duplicates the descriptors that the successor gets.
func (p *state) sockets() (names []string, fds []int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.passed {
		all := descriptors(one.ln)
		if len(all) == 0 {
			return names, fds, fmt.Errorf("%w: %s", ErrNoDescriptor, one.name)
		}
		for _, fd := range all {
			d, err := sock.Dup(fd)
			if err != nil {
				return names, fds, err
			}
			names, fds = append(names, one.name), append(fds, d)
		}
	}
	return names, fds, nil
}

// Forget has Restart not pass on a listener of Listen's that is to be closed for good. Any goroutine.
func Forget(ln interface{ Close() error }) {
	process.mu.Lock()
	defer process.mu.Unlock()
	var rest []passed
	for _, one := range process.passed {
		if one.ln != ln {
			rest = append(rest, one)
		}
	}
	process.passed = rest
}

// keepFiles leaves the files of unix sockets to the successor. p.mu is held.
func (p *state) keepFiles() {
	for _, one := range p.passed {
		if u, ok := one.ln.(interface{ SetUnlinkOnClose(bool) }); ok {
			u.SetUnlinkOnClose(false)
		}
	}
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

func (s *Successor) path() string {
	if s.Path == "" {
		return program
	}
	return s.Path
}

// start runs the program with fds behind the standard three. It does without os.File, which would make the sockets
// blocking, and with them those from which our loops accept.
func (s *Successor) start(names []string, fds []int) (int, error) {
	args, env := s.Args, s.Env
	if args == nil {
		args = os.Args
	}
	if env == nil {
		env = os.Environ()
	}
	attr := &syscall.ProcAttr{Dir: s.Dir, Env: withSockets(env, names), Files: []uintptr{0, 1, 2}}
	for _, fd := range fds {
		attr.Files = append(attr.Files, uintptr(fd))
	}
	return syscall.ForkExec(s.path(), args, attr)
}

// withSockets is an environment with envSockets, and without what tells of other sockets. Of several values of a variable
// the last one counts, as in package os/exec.
func withSockets(env, names []string) []string {
	var out []string
	at := map[string]int{}
	for _, kv := range env {
		k, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(k, "LISTEN_") || k == envSockets {
			continue
		}
		if i, ok := at[k]; ok {
			out[i] = kv
			continue
		}
		at[k] = len(out)
		out = append(out, kv)
	}
	for i := range names {
		names[i] = url.QueryEscape(names[i])
	}
	if len(names) == 0 {
		names = []string{"-"}
	}
	return append(out, envSockets+"="+strings.Join(names, ","))
}

// await waits for the successor's Ready. One that fails is killed and waited for.
func await(ctx context.Context, r *os.File, pid int, timeout time.Duration) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	exited := make(chan string, 1)
	go func() { // also of one that is ready: it is waited for when it ends before us
		state, err := p.Wait()
		if err != nil {
			exited <- err.Error()
			return
		}
		exited <- state.String()
	}()
	r.SetReadDeadline(time.Now().Add(timeout))
	stop := context.AfterFunc(ctx, func() { r.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	n, err := r.Read(make([]byte, 1))
	if n == 1 {
		return nil
	}
	why := fmt.Errorf("%w: ", ErrNotReady)
	switch {
	case ctx.Err() != nil:
		why = fmt.Errorf("%w: %w", ErrNotReady, ctx.Err())
	case errors.Is(err, os.ErrDeadlineExceeded):
		why = fmt.Errorf("%w within %v", ErrNotReady, timeout)
	}
	p.Kill()
	how := <-exited
	if why.Error() == ErrNotReady.Error()+": " {
		why = fmt.Errorf("%w: %s", ErrNotReady, how)
	}
	return why
}

// Ready says that this process serves: to the process before, which drains then, and to systemd. Inherited sockets that nobody
// has taken are closed: their clients would wait for ever. A second call does nothing. Any goroutine.
func Ready() error { return process.sayReady() }

func (p *state) sayReady() error {
	if err := p.load(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.given {
		unix.Close(s.fd)
	}
	p.given = nil
	if p.ready >= 0 {
		n, err := unix.Write(p.ready, []byte{'R'})
		unix.Close(p.ready)
		p.ready = -1
		if n != 1 {
			return fmt.Errorf("inherit: the process before has not waited: %w", err)
		}
	}
	return Notify("READY=1")
}
