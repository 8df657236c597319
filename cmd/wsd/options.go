package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// options are the flags.
type options struct {
	listen     string
	deflate    bool
	maxMessage size
	nats       string
	metrics    string
	history    string
}

func parseFlags(args []string) (*options, error) {
	o := &options{maxMessage: 16 << 20}
	f := flag.NewFlagSet("wsd", flag.ContinueOnError)
	f.StringVar(&o.listen, "listen", "127.0.0.1:8081", "`address` to listen on: host:port or unix:/path")
	f.BoolVar(&o.deflate, "deflate", false, "compress messages (permessage-deflate) for clients that can")
	f.Var(&o.maxMessage, "max-message", "largest message that /echo takes, after decompression, in `bytes`: 500, 64KiB, 16MiB")
	f.StringVar(&o.nats, "nats", "", "`URL` of a NATS server that connects this chat with others, as nats://127.0.0.1:4222")
	f.StringVar(&o.metrics, "metrics", "", "`address` for /metrics and /debug/calandria/; empty: that of -listen; off: nowhere")
	f.StringVar(&o.history, "history", "", "`file` that keeps the chat's history over restarts; off: none; empty: one in the user's cache folder, named by -listen")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	return o, nil
}

// historyFile is where the history is kept; empty for nowhere. An address whose port the system chooses has no file of its own.
func (o *options) historyFile() (string, error) {
	switch {
	case o.history == "off", o.history == "" && strings.HasSuffix(o.listen, ":0"):
		return "", nil
	case o.history != "":
		return o.history, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '_'
	}, o.listen)
	return filepath.Join(dir, "calandria-wsd", name+".jsonl"), nil
}

// size is a number of bytes: 500, 64K, 64KiB, 16MiB, in powers of 1024.
type size int64

func (z *size) String() string { return strconv.FormatInt(int64(*z), 10) }

// Set is part of flag.Value.
func (z *size) Set(s string) error {
	digits, shift := s, 0
	for unit, n := range map[string]int{"K": 10, "M": 20, "G": 30} {
		for _, suffix := range []string{unit + "iB", unit} {
			if d, ok := strings.CutSuffix(s, suffix); ok {
				digits, shift = d, n
			}
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n <= 0 || n > 1<<40>>shift {
		return fmt.Errorf("%q is not a number of bytes from 1 to 1 TiB", s)
	}
	*z = size(n << shift)
	return nil
}
