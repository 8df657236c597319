//go:build interop && !portable

package interop

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestHotRestart: SIGUSR2 replaces the process under a constant rate of requests. No connect is refused and no request is
// lost: every one that was begun gets a whole answer.
func TestHotRestart(t *testing.T) {
	times := 3
	if soak() {
		times = 50
	}
	s := runSite(t, 1, "-listen", "127.0.0.1:0", "-metrics", "off")
	addr := strings.TrimPrefix(s.urls[0], "http://")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	load := newRate(addr, 5000)
	done := load.start(ctx)
	<-time.After(time.Second)
	for n := 1; n <= times; n++ {
		if err := s.restart(n); err != nil {
			t.Fatal(err)
		}
		<-time.After(300 * time.Millisecond) // under load, between two
	}
	cancel()
	<-done
	sent, refused, failed := load.sent.Load(), load.refused.Load(), load.failed.Load()
	t.Logf("%d restarts, %d requests, %.0f a second, %d connects; %d refused, %d failed",
		times, sent, float64(sent)/load.took.Seconds(), load.dialed.Load(), refused, failed)
	if refused+failed > 0 {
		t.Errorf("%d connects refused, %d requests failed; the first: %v", refused, failed, load.first.Load())
	}
	if sent < int64(times)*500 {
		t.Errorf("only %d requests in %v", sent, load.took)
	}
}

// rate sends requests at a constant rate over some connections, each of which is used for a few dozen.
type rate struct {
	addr                          string
	perSecond                     int
	sent, dialed, refused, failed atomic.Int64
	first                         atomic.Value // the first error
	took                          time.Duration
}

func newRate(addr string, perSecond int) *rate { return &rate{addr: addr, perSecond: perSecond} }

func (r *rate) start(ctx context.Context) (done <-chan struct{}) {
	const workers = 50
	from := time.Now()
	var all sync.WaitGroup
	for range workers {
		all.Go(func() { r.work(ctx, time.Second*workers/time.Duration(r.perSecond)) })
	}
	ended := make(chan struct{})
	go func() {
		all.Wait()
		r.took = time.Since(from)
		close(ended)
	}()
	return ended
}

// work makes a request every interval, on connections of up to 40 requests.
func (r *rate) work(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for ctx.Err() == nil {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			r.refused.Add(1)
			r.first.CompareAndSwap(nil, err)
			continue
		}
		r.dialed.Add(1)
		r.use(ctx, c, tick)
		c.Close()
	}
}

func (r *rate) use(ctx context.Context, c net.Conn, tick *time.Ticker) {
	br := bufio.NewReader(c)
	for range 40 {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r.sent.Add(1)
		again, err := ask(c, br)
		if errors.Is(err, errIdleClosed) { // closed while it was idle: sent again, as every client does (RFC 9112 section 9.3.1)
			r.sent.Add(-1)
			return
		}
		if err != nil {
			r.failed.Add(1)
			r.first.CompareAndSwap(nil, err)
			return
		}
		if !again {
			return
		}
	}
}

// errIdleClosed: the server had closed the connection before the request reached it; it has not answered a byte.
var errIdleClosed = errors.New("closed while idle")

func ask(c net.Conn, br *bufio.Reader) (again bool, err error) {
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, "GET /plaintext HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return false, errIdleClosed
	}
	if _, err := br.Peek(1); err == io.EOF { // FIN: an orderly end; a reset would be a loss
		return false, errIdleClosed
	}
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		return false, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "Hello, World!" || resp.StatusCode != http.StatusOK {
		return false, fmt.Errorf("%s: %q, %v", resp.Status, body, err)
	}
	return !resp.Close, nil
}

var replacedBy = regexp.MustCompile(`msg=replaced by=(\d+)`)

// restart replaces the serving process and waits until its successor has said that it is ready.
func (s *site) restart(nth int) error {
	s.signal(syscall.SIGUSR2)
	for deadline := time.Now().Add(40 * time.Second); time.Now().Before(deadline); <-time.After(10 * time.Millisecond) {
		found := replacedBy.FindAllStringSubmatch(s.stderr.String(), -1)
		if len(found) < nth {
			continue
		}
		pid, err := strconv.Atoi(found[nth-1][1])
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.pid = pid
		s.mu.Unlock()
		return nil
	}
	return fmt.Errorf("restart %d: no successor", nth)
}
