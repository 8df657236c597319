package http1

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/unix"
)

// startChecks begins the active checks, if there are to be any: one goroutine for each upstream, on the loops that serve.
func (p *Proxy) startChecks(r *reactor.Reactor) {
	if p.HealthPath == "" {
		return
	}
	p.checkOnce.Do(func() {
		for _, u := range p.ups {
			p.checkers.Add(1)
			go func() {
				defer p.checkers.Done()
				p.watch(r, u)
			}()
		}
	})
}

// Close ends the active checks. Requests in progress go on. Any goroutine but a loop's.
func (p *Proxy) Close() error {
	p.init()
	p.checkOnce.Do(func() {})
	p.stopOnce.Do(func() { close(p.stop) })
	p.checkers.Wait()
	return nil
}

// upstreamDialer dials an upstream whatever it is asked for.
type upstreamDialer struct{ u *upstream }

// DialConn is part of transports.Dialer.
func (d upstreamDialer) DialConn(ctx context.Context, r *reactor.Reactor, addr string, h reactor.Handler) (*reactor.Conn, error) {
	if path, ok := strings.CutPrefix(d.u.text, "unix:"); ok {
		return new(unix.Dialer).DialConn(ctx, r, path, h)
	}
	return new(tcp.Dialer).DialConn(ctx, r, addr, h)
}

var _ transports.Dialer = upstreamDialer{}

// watch asks an upstream again and again.
func (p *Proxy) watch(r *reactor.Reactor, u *upstream) {
	cl := &Client{
		Reactor: r, Dialer: upstreamDialer{u}, TLS: p.TLS, Proxy: Direct, MaxIdlePerHost: 1, MaxBodyBytes: 1 << 20, NoDecoding: true,
		UserAgent: p.set.name + "-health",
	}
	defer cl.Close()
	at := &url.URL{Scheme: "http", Host: u.host, Path: p.HealthPath}
	if u.secure {
		at.Scheme = "https"
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-p.stop
		cancel()
	}()
	tick := time.NewTicker(p.set.every)
	defer tick.Stop()
	for {
		err := p.ask(ctx, cl, at.String())
		if was := u.sick.Swap(err != nil); was != (err != nil) {
			if err != nil {
				p.set.log.Warn("http1: upstream is sick", "upstream", u.text, "err", err)
			} else {
				p.set.log.Info("http1: upstream is well again", "upstream", u.text)
			}
		}
		select {
		case <-p.stop:
			return
		case <-tick.C:
		}
	}
}

// ask makes one check.
func (p *Proxy) ask(ctx context.Context, cl *Client, url string) error {
	ctx, cancel := context.WithTimeout(ctx, p.set.checkTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := cl.RoundTrip(req)
	if err != nil {
		return err
	}
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
	if res.StatusCode/100 != 2 && res.StatusCode/100 != 3 {
		return &ProxyError{Proxy: url, Status: res.StatusCode, Err: ErrProxyRefused}
	}
	return nil
}
