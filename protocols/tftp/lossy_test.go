package tftp_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp"
	"github.com/calandria-go/calandria/protocols/tftp/transfer"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/udp"
)

// faults are those of the worst network that must do. It cuts no requests: one that is cut is refused, and made again without
// options, and then nobody knows the size, which is all that tells a block that was cut from the last one.
var faults = reactortest.PacketFaults{
	Loss: 0.2, Duplicate: 0.1, Reorder: 0.1, Truncate: 0.01, TruncateAbove: 200, Delay: time.Millisecond, Jitter: 2 * time.Millisecond,
}

// TestLossyNetwork: with 20 % loss, duplicates, reordering and truncation every transfer arrives, whole, both ways. Time is
// the bubble's, so that the thousands of time-outs take none.
func TestLossyNetwork(t *testing.T) {
	n, bytesEach := size(12, 4, soakTransfers()), size(200_000, 60_000, 1<<20)
	want := noise(bytesEach)
	sum := sha256.Sum256(want)
	for i := range n {
		seed := uint64(i + 1)
		synctest.Test(t, func(t *testing.T) {
			r := reactortest.New(t, reactor.Config{Loops: 1, StallAfter: -1})
			network := reactortest.NewPacketNet(seed, faults)
			st := &store{files: map[string][]byte{"f": want}}
			h := &tftp.Handlers{Read: st.read, Write: st.write}
			conn := network.Listen()
			s := &tftp.Server{Source: h, Sink: h, SinglePort: true, Transfer: transfer.Config{Retries: 100, OpeningSends: 100}}
			if err := s.Serve(r, udp.FromPacketConn(conn)); err != nil {
				t.Fatal(err)
			}
			c := tftp.Client{
				Reactor: r, Addr: conn.LocalAddr().String(), WindowSize: []int{1, 4, 16, 64}[i%4], BlockSize: []int{512, 1428}[i/4%2],
				Transfer: transfer.Config{Retries: 100},
				Open:     func() (reactor.PacketSocket, error) { return network.Listen(), nil },
			}
			var got bytes.Buffer
			if i%3 > 0 {
				if _, err := c.Get(context.Background(), "f", &got); err != nil {
					t.Fatalf("seed %d: get: %v", seed, err)
				}
			} else {
				if _, err := c.Put(context.Background(), "g", bytes.NewReader(want), int64(len(want))); err != nil {
					t.Fatalf("seed %d: put: %v", seed, err)
				}
				st.mu.Lock()
				got.Write(st.files["g"])
				st.mu.Unlock()
			}
			if sha256.Sum256(got.Bytes()) != sum {
				t.Errorf("seed %d: %d bytes that differ", seed, got.Len())
			}
			r.Shutdown(canceled()) // dallying sockets
		})
	}
}

// soakTransfers may be fewer, by CALANDRIA_TRANSFERS.
func soakTransfers() int {
	if n, err := strconv.Atoi(os.Getenv("CALANDRIA_TRANSFERS")); err == nil {
		return n
	}
	return 1000
}

func canceled() context.Context {
	c, cancel := context.WithCancel(context.Background())
	cancel()
	return c
}

// TestLossyProxy is the same with sockets, and files, in real time: less of it.
func TestLossyProxy(t *testing.T) {
	both(t, func(t *testing.T, single bool) {
		s := newSite(t, func(s *tftp.Server, f *tftp.Files) {
			writable(s, f)
			s.SinglePort = single
			s.Transfer.OpeningSends = 100
			s.Transfer.Dally = 3 * time.Second
		})
		b := noise(size(60_000, 20_000, 1<<20))
		s.put(t, "f", b)
		for seed := range uint64(2) {
			c := s.client()
			f := faults
			f.Loss = 0.1
			c.Addr = reactortest.LossyProxy(t, s.addr, seed, f).String()
			got, _ := get(t, c, "f")
			same(t, fmt.Sprint("get, seed ", seed), got, b)
			if _, err := c.Put(ctx(t), "g", bytes.NewReader(b), int64(len(b))); err != nil {
				t.Errorf("put, seed %d: %v", seed, err)
			}
			same(t, fmt.Sprint("put, seed ", seed), s.file(t, "g"), b)
		}
	})
}
