// Command rtspgate is a gateway that tunnels RTSP over HTTP and over WebSockets to plain RTSP cameras: an example of embedding package
// rtsphttp.
//
// SIGTERM and SIGINT end it. SIGHUP has it read routes, users, networks and certificates again.
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
)

// drainTime is how long tunnels may take to end after SIGTERM: what is queued for their viewers goes out.
const drainTime = 10 * time.Second

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	o, err := parseFlags(os.Args[1:])
	if err == nil {
		err = run(o, log)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		log.Error("rtspgate", "err", err)
		os.Exit(1)
	}
}

func run(o *options, log *slog.Logger) error {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, append([]os.Signal{syscall.SIGTERM, os.Interrupt}, more...)...)
	g, err := newGate(o, log)
	if err != nil {
		return err
	}
	defer g.close()
	if err := g.listen(); err != nil {
		return err
	}
	for sig := range signals {
		if !reloads(sig) {
			break
		}
		if err := g.reload(); err != nil {
			log.Error("reload", "err", err)
			continue
		}
		log.Info("reloaded")
	}
	if g.board != nil {
		g.board.Close()
	}
	ctx, done := context.WithTimeout(context.Background(), drainTime)
	defer done()
	if err := g.reactor.Shutdown(ctx); err != nil {
		return fmt.Errorf("shutdown: %w", err)
	}
	log.Info("drained")
	return nil
}
