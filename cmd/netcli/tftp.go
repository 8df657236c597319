package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp"
	"github.com/calandria-go/calandria/protocols/tftp/wire"
	"github.com/calandria-go/calandria/reactor"
)

func init() {
	register(command{"tftp", "get|put HOST[:PORT] FILE", "get a file by TFTP, or put one there", runTFTP})
}

// tftpFlags are tftp's own.
type tftpFlags struct {
	local, mode    string
	block, window  int
	timeout, limit time.Duration
	quiet          bool
}

// tftpResult is what -json prints of a transfer.
type tftpResult struct {
	File       string  `json:"file"`
	Bytes      int64   `json:"bytes"`
	Blksize    int     `json:"blksize"`
	Windowsize int     `json:"windowsize"`
	Resent     int64   `json:"resent"`
	Timeouts   int64   `json:"timeouts"`
	FellBack   bool    `json:"fell_back"`
	Seconds    float64 `json:"seconds"`
}

func (f *tftpFlags) add(fs *flag.FlagSet) {
	fs.StringVar(&f.local, "o", "", "the file here; -: standard output or input; empty: FILE's own name")
	fs.StringVar(&f.mode, "mode", "octet", "octet, or netascii for text")
	fs.IntVar(&f.block, "blksize", 0, "bytes of a block to ask for; 0: 1428; negative: do not ask")
	fs.IntVar(&f.window, "windowsize", 0, "blocks of a window to ask for; 0: 16; negative: do not ask")
	fs.DurationVar(&f.timeout, "timeout", 0, "time-out to ask for, in whole seconds; 0: adapt to the network")
	fs.DurationVar(&f.limit, "max-time", 0, "longest time in all; 0: as long as it takes")
	fs.BoolVar(&f.quiet, "q", false, "show no progress")
}

func runTFTP(ctx context.Context, e *env, args []string) error {
	var f tftpFlags
	fs := e.flags("tftp")
	f.add(fs)
	rest, err := parse(fs, args, 3, 3)
	if err != nil {
		return err
	}
	verb, host, name := rest[0], rest[1], rest[2]
	c := tftp.Client{Addr: host, BlockSize: f.block, WindowSize: f.window, Timeout: f.timeout}
	switch {
	case verb != "get" && verb != "put":
		return usagef("tftp %q: get or put", verb)
	case f.mode == "netascii":
		c.Mode = wire.Netascii
	case f.mode != "octet":
		return usagef("-mode %q: octet or netascii", f.mode)
	}
	if f.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.limit)
		defer cancel()
	}
	c.Reactor = reactor.New(reactor.Config{Loops: 1})
	defer func() { // the last ACK has been sent; nobody waits for more
		ended, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		c.Reactor.Shutdown(ended)
	}()
	m := e.meter(path.Base(name), f.quiet)
	var done, size int64
	c.Progress = func(d, total int64) {
		done, size = d, total
		m.set(d, total)
	}
	do := f.get
	if verb == "put" {
		do = f.put
	}
	res, err := do(ctx, e, c, name)
	m.end(done, size, err != nil)
	var remote *wire.RemoteError
	if errors.As(err, &remote) {
		return statusError{remote.Error()}
	}
	if err != nil || !e.json {
		return err
	}
	return writeJSON(e.out, tftpResult{
		name, done, res.Agreed.BlockSize, res.Agreed.WindowSize, res.Stats.Resent, res.Stats.Timeouts, res.FellBack, res.Took.Seconds(),
	})
}

// get writes a file beside its place, and moves it there when it is whole.
func (f *tftpFlags) get(ctx context.Context, e *env, c tftp.Client, name string) (*tftp.Result, error) {
	to := f.local
	if to == "-" {
		return c.Get(ctx, name, e.out)
	}
	if to == "" {
		if to = path.Base(name); to == "." || to == "/" || !filepath.IsLocal(to) {
			return nil, usagef("%q has no name for a file: give one with -o", name)
		}
	}
	temp, err := os.CreateTemp(filepath.Dir(to), ".netcli-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(temp.Name())
	res, err := c.Get(ctx, name, temp)
	if cerr := temp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Chmod(temp.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(temp.Name(), to)
	}
	return res, err
}

func (f *tftpFlags) put(ctx context.Context, e *env, c tftp.Client, name string) (*tftp.Result, error) {
	from, r, size := f.local, e.in, int64(-1)
	if from == "" {
		from = path.Base(name)
	}
	if from != "-" {
		file, err := os.Open(from)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		if fi, err := file.Stat(); err == nil && fi.Mode().IsRegular() {
			size = fi.Size()
		}
		r = io.Reader(file)
	}
	return c.Put(ctx, name, r, size)
}
