//go:build linux

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

// load is what the client does.
type load struct {
	Addr, Path           string
	Conns, Size, Stalled int
	Rate                 int
	Time                 time.Duration
	Deflate, TLS         bool
}

// result is what it found. Messages are those that came back within the run.
type result struct {
	Messages          int64
	Seconds           float64
	P50, P99, Longest time.Duration
}

// client is one connection's handler.
type client struct {
	run     *running
	message []byte
	times   []time.Duration // latencies; loop only
}

// running is a load under way.
type running struct {
	*load
	began    time.Time
	stop     atomic.Bool
	messages atomic.Int64
}

// stampedBytes of a message say when it was sent.
const stampedBytes = 8

func (r *running) stamp(p []byte) { binary.LittleEndian.PutUint64(p, uint64(time.Since(r.began))) }

// OnOpen is part of websocket.Handler.
func (c *client) OnOpen(*websocket.Conn) {}

// OnMessage is part of websocket.Handler: an echo is answered with the next message.
func (c *client) OnMessage(conn *websocket.Conn, _ websocket.Opcode, p []byte) {
	if c.run.stop.Load() || len(p) < stampedBytes {
		return
	}
	c.run.messages.Add(1)
	if len(c.times) < 1<<16 {
		c.times = append(c.times, time.Since(c.run.began)-time.Duration(binary.LittleEndian.Uint64(p)))
	}
	if c.run.Path == "/echo" {
		c.send(conn)
	}
}

// OnClose is part of websocket.Handler.
func (c *client) OnClose(*websocket.Conn, error) {}

func (c *client) send(conn *websocket.Conn) {
	c.run.stamp(c.message)
	_ = conn.Send(websocket.Binary, c.message)
}

// run opens all connections, says so on standard output, waits for a line on standard input, and works for the time.
func (l *load) run() (*result, error) {
	r := &running{load: l, began: time.Now()}
	core := reactor.New(reactor.Config{MaxConns: -1})
	o := websocket.DialOptions{Config: websocket.Config{Limits: wire.Limits{MaxMessage: 64 << 20}, PingInterval: -1}, Reactor: core}
	if l.Deflate {
		o.Deflate = &websocket.Deflate{Deflate: wire.Deflate{ServerNoContextTakeover: true, ClientNoContextTakeover: true}}
	}
	clients, conns, err := r.dialAll(&o)
	if err != nil {
		return nil, err
	}
	for _, c := range conns[l.Conns:] {
		c.Reactor().Post(c.Pause)
	}
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return nil, err
	}
	start := time.Now()
	r.work(clients, conns)
	spent := time.Since(start)
	r.stop.Store(true)
	if err := core.EachLoop(context.Background(), func(int) {}); err != nil {
		return nil, err
	}
	var all []time.Duration
	for _, c := range clients {
		all = append(all, c.times...)
	}
	slices.Sort(all)
	res := &result{Messages: r.messages.Load(), Seconds: spent.Seconds()}
	if n := len(all); n > 0 {
		res.P50, res.P99, res.Longest = all[n/2], all[n*99/100], all[n-1]
	}
	return res, nil
}

// work sends until the time is up.
func (r *running) work(clients []*client, conns []*websocket.Conn) {
	end := time.NewTimer(r.Time)
	switch r.Path {
	case "/broadcast":
		t := time.NewTicker(time.Second / time.Duration(r.Rate))
		defer t.Stop()
		for {
			select {
			case <-t.C:
				conns[0].Reactor().Post(func() { clients[0].send(conns[0]) })
			case <-end.C:
				return
			}
		}
	case "/echo":
		for i, c := range clients[:r.Conns] {
			conns[i].Reactor().Post(func() { c.send(conns[i]) })
		}
	}
	<-end.C
}

// dialAll opens the connections from addresses that have ports enough.
func (r *running) dialAll(o *websocket.DialOptions) ([]*client, []*websocket.Conn, error) {
	n := r.Conns + r.Stalled
	clients, conns := make([]*client, n), make([]*websocket.Conn, n)
	scheme := "ws://"
	if r.TLS {
		scheme = "wss://"
	}
	errs := make(chan error, n)
	var wg sync.WaitGroup
	var next atomic.Int64
	for range 32 {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				c := &client{run: r, message: make([]byte, max(r.Size, stampedBytes))}
				for j := range c.message {
					c.message[j] = "calandria "[j%10]
				}
				mine := websocket.DialOptions{Config: o.Config, Reactor: o.Reactor, Handler: c, TLS: &tls.Config{InsecureSkipVerify: true}}
				mine.Dialer = &tcp.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i/4000))}}
				conn, err := websocket.Dial(context.Background(), scheme+r.Addr+r.Path, &mine)
				if err != nil {
					errs <- err
					return
				}
				clients[i], conns[i] = c, conn
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return nil, nil, err
	default:
		return clients, conns, nil
	}
}
