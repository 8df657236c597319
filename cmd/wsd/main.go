// Command wsd serves WebSockets: an echo, and a chat with rooms, names, presence and history, whose page is at "/". With -nats several
// of them are one. It is the demo of package websocket and of its hub, and an example of embedding.
//
// SIGTERM and SIGINT drain it: connections are closed with 1001, and clients that come back later find what they missed.
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

// drainTime is how long close handshakes and requests may take after SIGTERM.
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
		log.Error("wsd", "err", err)
		os.Exit(1)
	}
}

func run(o *options, log *slog.Logger) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	s, err := newSite(o, log)
	if err != nil {
		return err
	}
	defer s.close()
	urls, err := s.listen()
	if err != nil {
		return err
	}
	for _, u := range urls {
		fmt.Println("listening on", u)
	}
	<-signals
	log.Info("draining", "for", drainTime)
	ctx, done := context.WithTimeout(context.Background(), drainTime)
	defer done()
	if err := s.drain(ctx); err != nil {
		return fmt.Errorf("shutdown: %w", err)
	}
	log.Info("drained")
	return nil
}
