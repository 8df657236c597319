//go:build unix

package unix_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	xunix "golang.org/x/sys/unix"

	"github.com/calandria-go/calandria/transports/unix"
)

// stale leaves a socket file behind that nobody has bound.
func stale(t *testing.T, path string) {
	t.Helper()
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	ln.Close()
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestStaleFileIsRemoved(t *testing.T) {
	p := path(t)
	stale(t, p)
	if _, err := net.Listen("unix", p); !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("this test's stale file does not keep package net from listening: %v", err)
	}
	ln := listen(t, unix.Config{}, p)
	serve(t, ln)
	if err := ping(p); err != nil {
		t.Error(err)
	}
}

func TestFileInUseIsKept(t *testing.T) {
	file := func(t *testing.T, p string) {
		if err := os.WriteFile(p, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	socket := func(kind int, listens bool) func(*testing.T, string) {
		return func(t *testing.T, p string) {
			fd, err := xunix.Socket(xunix.AF_UNIX, kind, 0)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { xunix.Close(fd) })
			if err := xunix.Bind(fd, &xunix.SockaddrUnix{Name: p}); err != nil {
				t.Fatal(err)
			}
			if listens {
				err = xunix.Listen(fd, 1)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, put := range map[string]func(*testing.T, string){
		"a listener":                        socket(xunix.SOCK_STREAM, true),
		"a socket that does not listen yet": socket(xunix.SOCK_STREAM, false),
		"a datagram socket":                 socket(xunix.SOCK_DGRAM, false),
		"a file":                            file,
		"a directory": func(t *testing.T, p string) {
			if err := os.Mkdir(p, 0o700); err != nil {
				t.Fatal(err)
			}
		},
		"a link to a file": func(t *testing.T, p string) {
			file(t, p+".target")
			if err := os.Symlink(p+".target", p); err != nil {
				t.Fatal(err)
			}
		},
		"a link to a stale socket": func(t *testing.T, p string) {
			stale(t, p+".target")
			if err := os.Symlink(p+".target", p); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := path(t)
			put(t, p)
			before, err := os.Lstat(p)
			if err != nil {
				t.Fatal(err)
			}
			_, err = unix.Listen(p)
			var op *net.OpError
			if !errors.Is(err, syscall.EADDRINUSE) || !errors.As(err, &op) || op.Addr.String() != p {
				t.Errorf("error %v", err)
			}
			if after, err := os.Lstat(p); err != nil || !os.SameFile(before, after) {
				t.Errorf("it is gone: %v", err)
			}
		})
	}
}

// A backlog that is full does not look like nobody.
func TestFullBacklogIsInUse(t *testing.T) {
	p := path(t)
	ln := listen(t, unix.Config{Backlog: 1}, p)
	var fds []int
	for {
		fd, err := xunix.Socket(xunix.AF_UNIX, xunix.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer xunix.Close(fd)
		if err := xunix.SetNonblock(fd, true); err != nil {
			t.Fatal(err)
		}
		if err := xunix.Connect(fd, &xunix.SockaddrUnix{Name: p}); err != nil {
			break
		}
		fds = append(fds, fd)
	}
	if runtime.GOOS == "linux" && len(fds) != 2 { // Linux counts one more
		t.Errorf("%d connections fit into a backlog of 1", len(fds))
	}
	if _, err := unix.Listen(p); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("error %v", err)
	}
	ln.Close()
}

// Of many starters on one stale file exactly one wins, and it can be reached.
func TestStartersRace(t *testing.T) {
	for range 20 {
		p := path(t)
		stale(t, p)
		var (
			wg   sync.WaitGroup
			won  atomic.Int32
			lns  = make([]*unix.Listener, 8)
			gate = make(chan struct{})
		)
		for i := range lns {
			wg.Go(func() {
				<-gate
				ln, err := unix.Listen(p)
				switch {
				case err == nil:
					won.Add(1)
					lns[i] = ln
				case !errors.Is(err, syscall.EADDRINUSE):
					t.Errorf("a loser got %v", err)
				}
			})
		}
		close(gate)
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d of %d starters have won", won.Load(), len(lns))
		}
		for _, ln := range lns {
			if ln == nil {
				continue
			}
			c, err := net.Dial("unix", p)
			if err != nil {
				t.Fatalf("the winner cannot be reached: %v", err)
			}
			c.Close()
			ln.Close()
		}
	}
}

// A lock on the directory that is never released delays, and does no more.
func TestForeignLock(t *testing.T) {
	p := path(t)
	stale(t, p)
	d, err := os.Open(filepath.Dir(p))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := xunix.Flock(int(d.Fd()), xunix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	listen(t, unix.Config{}, p)
}

func TestMode(t *testing.T) {
	for _, umask := range []int{0o022, 0o077, 0} {
		old := syscall.Umask(umask)
		for _, mode := range []fs.FileMode{0, 0o600, 0o660, 0o777} {
			p := path(t)
			ln := listen(t, unix.Config{Mode: mode}, p)
			want := mode
			if mode == 0 {
				want = 0o777 &^ fs.FileMode(umask)
			}
			fi, err := os.Lstat(p)
			if err != nil {
				t.Fatal(err)
			}
			if fi.Mode() != fs.ModeSocket|want {
				t.Errorf("mode %v with umask %03o is %v", mode, umask, fi.Mode())
			}
			ln.Close()
		}
		syscall.Umask(old)
	}
}

func TestCloseRemovesOnlyItsOwnFile(t *testing.T) {
	t.Run("its own", func(t *testing.T) {
		p := path(t)
		ln := listen(t, unix.Config{}, p)
		if err := ln.Close(); err != nil {
			t.Error(err)
		}
		if exists(p) {
			t.Error("the file is left")
		}
		if err := ln.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("second Close: %v", err)
		}
	})
	t.Run("served", func(t *testing.T) {
		p := path(t)
		r, _ := serve(t, listen(t, unix.Config{}, p))
		if err := r.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if exists(p) {
			t.Error("the file is left after Shutdown")
		}
	})
	t.Run("another's", func(t *testing.T) {
		p := path(t)
		ln := listen(t, unix.Config{}, p)
		os.Remove(p)
		other := listen(t, unix.Config{}, p)
		ln.Close()
		if !exists(p) {
			t.Error("Close has removed another listener's file")
		}
		other.Close()
		if exists(p) {
			t.Error("the file is left")
		}
	})
	t.Run("handed over", func(t *testing.T) {
		p := path(t)
		ln := listen(t, unix.Config{}, p)
		ln.SetUnlinkOnClose(false)
		ln.Close()
		if !exists(p) {
			t.Error("the file is gone")
		}
	})
	t.Run("gone already", func(t *testing.T) {
		p := path(t)
		ln := listen(t, unix.Config{}, p)
		os.Remove(p)
		if err := ln.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestPaths(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir) // a short path, whatever the directory is
	fits := len(xunix.RawSockaddrUnix{}.Path) - 1
	listen(t, unix.Config{}, strings.Repeat("p", fits)).Close()
	for path, want := range map[string]error{
		strings.Repeat("p", fits+1): syscall.ENAMETOOLONG,
		"":                          syscall.EINVAL,
		"a\x00b":                    syscall.EINVAL,
		"nowhere/s":                 syscall.ENOENT,
	} {
		_, err := unix.Listen(path)
		var op *net.OpError
		if !errors.Is(err, want) || !errors.As(err, &op) {
			t.Errorf("%q: error %v", path, err)
		}
	}
	if _, err := unix.Listen(strings.Repeat("p", fits+1)); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("the error does not say how long the path may be: %v", err)
	}
}

func TestAbstract(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("abstract sockets are Linux's")
	}
	t.Chdir(t.TempDir())
	name := "@calandria-" + strings.ReplaceAll(filepath.Base(t.TempDir()), "/", "-") + "-" + t.Name()
	ln := listen(t, unix.Config{Mode: 0o600}, name)
	if ln.Addr().String() != name {
		t.Errorf("address %v", ln.Addr())
	}
	if exists(name) {
		t.Error("it has a file")
	}
	r, _ := serve(t, ln)
	if err := ping(name); err != nil {
		t.Error(err)
	}
	if _, err := unix.Listen(name); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a second listener: %v", err)
	}
	s, err := new(unix.Dialer).DialContext(t.Context(), r, name)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	long := "@" + strings.Repeat("n", len(xunix.RawSockaddrUnix{}.Path)-2)
	listen(t, unix.Config{}, long)
	if _, err := unix.Listen(long + "n"); !errors.Is(err, syscall.ENAMETOOLONG) {
		t.Errorf("a long name: %v", err)
	}
}
