// Command tftpd is a TFTP server on calandria's loops: for network boots, and an example of embedding.
//
// SIGTERM and SIGINT drain it: transfers in progress are finished, requests refused.
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

// drainTime is how long transfers in progress may take after SIGTERM.
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
		log.Error("tftpd", "err", err)
		os.Exit(1)
	}
}

func run(o *options, log *slog.Logger) error {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	d, err := start(o, log)
	if err != nil {
		return err
	}
	defer d.close()
	<-signals
	log.Info("draining", "for", drainTime)
	ctx, done := context.WithTimeout(context.Background(), drainTime)
	defer done()
	if err := d.shutdown(ctx); err != nil {
		return fmt.Errorf("shutdown: %w", err)
	}
	log.Info("drained")
	return nil
}
