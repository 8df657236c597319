// Command relay publishes services that are behind a firewall: "relay public" is the relay, "relay agent" runs beside the
// services, "relay client" gives a local port to one of them, "relay keygen" makes the key for end-to-end encryption. It is an
// example of embedding protocols/relay; docs/relay.md is its guide.
//
// SIGTERM and SIGINT drain it. SIGHUP has an agent read its list of services again.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/calandria-go/calandria/reactor"
)

// drainTime is how long streams may take after SIGTERM.
const drainTime = 30 * time.Second

// list is a repeatable flag.
type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// program is one of the commands: run serves until ctx ends, and calls ready when it does.
type program interface {
	flags(f *flag.FlagSet)
	run(ctx context.Context, out io.Writer, log *slog.Logger) error
}

var programs = map[string]func() program{
	"public": func() program { return &public{} },
	"agent":  func() program { return &agent{} },
	"client": func() program { return &client{} },
	"keygen": func() program { return &keygen{} },
}

const usage = "usage: relay public|agent|client|keygen [flags]; relay COMMAND -h tells the flags"

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	switch err := execute(ctx, os.Args[1:], os.Stdout, log); {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		log.Error("relay", "err", err)
		os.Exit(1)
	}
}

// execute runs one command.
func execute(ctx context.Context, args []string, out io.Writer, log *slog.Logger) error {
	if len(args) == 0 || programs[args[0]] == nil {
		return errors.New(usage)
	}
	p := programs[args[0]]()
	f := flag.NewFlagSet("relay "+args[0], flag.ContinueOnError)
	p.flags(f)
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	return p.run(ctx, out, log)
}

// end closes whatever is still open on r.
func end(r *reactor.Reactor) {
	ctx, now := context.WithCancel(context.Background())
	now()
	r.Shutdown(ctx)
}

// pair cuts NAME=VALUE.
func pair(flagName, s string) (name, value string, err error) {
	name, value, ok := strings.Cut(s, "=")
	if !ok || name == "" || value == "" {
		return "", "", fmt.Errorf("%s: %q is not NAME=VALUE", flagName, s)
	}
	return name, value, nil
}

// secret is a flag's value, or the content of the file behind "@".
func secret(s string) (string, error) {
	name, ok := strings.CutPrefix(s, "@")
	if !ok {
		return s, nil
	}
	b, err := os.ReadFile(name)
	return strings.TrimSpace(string(b)), err
}
