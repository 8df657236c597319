// Command netcli is a client for what calandria speaks: it gets, sends, uploads, mails, resolves, and shows interfaces. It is also an example
// of the clients: each subcommand is a file of its own.
//
// What it makes of an answer goes to standard output, all else to standard error. Its exit status says what went wrong; "netcli help"
// lists them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"unicode"

	"golang.org/x/term"
)

// command is a subcommand. A file that adds one calls register in its init.
type command struct {
	name string
	args string // of the usage line
	what string
	run  func(ctx context.Context, e *env, args []string) error
}

var commands = map[string]command{}

func register(c command) { commands[c.name] = c }

// env is what a subcommand has of the world.
type env struct {
	in       io.Reader
	out, err io.Writer
	terminal bool // err is one
	getenv   func(string) string
	json     bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	e := &env{in: os.Stdin, out: os.Stdout, err: os.Stderr, terminal: term.IsTerminal(int(os.Stderr.Fd())), getenv: os.Getenv}
	code := run(ctx, e, os.Args[1:])
	stop()
	os.Exit(code)
}

// run does one command, and gives its exit status.
func run(ctx context.Context, e *env, args []string) int {
	if len(args) == 0 {
		usage(e.err)
		return exitUsage
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		usage(e.out)
		return exitOK
	}
	c, ok := commands[args[0]]
	if !ok {
		fmt.Fprintf(e.err, "netcli: no command %q; \"netcli help\" lists them\n", args[0])
		return exitUsage
	}
	err := c.run(ctx, e, args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	code := exitCode(ctx, err)
	if err == nil {
		return code
	}
	if e.json {
		writeJSON(e.out, failure{Command: c.name, Error: err.Error(), Exit: code})
	}
	fmt.Fprintf(e.err, "netcli %s: %s\n", c.name, printable(err.Error()))
	return code
}

// printable is a text, perhaps of a server's, that does nothing to a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "usage: netcli COMMAND [flags] [arguments]; \"netcli COMMAND -h\" lists its flags")
	for _, name := range names() {
		c := commands[name]
		fmt.Fprintf(w, "\n  %s %s\n        %s\n", c.name, c.args, c.what)
	}
	fmt.Fprintln(w, "\nexit status:")
	for _, x := range exits {
		fmt.Fprintf(w, "  %3d  %s\n", x.code, x.what)
	}
}

func names() []string {
	var all []string
	for name := range commands {
		all = append(all, name)
	}
	slices.SortFunc(all, strings.Compare)
	return all
}
