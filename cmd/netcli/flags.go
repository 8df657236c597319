package main

import (
	"flag"
	"fmt"
	"strconv"
	"strings"
)

// flags is a flag.FlagSet that has the usage line of its command, and the flags that all commands have.
func (e *env) flags(name string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(e.err)
	fs.Usage = func() {
		fmt.Fprintf(e.err, "usage: netcli %s %s\n%s\n\n", name, commands[name].args, commands[name].what)
		fs.PrintDefaults()
	}
	fs.BoolVar(&e.json, "json", false, "print one JSON object to standard output")
	return fs
}

// parse takes flags before, between and behind the arguments, of which there must be so many.
func parse(fs *flag.FlagSet, args []string, least, most int) ([]string, error) {
	var rest []string
	for {
		if err := fs.Parse(args); err != nil {
			if err == flag.ErrHelp {
				return nil, err
			}
			return nil, usageError{err}
		}
		if fs.NArg() == 0 {
			break
		}
		rest = append(rest, fs.Arg(0))
		args = fs.Args()[1:]
	}
	if len(rest) < least || len(rest) > most {
		return nil, usagef("%d arguments; it takes %s", len(rest), commands[fs.Name()].args)
	}
	return rest, nil
}

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, ", ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// size is a number of bytes: 500, 64K, 1.5M, 2G, in powers of 1024.
type size int64

func (z *size) String() string { return strconv.FormatInt(int64(*z), 10) }

func (z *size) Set(s string) error {
	digits := strings.TrimRight(s, "kKmMgGiBb")
	unit := 1.0
	switch u := strings.TrimRight(strings.ToUpper(s[len(digits):]), "IB"); u {
	case "":
	case "K":
		unit = 1 << 10
	case "M":
		unit = 1 << 20
	case "G":
		unit = 1 << 30
	default:
		return fmt.Errorf("no unit %q", u)
	}
	f, err := strconv.ParseFloat(digits, 64)
	if err != nil || !(f >= 0) || f*unit >= 1<<62 {
		return fmt.Errorf("no number of bytes: %q", s)
	}
	*z = size(f * unit)
	return nil
}
