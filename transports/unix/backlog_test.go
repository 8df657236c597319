//go:build linux

package unix_test

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/unix"
)

// full gives the path of a listener whose backlog is full.
func full(t *testing.T) (ln *unix.Listener, p string) {
	t.Helper()
	p = path(t)
	ln = listen(t, unix.Config{Backlog: 1}, p)
	for range 2 {
		c, err := net.Dial("unix", p)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	}
	return ln, p
}

// begun says whether a dial is on its way: it counts as open, or, where it is tried again and again, has failed.
func begun(r *reactor.Reactor) func() bool {
	failed := func() uint64 {
		s, err := r.Stats(context.Background())
		if err != nil || s.Open > 0 {
			return 0
		}
		return s.Total().DialErrors + 1
	}
	before := failed()
	return func() bool { return failed() != before }
}

func TestDialWaitsForABacklog(t *testing.T) {
	ln, p := full(t)
	r := reactortest.NewDefault(t, reactor.Config{Loops: 1})
	errs, started := make(chan error), begun(r)
	go func() {
		s, err := new(unix.Dialer).DialContext(t.Context(), r, p)
		if err == nil {
			s.Close()
		}
		errs <- err
	}()
	eventually(t, "the dial has begun", started)
	for range 2 {
		c, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	if err := <-errs; err != nil {
		t.Error(err)
	}
}

func TestDialTimeout(t *testing.T) {
	_, p := full(t)
	r := reactortest.NewDefault(t, reactor.Config{Loops: 1})
	check := func(what string, err error) {
		var op *net.OpError
		if !errors.As(err, &op) || !op.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", what, err)
		}
	}
	d := unix.Dialer{Timeout: 20 * time.Millisecond}
	_, err := d.DialContext(t.Context(), r, p)
	check("Timeout", err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = new(unix.Dialer).DialContext(ctx, r, p)
	check("a context with a deadline", err)
}

func TestDialCancel(t *testing.T) {
	_, p := full(t)
	r := reactortest.NewDefault(t, reactor.Config{Loops: 1})
	ctx, cancel := context.WithCancel(t.Context())
	errs, started := make(chan error), begun(r)
	go func() { _, err := new(unix.Dialer).DialContext(ctx, r, p); errs <- err }()
	eventually(t, "the dial has begun", started)
	cancel()
	if err := <-errs; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
