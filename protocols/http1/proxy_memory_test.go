package http1_test

import (
	"io"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// TestProxySlowUploads: many clients upload to an upstream that takes nothing: the proxy holds no more than its queues, and when
// the upstream goes on every byte arrives. Soaking: 1,000 clients with 10 MiB each.
func TestProxySlowUploads(t *testing.T) {
	clients, each := size(40, 10, 1000), size(2<<20, 1<<20, 10<<20)
	next := make(chan struct{})
	var wrong atomic.Int32
	s := newOrigin(t, func(_ http.ResponseWriter, r *http.Request) {
		<-next
		if n, err := io.Copy(io.Discard, r.Body); n != int64(each) || err != nil {
			wrong.Add(1)
		}
	})
	p := &http1.Proxy{Upstreams: []string{s.URL}, MaxConns: clients}
	_, url := serveProxy(t, p, &http1.Server{MaxBodyBytes: -1})
	cl := newClient(t, &http1.Client{
		MaxConnsPerHost: clients, HeadTimeout: -1, Reactor: reactortest.NewDefault(t, reactor.Config{Loops: 1, StallAfter: -1}),
	})
	before := heap()
	var read atomic.Int64
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			res, err := cl.Post(t.Context(), url, "", &countingReader{left: each, read: &read})
			if err != nil {
				t.Error(err)
				return
			}
			res.Body.Close()
			if res.StatusCode != 200 {
				t.Errorf("%v", res)
			}
		})
	}
	last, same := int64(0), 0
	until(t, "the uploads to stall or to be read", func() bool {
		if n := read.Load(); n != last {
			last, same = n, 0
		}
		same++
		return same > 200 && last > 0
	})
	// Client, proxy and net/http's server are in this process, each with its buffers.
	report(t, "proxy_slow_uploads", "heap_bytes_per_client", float64(heap()-before)/float64(clients), 2<<20)
	close(next)
	wg.Wait()
	if wrong.Load() > 0 || read.Load() != int64(clients*each) {
		t.Errorf("%d uploads came in pieces; %d bytes were read", wrong.Load(), read.Load())
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}
