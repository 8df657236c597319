// Command httpd is an HTTP/1.1 server on calandria's loops: the demo, the subject of the benchmarks and of the interop
// checks, and an example of embedding.
//
// SIGTERM and SIGINT drain it. SIGHUP has it read certificates and ban lists again and open its access log anew. SIGUSR2
// replaces it by a new process of the same program, which takes its listeners over; no connection is refused meanwhile.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/calandria-go/calandria/transports/inherit"
)

// drainTime is how long requests in progress may take after SIGTERM.
const drainTime = 30 * time.Second

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	o, err := parseFlags(os.Args[1:])
	if err == nil {
		err = run(o, log)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		log.Error("httpd", "err", err)
		os.Exit(1)
	}
}

func run(o *options, log *slog.Logger) error {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, append([]os.Signal{syscall.SIGTERM, os.Interrupt}, more...)...)
	s, err := newSite(o, log)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.listen(); err != nil {
		return err
	}
	if err := inherit.Ready(); err != nil {
		log.Error("ready", "err", err)
	}
	for sig := range signals {
		switch action(sig) {
		case "reload":
			s.reload()
			continue
		case "restart":
			pid, err := inherit.Restart(context.Background(), inherit.Successor{})
			if err != nil {
				log.Error("restart", "err", err)
				continue
			}
			log.Info("replaced", "by", pid)
		}
		break
	}
	return s.drain()
}

// drain ends the site when the requests in progress have been answered.
func (s *site) drain() error {
	if err := inherit.Stopping(); err != nil {
		s.log.Error("stopping", "err", err)
	}
	s.health.Drain()
	s.endStreams()
	s.log.Info("draining", "for", drainTime)
	ctx, done := context.WithTimeout(context.Background(), drainTime)
	defer done()
	if err := s.reactor.Shutdown(ctx); err != nil {
		return fmt.Errorf("shutdown: %w", err)
	}
	s.log.Info("drained")
	return nil
}
