package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/calandria-go/calandria/protocols/relay"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports"
)

// client is "relay client".
type client struct {
	dialing
	service, listen, serviceKey, own string
}

func (c *client) flags(f *flag.FlagSet) {
	c.dialing.flags(f)
	f.StringVar(&c.service, "service", "", "`name` of the service")
	f.StringVar(&c.listen, "listen", "", "local `address` whose connections go to it")
	f.StringVar(&c.serviceKey, "key", "", "public `key` of the service, or a file with it: connections are then encrypted end to end")
	f.StringVar(&c.own, "own-key", "", "key `file` of this client, for services that ask who it is")
}

func (c *client) run(ctx context.Context, out io.Writer, log *slog.Logger) error {
	if c.service == "" || c.listen == "" {
		return errors.New("-service and -listen must be set")
	}
	r := reactor.New(reactor.Config{Logger: log})
	defer end(r)
	d, err := c.dialing.dialing(r, log)
	if err != nil {
		return err
	}
	cl := &relay.Client{Dialing: d}
	if c.serviceKey != "" {
		text := c.serviceKey
		if b, err := os.ReadFile(text); err == nil {
			text = string(b)
		}
		key, err := relay.ParsePublicKey(text)
		if err != nil {
			return fmt.Errorf("-key: %w", err)
		}
		cl.Keys = map[string]relay.PublicKey{c.service: key}
	}
	if c.own != "" {
		if cl.Key, err = relay.ReadKeyFile(c.own); err != nil {
			return err
		}
	}
	ln, err := transports.Listen(c.listen)
	if err != nil {
		return err
	}
	at := ln.Addr()
	if _, err := r.Listen(ln, cl.Forward(c.service)); err != nil {
		return err
	}
	fmt.Fprintf(out, "listening on %s://%s (service %s)\n", at.Network(), at, c.service)
	<-ctx.Done()
	stop, done := context.WithTimeout(context.Background(), drainTime)
	defer done()
	err = r.Shutdown(stop)
	cl.Close()
	return err
}

// keygen is "relay keygen".
type keygen struct {
	out    string
	rotate bool
}

func (k *keygen) flags(f *flag.FlagSet) {
	f.StringVar(&k.out, "out", "", "`file` for the key; it must not be there, unless -rotate is set")
	f.BoolVar(&k.rotate, "rotate", false, "put a new key in front of those that are in the file, which are still taken")
}

// run writes the key, and its public half to out.
func (k *keygen) run(_ context.Context, out io.Writer, _ *slog.Logger) error {
	if k.out == "" {
		return errors.New("-out must be set")
	}
	key, err := relay.GenerateKey()
	if err != nil {
		return err
	}
	name := k.out
	if k.rotate {
		old, err := relay.ReadKeyFile(k.out)
		if err != nil {
			return err
		}
		if key, err = old.Rotate(); err != nil {
			return err
		}
		name += ".new"
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(key.Marshal())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if k.rotate {
		if err := os.Rename(name, k.out); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(out, strings.TrimSpace(key.Public().String()))
	return err
}
