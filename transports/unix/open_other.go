//go:build !unix

package unix

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"
)

// probeWait bounds the question whether anybody listens.
const probeWait = time.Second

// wsaECONNREFUSED is Windows' own number for a refusal.
const wsaECONNREFUSED = syscall.Errno(10061)

func checkPath(path string) error {
	if path == "" {
		return fmt.Errorf("unix: the path is empty: %w", os.ErrInvalid)
	}
	return nil
}

// open listens by package net, which has no way to set a mode or a backlog here.
func (l *Listener) open(_ *Config, addr *net.UnixAddr) error {
	ln, err := net.ListenUnix("unix", addr)
	if err != nil && removeStale(addr.Name) {
		ln, err = net.ListenUnix("unix", addr)
	}
	if err != nil {
		return err
	}
	ln.SetUnlinkOnClose(false)
	l.ln = ln
	if file, err := os.Lstat(addr.Name); err == nil {
		l.path, l.file = addr.Name, file
	}
	return nil
}

// removeStale removes a socket file on which connections are refused.
func removeStale(path string) bool {
	before, err := os.Lstat(path)
	if err != nil || before.Mode()&(fs.ModeSocket|fs.ModeIrregular) == 0 {
		return false
	}
	nc, err := net.DialTimeout("unix", path, probeWait)
	if err == nil {
		nc.Close()
		return false
	}
	if !errors.Is(err, wsaECONNREFUSED) && !errors.Is(err, syscall.ECONNREFUSED) {
		return false
	}
	return os.Remove(path) == nil
}

func adopt(ln *net.UnixListener) (net.Listener, error) { return ln, nil }
