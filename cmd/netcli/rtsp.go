package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/calandria-go/calandria/protocols/rtsphttp"
	"github.com/calandria-go/calandria/reactor"
)

func init() {
	register(command{"rtsp", "URL", "a local port that leads through an RTSP tunnel, for players that know none", rtspTunnel})
}

// tunnelled is what -json prints of the port.
type tunnelled struct {
	Listening string `json:"listening"`
	URL       string `json:"url"`
	Through   string `json:"through"`
}

// rtspTunnel listens, and opens a tunnel for each connection that comes, until it is interrupted.
func rtspTunnel(ctx context.Context, e *env, args []string) error {
	fs := e.flags("rtsp")
	listen := fs.String("listen", "127.0.0.1:0", "`address` to listen on")
	insecure := fs.Bool("k", false, "do not verify the server's certificate")
	timeout := fs.Duration("timeout", 30*time.Second, "longest time to open a tunnel")
	most := fs.Int("max", 16, "tunnels at a time")
	first := fs.Bool("1", false, "end with the first tunnel")
	rest, err := parse(fs, args, 1, 1)
	if err != nil {
		return err
	}
	u, err := url.Parse(rest[0])
	if err != nil {
		return usageError{err}
	}
	if *most < 1 {
		return usagef("-max: at least 1")
	}
	r := reactor.New(reactor.Config{Loops: 1})
	defer shutdown(r)
	o := &rtsphttp.DialOptions{Reactor: r, Timeout: *timeout, TLS: &tls.Config{InsecureSkipVerify: *insecure}}
	probe, err := rtsphttp.Dial(ctx, rest[0], o) // what is wrong shows now, and not to a player
	if err != nil {
		return err
	}
	probe.Close()
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *listen)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	defer ln.Close()
	local := "rtsp://" + ln.Addr().String() + u.EscapedPath()
	if u.RawQuery != "" {
		local += "?" + u.RawQuery
	}
	if e.json {
		if err := writeJSON(e.out, tunnelled{ln.Addr().String(), local, u.Redacted()}); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(e.out, local)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, *most)
	for {
		c, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		}
		slots <- struct{}{}
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer func() { <-slots }()
			if err := throughTunnel(ctx, c, rest[0], o); err != nil {
				fmt.Fprintf(e.err, "netcli rtsp: %s\n", printable(err.Error()))
			}
			if *first {
				ln.Close()
			}
		}()
		if *first {
			wg.Wait()
			return nil
		}
	}
}

// throughTunnel joins a player's connection to a tunnel of its own, until either ends.
func throughTunnel(ctx context.Context, c net.Conn, to string, o *rtsphttp.DialOptions) error {
	defer c.Close()
	t, err := rtsphttp.Dial(ctx, to, o)
	if err != nil {
		return err
	}
	defer t.Close()
	stop := context.AfterFunc(ctx, func() { c.Close(); t.Close() })
	defer stop()
	done := make(chan struct{})
	go func() {
		io.Copy(t, c)
		t.Close()
		close(done)
	}()
	io.Copy(c, t)
	c.Close()
	<-done
	return nil
}
