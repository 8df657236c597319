package tftp_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/tftp"
	"github.com/calandria-go/calandria/protocols/tftp/transfer"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/udp"
)

// TestGoodput prints the curve of docs/tftp.md: what arrives by loss and window, on a network whose round trip takes 2 ms. Loss
// makes transfers slower, and nothing else.
func TestGoodput(t *testing.T) {
	losses := []float64{0, 0.01, 0.02, 0.05, 0.1, 0.2}
	windows := []int{1, 4, 16, 64}
	fileSize, seeds := size(100_000, 50_000, 1<<20), size(1, 1, 5)
	for _, loss := range losses {
		row := []string{fmt.Sprintf("%2.0f %%", loss*100)}
		for _, w := range windows {
			var took time.Duration
			for seed := range uint64(seeds) {
				took += goodput(t, seed, loss, w, fileSize)
			}
			row = append(row, fmt.Sprintf("%.0f", float64(fileSize*seeds)/took.Seconds()/1000))
		}
		t.Logf("| %s | %s kB/s", row[0], strings.Join(row[1:], " | "))
	}
}

// goodput is the time that one transfer takes.
func goodput(t *testing.T, seed uint64, loss float64, window, n int) (took time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		r := reactortest.New(t, reactor.Config{Loops: 1, StallAfter: -1})
		network := reactortest.NewPacketNet(seed, reactortest.PacketFaults{Loss: loss, Delay: time.Millisecond})
		conn := network.Listen()
		s := &tftp.Server{
			SinglePort: true, Transfer: transfer.Config{Retries: 100, OpeningSends: 100},
			Source: tftp.SourceFunc(func(context.Context, *tftp.Request) (tftp.Content, error) { return tftp.Bytes(noise(n)), nil }),
		}
		if err := s.Serve(r, udp.FromPacketConn(conn)); err != nil {
			t.Fatal(err)
		}
		c := tftp.Client{
			Reactor: r, Addr: conn.LocalAddr().String(), WindowSize: window, Transfer: transfer.Config{Retries: 100},
			Open: func() (reactor.PacketSocket, error) { return network.Listen(), nil },
		}
		res, err := c.Get(context.Background(), "f", io.Discard)
		if err != nil || res.Stats.Bytes != int64(n) {
			t.Fatalf("seed %d, loss %v, window %d: %v", seed, loss, window, err)
		}
		took = res.Took
		r.Shutdown(canceled())
	})
	return took
}
