package http1_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

// resident is the memory of the process: RSS, after all that is free was given back.
func resident(t testing.TB) int64 {
	t.Helper()
	debug.FreeOSMemory()
	debug.FreeOSMemory() // what pools hold outlives one collection
	if raceDetector {    // its shadow memory is never given back
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc + m.StackInuse)
	}
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc + m.StackInuse)
	}
	var size, pages int64
	fmt.Sscan(string(b), &size, &pages)
	return pages * int64(os.Getpagesize())
}

// standstill waits until n has not changed for a while, and returns it.
func standstill(t testing.TB, n *atomic.Int64) int64 {
	t.Helper()
	last, since := int64(-1), time.Now()
	eventually(t, "a standstill", func() bool {
		if now := n.Load(); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 300*time.Millisecond
	})
	return last
}

// pour writes size bytes of a repeated pattern, counts them, and gives their checksum.
func pour(c io.Writer, size int64, sent *atomic.Int64) (uint32, error) {
	block := numbered(256 << 10)
	var sum uint32
	for left := size; left > 0; {
		piece := block[:min(left, int64(len(block)))]
		block[0]++ // no two blocks are alike
		sum = crc32.Update(sum, crc32.IEEETable, piece)
		n, err := c.Write(piece)
		sent.Add(int64(n))
		if err != nil {
			return sum, err
		}
		left -= int64(n)
	}
	return sum, nil
}

// kernelBuffers is what the sockets of one connection may hold, far above what Linux gives them.
const kernelBuffers = 24 << 20

// A handler that has stopped its body stops the sender; memory stays flat; then every byte comes.
func TestStuckUpload(t *testing.T) {
	total := int64(size(256, 64, 2048)) << 20
	for _, way := range []string{"paused", "not read"} {
		t.Run(way, func(t *testing.T) {
			goOn := make(chan func(), 1)
			srv := &http1.Server{Logger: quiet, MaxBodyBytes: -1, Handler: http1.HandlerFunc(func(x *http1.Exchange) {
				var sum uint32
				var got int64
				take := func(x *http1.Exchange, piece []byte, last bool) {
					if way == "paused" && got == 0 {
						x.PauseBody()
						goOn <- func() { x.Post((*http1.Exchange).ResumeBody) }
					}
					got += int64(len(piece))
					sum = crc32.Update(sum, crc32.IEEETable, piece)
					if last {
						x.Respond(200, "", fmt.Appendf(nil, "%d %d", got, sum))
					}
				}
				if way == "paused" {
					x.StreamBody(take)
					return
				}
				goOn <- func() { x.Post(func(x *http1.Exchange) { x.StreamBody(take) }) }
			})}
			h := serve(t, "tcp", srv, reactor.Config{})
			p := h.connect()
			before, readBefore := resident(t), h.stats().BytesRead
			var sent atomic.Int64
			sum := make(chan uint32, 1)
			go func() {
				io.WriteString(p, request("POST", "/", fmt.Sprintf("Content-Length: %d", total)))
				s, err := pour(p, total, &sent)
				if err != nil {
					t.Errorf("the sender: %v", err)
				}
				sum <- s
			}()
			resume := <-goOn
			at := standstill(t, &sent)
			grown := resident(t) - before
			report(t, "stuck upload/"+way, "bytes_taken", float64(at), kernelBuffers)
			report(t, "stuck upload/"+way, "rss_growth", float64(grown), 8<<20)
			if read := h.stats().BytesRead - readBefore; read > 256<<10 {
				t.Errorf("the server has read %d bytes", read)
			}
			p.SetDeadline(time.Now().Add(10 * patience))
			resume()
			s := <-sum
			p.want(200, fmt.Sprintf("%d %d", total, s))
			p.Close()
			h.closed(1)
		})
	}
}

// Readers that stop in the middle of a large streamed answer cost HighWater and a piece each, and get the rest exactly.
func TestStuckReaders(t *testing.T) {
	readers := size(20, 5, 200)
	total := size(25, 10, 100) << 20
	const highWater, piece = 256 << 10, 64 << 10
	block := numbered(piece)
	whole := sha256.New()
	for left := total; left > 0; left -= piece {
		whole.Write(block)
	}
	want := whole.Sum(nil)
	var unsent, most atomic.Int64
	srv := &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		left := total
		x.Start(200, "", int64(total))
		c := x.Conn()
		more := func(x *http1.Exchange) {
			for left > 0 {
				left -= piece
				full, err := x.Write(block)
				if n := int64(c.Unsent()); n > most.Load() {
					most.Store(n)
				}
				if err != nil || full && left > 0 {
					return
				}
			}
			x.Finish()
		}
		x.OnWritable(more)
		more(x)
	})}
	h := serve(t, "tcp", srv, reactor.Config{HighWater: highWater, WriteStall: -1})
	before := resident(t)
	var wg sync.WaitGroup
	stopped := make(chan bool, readers)
	goOn := make(chan bool)
	errs := make(chan error, readers)
	for range readers {
		wg.Go(func() { errs <- stopAndGoOn(h, total, stopped, goOn, want) })
	}
	for range readers {
		select {
		case <-stopped:
		case err := <-errs:
			t.Fatal(err)
		}
	}
	var written atomic.Int64
	eventually(t, "the server writes no more", func() bool {
		before := written.Load()
		written.Store(int64(h.stats().BytesWritten))
		return written.Load() == before
	})
	standstill(t, &written)
	grown := resident(t) - before
	unsent.Store(most.Load())
	report(t, "stuck readers", "unsent_of_one", float64(unsent.Load()), highWater+piece)
	// The clients' own buffers are in this process too, and 4 MiB that do not depend on their number.
	limit := float64(highWater+3*piece+piece) + float64(4<<20)/float64(readers)
	report(t, "stuck readers", "rss_growth_per_reader", float64(grown)/float64(readers), limit)
	close(goOn)
	wg.Wait()
	for range readers {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
}

// stopAndGoOn reads half of an answer, waits, and reads the rest.
func stopAndGoOn(h *host, total int, stopped chan<- bool, goOn <-chan bool, want []byte) error {
	p, err := h.tryConnect()
	if err != nil {
		return err
	}
	defer p.Close()
	p.SetDeadline(time.Now().Add(10 * patience))
	if _, err := io.WriteString(p, get("/", "Connection: close")); err != nil {
		return err
	}
	for {
		line, err := p.br.ReadString('\n')
		if err != nil {
			return err
		}
		if line == "\r\n" {
			break
		}
	}
	sum := sha256.New()
	buf := make([]byte, 64<<10)
	n1, err := io.CopyBuffer(sum, io.LimitReader(onlyReader{p.br}, int64(total/2)), buf)
	if err != nil {
		return err
	}
	stopped <- true
	<-goOn
	n2, err := io.CopyBuffer(sum, onlyReader{p.br}, buf)
	switch {
	case err != nil:
		return err
	case n1+n2 != int64(total):
		return fmt.Errorf("%d bytes of %d", n1+n2, total)
	case !bytes.Equal(sum.Sum(nil), want):
		return fmt.Errorf("other bytes")
	}
	return nil
}

// onlyReader hides WriteTo.
type onlyReader struct{ io.Reader }

// A client that pipelines without end and reads nothing stands still; others are served; what it sent is answered in full
// when it reads.
func TestPipeliningWithoutReading(t *testing.T) {
	for _, c := range []struct {
		name string
		n    int
		h    http1.HandlerFunc
	}{
		{"at once", size(300_000, 100_000, 1_000_000), hello},
		{"by post", size(100_000, 50_000, 1_000_000), func(x *http1.Exchange) { x.Post(func(x *http1.Exchange) { hello(x) }) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := serve(t, "tcp", &http1.Server{Logger: quiet, Handler: c.h, MaxRequests: -1}, reactor.Config{})
			good := h.connect()
			good.send(get("/"))
			good.want(200, "hello")
			p := h.connect()
			p.SetDeadline(time.Now().Add(10 * patience))
			batch := strings.Repeat(get("/"), 1000)
			before := resident(t)
			var sent atomic.Int64
			done := make(chan error, 1)
			go func() {
				for range c.n / 1000 {
					n, err := io.WriteString(p, batch)
					sent.Add(int64(n))
					if err != nil {
						done <- err
						return
					}
				}
				done <- p.Conn.(*net.TCPConn).CloseWrite()
			}()
			at := standstill(t, &sent)
			report(t, "pipelining without reading/"+c.name, "rss_growth", float64(resident(t)-before), 8<<20)
			if at == int64(c.n/1000*len(batch)) {
				t.Logf("the kernel took all %d bytes", at)
			}
			for range 100 {
				good.send(get("/"))
				good.want(200, "hello")
			}
			got := 0
			for {
				b, err := readAnswer(p.br)
				if err != nil {
					if err != io.ErrUnexpectedEOF && err != io.EOF {
						t.Error(err)
					}
					break
				}
				if string(b) != "hello" {
					t.Fatalf("%q", b)
				}
				got++
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			if got != c.n/1000*1000 {
				t.Errorf("%d answers to %d requests", got, c.n)
			}
		})
	}
}

// One that uploads all at once and one that trickles do not disturb each other; and a server that shuts down with a stuck
// upload ends at its deadline.
func TestShutdownWithStuckUpload(t *testing.T) {
	srv := &http1.Server{Logger: quiet, MaxBodyBytes: -1, Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		x.StreamBody(func(x *http1.Exchange, _ []byte, _ bool) { x.PauseBody() })
	})}
	h := serve(t, "tcp", srv, reactor.Config{})
	p := h.connect()
	var sent atomic.Int64
	failed := make(chan error, 1)
	go func() {
		io.WriteString(p, request("POST", "/", "Content-Length: 1000000000"))
		_, err := pour(p, 1_000_000_000, &sent)
		failed <- err
	}()
	standstill(t, &sent)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := h.r.Shutdown(ctx); err == nil {
		t.Error("it drained")
	}
	if err := <-failed; err == nil {
		t.Error("the sender sent all")
	}
}
