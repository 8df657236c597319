package main

import (
	"errors"
	"flag"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// options are the flags.
type options struct {
	listen, root, origin, metrics string
	write, create, sync           bool
	single, quiet                 bool
	transfers, perIP, shards      int
	rate, transferRate            int64
	cache, maxFile, quota         int64
	window                        int
	low, high                     uint16
	ports, dirs                   string
	maps                          rules
}

func parseFlags(args []string) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("tftpd", flag.ContinueOnError)
	f.StringVar(&o.listen, "listen", "127.0.0.1:6969", "`address` to listen on")
	f.StringVar(&o.root, "root", "", "`folder` with the files; nothing outside of it can be reached")
	f.BoolVar(&o.write, "write", false, "clients may overwrite files that exist")
	f.BoolVar(&o.create, "create", false, "clients may make files that do not exist")
	f.BoolVar(&o.sync, "sync", false, "a file that is written is on the disk before the client is told so")
	f.Int64Var(&o.maxFile, "max-file", 0, "largest file that may be written, in `bytes`; 0: 1 GiB")
	f.Int64Var(&o.quota, "quota", 0, "`bytes` that all files of -root may have; 0: no quota")
	f.BoolVar(&o.single, "single-port", false, "answer from the port that is listened on: for NAT and containers")
	f.StringVar(&o.ports, "ports", "", "`low-high`, the ports to answer from; empty: any")
	f.StringVar(&o.origin, "origin", "", "`URL` of an HTTP server to read from, instead of -root")
	f.IntVar(&o.transfers, "max-transfers", 0, "transfers in progress; 0: 4096; negative: unlimited")
	f.IntVar(&o.perIP, "max-per-ip", 0, "transfers in progress of one address; 0: 256; negative: unlimited")
	f.Int64Var(&o.rate, "rate", 0, "`bytes` a second in all; 0: any")
	f.Int64Var(&o.transferRate, "transfer-rate", 0, "`bytes` a second of one transfer; 0: any")
	f.IntVar(&o.window, "max-window", 0, "largest windowsize, in blocks; 0: 64")
	f.Int64Var(&o.cache, "cache", 0, "`bytes` of files kept in memory; 0: 64 MiB; negative: none")
	f.IntVar(&o.shards, "shards", 0, "sockets on the address, each on a loop of its own; 0: one for each processor on Linux")
	f.StringVar(&o.dirs, "client-dirs", "", "mac, ip, or mac,ip: look in a folder of the client's own first")
	f.Var(&o.maps, "map", "`regexp=replacement` for names, as ^/?tftpboot/=; the first that matches; repeatable")
	f.StringVar(&o.metrics, "metrics", "", "`address` for /metrics, /transfers and /debug/calandria/; empty: nowhere")
	f.BoolVar(&o.quiet, "quiet", false, "no line for each transfer")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	return o, o.check()
}

// check refuses what does not go together.
func (o *options) check() error {
	switch {
	case (o.root == "") == (o.origin == ""):
		return errors.New("-root or -origin: one of them")
	case o.origin != "" && (o.write || o.create):
		return errors.New("-write and -create need -root")
	case o.single && o.ports != "":
		return errors.New("-single-port and -ports: one of them")
	}
	for d := range strings.SplitSeq(o.dirs, ",") {
		if d != "" && d != "mac" && d != "ip" {
			return fmt.Errorf("-client-dirs %q: mac or ip", d)
		}
	}
	if o.ports == "" {
		return nil
	}
	low, high, ok := strings.Cut(o.ports, "-")
	l, err1 := strconv.ParseUint(low, 10, 16)
	h, err2 := strconv.ParseUint(high, 10, 16)
	if !ok || err1 != nil || err2 != nil || l == 0 || l > h {
		return fmt.Errorf("-ports %q: want low-high", o.ports)
	}
	o.low, o.high = uint16(l), uint16(h)
	return nil
}

// rules rewrite names.
type rules []rule

type rule struct {
	match   *regexp.Regexp
	replace string
}

func (r *rules) String() string { return "" }

func (r *rules) Set(s string) error {
	match, replace, ok := strings.Cut(s, "=")
	if !ok {
		return errors.New("want regexp=replacement")
	}
	re, err := regexp.Compile(match)
	if err != nil {
		return err
	}
	*r = append(*r, rule{re, replace})
	return nil
}

// apply gives the name that the first rule which matches makes of name.
func (r rules) apply(name string) string {
	for _, one := range r {
		if one.match.MatchString(name) {
			return one.match.ReplaceAllString(name, one.replace)
		}
	}
	return name
}
