//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp"
	"github.com/calandria-go/calandria/reactor"
)

// load is what clients do at once.
type load struct {
	scenario, name         string
	file                   string
	clients, block, window int
}

// loads are those of all scenarios.
func loads(o *options) []load {
	var all []load
	for _, block := range []int{512, 1428} {
		for _, window := range []int{1, 4, 16, 64} {
			all = append(all, load{
				"single", fmt.Sprintf("%d MiB at %4d, window %2d", o.size, block, window), "big", 1, block, window,
			})
		}
	}
	for _, n := range []int{40, o.many} {
		all = append(all, load{"parallel", fmt.Sprintf("%4d reads of 1 MiB at 512, window 1", n), "small", n, 512, 1})
	}
	return append(all,
		load{"fair", "2000 reads of 256 KiB at 1428, window 1", "quarter", 2000, 1428, 1},
		load{"fair", "2000 reads of 256 KiB at 1428, window 16", "quarter", 2000, 1428, 16})
}

// fixtures makes the files.
func fixtures(dir string, big int) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	for name, n := range map[string]int{"big": big, "small": 1 << 20, "quarter": 256 << 10, "ready": 1} {
		b := make([]byte, n)
		rand.NewChaCha8([32]byte{1}).Read(b)
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// client asks for no more than is said.
func client(r *reactor.Reactor, addr string, block, window int) tftp.Client {
	c := tftp.Client{Reactor: r, Addr: addr, BlockSize: block, WindowSize: window}
	if block == 512 {
		c.BlockSize = -1
	}
	if window == 1 {
		c.WindowSize = -1
	}
	return c
}

// run gives the time that each client took, and the bytes of all.
func (l *load) run(r *reactor.Reactor, addr string) (times []time.Duration, bytes int64, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	type done struct {
		took time.Duration
		n    int64
		err  error
	}
	all := make(chan done, l.clients)
	for range l.clients {
		go func() {
			began := time.Now()
			res, err := client(r, addr, l.block, l.window).Get(ctx, l.file, io.Discard)
			d := done{took: time.Since(began), err: err}
			if res != nil {
				d.n = res.Stats.Bytes
			}
			all <- d
		}()
	}
	for range l.clients {
		d := <-all
		if d.err != nil && err == nil {
			err = d.err
		}
		times = append(times, d.took)
		bytes += d.n
	}
	return times, bytes, err
}
