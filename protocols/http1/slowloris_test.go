package http1_test

import (
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

// goodClients sends requests one after the other on connections of its own until stop is closed, and gives how long each
// took, in order.
func goodClients(t *testing.T, h *host, clients int, stop <-chan struct{}) []time.Duration {
	t.Helper()
	var mu sync.Mutex
	var all []time.Duration
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			p, err := h.tryConnect()
			if err != nil {
				t.Error(err)
				return
			}
			defer p.Close()
			tick := time.NewTicker(2 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-stop:
					return
				case <-tick.C:
				}
				start := time.Now()
				if _, err := io.WriteString(p, get("/")); err != nil {
					t.Errorf("a good client: %v", err)
					return
				}
				b, err := readAnswer(p.br)
				if err != nil || string(b) != "hello" {
					t.Errorf("a good client: %q, %v", b, err)
					return
				}
				took := time.Since(start)
				p.SetDeadline(time.Now().Add(patience))
				mu.Lock()
				all = append(all, took)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(all)
	return all
}

func p99(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	return all[len(all)*99/100]
}

// Connections that dribble their heads are cut at HeadTimeout, each with a 408, and good clients hardly notice.
func TestSlowloris(t *testing.T) {
	const limit = 2 * time.Second
	attackers := size(500, 300, 5000)
	srv := &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(hello), HeadTimeout: limit, LingerTimeout: 100 * time.Millisecond}
	h := serve(t, "tcp", srv, reactor.Config{})

	after := func(d time.Duration) <-chan struct{} {
		stop := make(chan struct{})
		time.AfterFunc(d, func() { close(stop) })
		return stop
	}
	calm := goodClients(t, h, 8, after(time.Second))

	conns := make([]*peer, attackers)
	began := make([]time.Time, attackers)
	for i := range conns {
		p, err := h.tryConnect()
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		conns[i], began[i] = p, time.Now()
		p.send("G")
	}
	stop := make(chan struct{})
	var attack sync.WaitGroup
	attack.Go(func() { // a byte for each, again and again
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			for _, p := range conns {
				p.Write([]byte{"ET / HTTP/1.1\r\nHost: a\r\nX: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"[i%60]})
			}
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	var cut sync.WaitGroup
	for i, p := range conns {
		cut.Go(func() {
			r, err := io.ReadAll(p.br)
			took := time.Since(began[i])
			if took < limit || took > limit+2*time.Second {
				t.Errorf("cut after %v", took)
			}
			// The 408 may be overtaken by a reset, as the attacker goes on sending; but nothing else may come.
			if err == nil && len(r) > 0 && string(r[:12]) != "HTTP/1.1 408" {
				t.Errorf("%q", r)
			}
		})
	}
	busy := goodClients(t, h, 8, after(limit-300*time.Millisecond))
	cut.Wait()
	close(stop)
	attack.Wait()
	eventually(t, "all are closed for their heads", func() bool {
		n := 0
		for _, reason := range h.reasons() {
			if reason == "head_timeout" {
				n++
			}
		}
		return n == attackers
	})
	t.Logf("p99 of good clients: %v in peace, %v under attack", p99(calm), p99(busy))
	factor := 2.0
	if !soaking() {
		factor = 50 // others work on this machine
	}
	floor := 2 * time.Millisecond // below this the scheduler is measured, not the server
	report(t, "slowloris", "p99_ratio", float64(max(p99(busy), floor))/float64(max(p99(calm), floor)), factor)
}

// What is left of an attack is nothing: every connection is closed and counted.
func TestConnectSendReset(t *testing.T) {
	n := size(10_000, 3_000, 100_000)
	srv := &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(anyhow)}
	h := serve(t, "tcp", srv, reactor.Config{})
	before := h.stats()
	sends := []string{"", "G", get("/"), get("/timer"), get("/offload"), get("/stream") + get("/"), post("/body", "abc"), request("POST", "/body", "Content-Length: 9"), "bad\r\n\r\n"}
	var wg sync.WaitGroup
	jobs := make(chan int)
	for range 8 {
		wg.Go(func() {
			for i := range jobs {
				c, err := net.Dial("tcp", h.addr.String())
				if err != nil {
					t.Error(err)
					return
				}
				io.WriteString(c, sends[i%len(sends)])
				if i%5 == 0 { // let some get their answer
					c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
					c.Read(make([]byte, 10))
				}
				c.(*net.TCPConn).SetLinger(0)
				c.Close()
			}
		})
	}
	for i := range n {
		jobs <- i
	}
	close(jobs)
	wg.Wait()
	var now reactor.LoopStats
	eventually(t, "all are closed", func() bool {
		now = h.stats()
		return now.Opened-before.Opened == now.Closed-before.Closed && now.Accepted-before.Accepted == now.Opened-before.Opened &&
			now.Conns == 0
	})
	opened := now.Opened - before.Opened
	if opened < uint64(n)*9/10 {
		t.Errorf("%d of %d were opened", opened, n)
	}
	if ends := uint64(len(h.reasons())); ends != opened {
		t.Errorf("%d opened, %d closed", opened, ends)
	}
	report(t, "connect-send-reset", "opened_minus_closed", float64(now.Opened-before.Opened)-float64(now.Closed-before.Closed), 0)
	p := h.connect()
	p.send(get("/"))
	p.want(200, "/")
}
