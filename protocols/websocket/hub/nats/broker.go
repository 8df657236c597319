// Package nats connects hubs over a NATS server, or a cluster of them.
//
// Each topic is a subject of core NATS. What a hub publishes has a number, for each topic of each hub; so the others drop what
// came before, and know what did not come. Delivery is once at most and in the order of each publisher. NATS keeps nothing: what is published
// while a hub is cut off does not reach it, and it is told so: at once that something may be missing, and how many when the next
// message of each hub comes. What a hub itself publishes meanwhile waits, within [Config].MaxQueue, and goes out in its order.
//
// A broker has four or five goroutines, nats.go's included, whatever the number of topics.
package nats

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	mrand "math/rand/v2"
	"strings"
	"sync"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/calandria-go/calandria/protocols/websocket/hub"
)

// Config says where the server is, and has limits. URL must be set; the zero value of the rest is safe.
type Config struct {
	// URL is the server's, as "nats://127.0.0.1:4222", or several with commas between them.
	URL string
	// Prefix begins the subjects; empty: "calandria.hub". Hubs with the same one are together.
	Prefix string
	// MaxQueue bounds the payloads that wait to be sent, in bytes; 0: 8 MiB; negative: unlimited. Above it Publish fails with
	// ErrQueueFull, and the other hubs count a loss.
	MaxQueue int
	// MaxReceived bounds the messages that came and that the hub has not taken; 0 or negative: 8,192. What is beyond is lost, and counted.
	MaxReceived int
	// MaxOrigins bounds the hubs that are known for each topic, those of earlier runs included; 0: 1,024; negative: unlimited. One
	// that was forgotten begins anew: its losses up to then are not counted.
	MaxOrigins int
	// ReconnectMin and ReconnectMax are the waits before the first and the later attempts to connect, with jitter; 0 or negative:
	// 100 ms and 5 s.
	ReconnectMin, ReconnectMax time.Duration
	// Setup changes nats.go's own options, for authentication and TLS; nil: nothing is changed.
	Setup func(*natsgo.Options)
}

const (
	defaultPrefix   = "calandria.hub"
	defaultQueue    = 8 << 20
	defaultReceived = 8192
	defaultOrigins  = 1024
	defaultMinWait  = 100 * time.Millisecond
	defaultMaxWait  = 5 * time.Second

	// maxTopic keeps a subject within a server's control line of 4 KiB.
	maxTopic = 2048
	// flushTime bounds what Close waits for, twice.
	flushTime = 2 * time.Second
	// cutOffPause is before another attempt to send, when nats.go knows already that the connection has gone.
	cutOffPause = 10 * time.Millisecond
)

// Errors of a broker.
var (
	// ErrQueueFull: more than Config.MaxQueue waits to be sent.
	ErrQueueFull = errors.New("nats: queue to the broker is full")
	// ErrTooBig: the server takes no message of that size.
	ErrTooBig = errors.New("nats: message is too big for the server")
	// ErrTopic: the topic is longer than a subject may be.
	ErrTopic = errors.New("nats: topic is too long")
	// ErrClosed: Close was called.
	ErrClosed = errors.New("nats: broker is closed")
)

// Broker is a hub.Broker. It is made by New, and for one hub.
type Broker struct {
	cfg           Config
	node          [8]byte
	nc            *natsgo.Conn
	to            hub.Receiver
	in            chan *natsgo.Msg
	news          chan news
	started, quit chan struct{}
	wg            sync.WaitGroup

	sent chan struct{} // closed when the sender has ended

	// Nothing of nats.go is called while mu is held: it keeps a lock of its own over writes that may take a minute, and Publish is
	// called on loops.
	mu      sync.Mutex
	change  sync.Cond // queue, orders, closed, or up
	topics  map[string]*topic
	orders  []order
	queue   []outgoing
	bytes   int
	streams uint32
	most    int64 // what the server takes; 0: not known yet
	up      bool
	stats   Stats
	closed  bool
}

// topic is one that the hub has.
type topic struct {
	name   string
	sub    *natsgo.Subscription // the sender's
	stream uint32               // tells it from the same topic of before
	seq    uint64
	last   map[origin]uint64 // of other hubs
}

type outgoing struct {
	subject string
	data    []byte
}

// order is to subscribe, or no longer.
type order struct {
	t    *topic
	want bool
}

// news are what the connection does.
type news struct {
	up, again bool
	err       error
}

// Stats is what a broker has done.
type Stats struct {
	// Sent and Received count messages, Lost those that did not come, Duplicates those that came again or late, Bad those that were no
	// hub's.
	Sent, Received, Lost, Duplicates, Bad uint64
	// Refused counts those that Publish refused, Failed those that the server or nats.go refused later.
	Refused, Failed uint64
	// Reconnects counts connections but the first.
	Reconnects uint64
	// Queued are the bytes that wait to be sent.
	Queued int
}

// New makes a broker. It connects when the hub starts it.
func New(cfg Config) (*Broker, error) {
	if cfg.URL == "" {
		return nil, errors.New("nats: no URL")
	}
	if cfg.Prefix == "" {
		cfg.Prefix = defaultPrefix
	}
	if strings.ContainsAny(cfg.Prefix, " \t\r\n*>") || strings.HasPrefix(cfg.Prefix, ".") || strings.HasSuffix(cfg.Prefix, ".") {
		return nil, fmt.Errorf("nats: bad prefix %q", cfg.Prefix)
	}
	if cfg.MaxQueue = or(cfg.MaxQueue, defaultQueue); cfg.MaxReceived <= 0 {
		cfg.MaxReceived = defaultReceived
	}
	cfg.MaxOrigins = or(cfg.MaxOrigins, defaultOrigins)
	if cfg.ReconnectMin <= 0 {
		cfg.ReconnectMin = defaultMinWait
	}
	if cfg.ReconnectMax <= 0 {
		cfg.ReconnectMax = defaultMaxWait
	}
	b := &Broker{
		cfg: cfg, topics: map[string]*topic{}, in: make(chan *natsgo.Msg, cfg.MaxReceived), news: make(chan news, 64), started: make(chan struct{}), quit: make(chan struct{}),
		sent: make(chan struct{}),
	}
	b.change.L = &b.mu
	rand.Read(b.node[:])
	return b, nil
}

// or is v, def for zero, and as good as unlimited for a negative number.
func or(v, def int) int {
	switch {
	case v == 0:
		return def
	case v < 0:
		return math.MaxInt
	}
	return v
}

// Start is part of hub.Broker. A server that is not there is tried again and again; only a bad URL is an error.
func (b *Broker) Start(to hub.Receiver) error {
	b.to = to
	o := natsgo.GetDefaultOptions()
	o.Url = b.cfg.URL
	o.Servers = nil
	o.Name = "calandria hub"
	o.NoEcho = true
	o.MaxReconnect = -1
	o.ReconnectBufSize = -1 // what waits is in our queue
	o.RetryOnFailedConnect = true
	o.CustomReconnectDelayCB = b.delay
	o.DisconnectedErrCB = func(_ *natsgo.Conn, err error) { b.tell(news{err: err}) }
	o.ConnectedCB = func(*natsgo.Conn) { b.tell(news{up: true}) }
	o.ReconnectedCB = func(*natsgo.Conn) { b.tell(news{up: true, again: true}) }
	o.AsyncErrorCB = func(*natsgo.Conn, *natsgo.Subscription, error) {} // what is lost shows in the numbers
	if urls := strings.Split(b.cfg.URL, ","); len(urls) > 1 {
		o.Url, o.Servers = "", urls
	}
	if b.cfg.Setup != nil {
		b.cfg.Setup(&o)
	}
	nc, err := o.Connect()
	if err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	b.nc = nc
	close(b.started)
	b.wg.Go(b.receive)
	b.wg.Go(b.send)
	return nil
}

// delay is the wait before an attempt.
func (b *Broker) delay(attempts int) time.Duration {
	d := min(b.cfg.ReconnectMin<<min(attempts, 16), b.cfg.ReconnectMax)
	return d/2 + mrand.N(d/2+1)
}

// tell queues news for the goroutine that calls the hub, and wakes the sender.
func (b *Broker) tell(n news) {
	<-b.started
	select {
	case b.news <- n:
	case <-b.quit:
	}
	most := b.nc.MaxPayload()
	b.mu.Lock()
	b.up = n.up
	if n.up {
		b.most = most
	}
	if n.again {
		b.stats.Reconnects++
	}
	b.change.Broadcast()
	b.mu.Unlock()
}

// Stats gives the figures. Any goroutine.
func (b *Broker) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.stats
	s.Queued = b.bytes
	return s
}

// Close is part of hub.Broker. What is queued goes out first, if the server takes it within two seconds.
func (b *Broker) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	b.change.Broadcast()
	b.mu.Unlock()
	if b.nc == nil {
		return nil
	}
	select {
	case <-b.sent:
		if b.nc.IsConnected() {
			b.nc.FlushTimeout(flushTime)
		}
	case <-time.After(flushTime):
	}
	close(b.quit)
	b.nc.Close()
	b.wg.Wait()
	return nil
}
