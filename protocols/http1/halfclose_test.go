package http1_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

const mebibyte = 1 << 20

// numbered is data that shows where it is from: no piece of it looks like another.
func numbered(n int) []byte {
	b := make([]byte, 0, n+16)
	for len(b) < n {
		b = fmt.Appendf(b, "%015x\n", len(b))
	}
	return b[:n]
}

// streamOut streams body as the client takes it.
func streamOut(x *http1.Exchange, body []byte) {
	if x.Start(200, "", -1) != nil {
		return
	}
	more := func(x *http1.Exchange) {
		for len(body) > 0 {
			piece := body[:min(len(body), 20_000)]
			body = body[len(piece):]
			if full, err := x.Write(piece); err != nil || full && len(body) > 0 {
				return
			}
		}
		x.Finish()
	}
	x.OnWritable(more)
	more(x)
}

// A client that sends its request and FIN at once gets its whole answer, always.
func TestHalfClose(t *testing.T) {
	large := numbered(mebibyte)
	largeSum := sha256.Sum256(large)
	srv := &http1.Server{Logger: quiet, Handler: http1.HandlerFunc(func(x *http1.Exchange) {
		answer := func(x *http1.Exchange) { hello(x) }
		switch string(x.Path()) {
		case "/timer":
			x.Conn().AfterFunc(5*time.Millisecond, func() { answer(x) })
		case "/offload":
			x.Offload(func() { x.Post(answer) })
		case "/stream":
			streamOut(x, large)
		case "/large":
			x.Respond(200, "", large)
		case "/echo":
			echo(x)
		default:
			answer(x)
		}
	})}
	for _, network := range []string{"tcp", "unix"} {
		for _, c := range []struct {
			path string
			n    int
		}{
			{"/now", size(1000, 300, 10_000)},
			{"/timer", size(1000, 300, 10_000)},
			{"/offload", size(1000, 300, 10_000)},
			{"/echo", size(1000, 300, 10_000)},
			{"/stream", size(250, 50, 10_000)},
			{"/large", size(250, 50, 10_000)},
		} {
			t.Run(network+c.path, func(t *testing.T) {
				h := serve(t, network, srv, reactor.Config{})
				in, want := get(c.path), []byte("hello")
				switch c.path {
				case "/echo":
					in = post(c.path, strings.Repeat("b", 30_000))
					want = []byte(strings.Repeat("b", 30_000))
				case "/stream", "/large":
					want = large
				}
				var wg sync.WaitGroup
				jobs := make(chan int)
				failed := make(chan error, c.n)
				for range 16 {
					wg.Go(func() {
						for range jobs {
							if err := halfClosed(h, in, want, largeSum); err != nil {
								failed <- err
							}
						}
					})
				}
				for i := range c.n {
					jobs <- i
				}
				close(jobs)
				wg.Wait()
				close(failed)
				for err := range failed {
					t.Error(err)
					break
				}
				report(t, "half-close/"+network+c.path, fmt.Sprintf("lost_of_%d", c.n), float64(len(failed)), 0)
			})
		}
	}
}

// halfClosed sends, half-closes, and wants one answer and the end.
func halfClosed(h *host, in string, want []byte, sum [32]byte) error {
	p, err := h.tryConnect()
	if err != nil {
		return err
	}
	defer p.Close()
	if _, err := io.WriteString(p, in); err != nil {
		return err
	}
	if err := p.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		return err
	}
	r, err := readAnswer(p.br)
	switch {
	case err != nil:
		return err
	case len(r) != len(want):
		return fmt.Errorf("%d bytes of %d", len(r), len(want))
	case len(want) == mebibyte && sha256.Sum256(r) != sum, len(want) < mebibyte && string(r) != string(want):
		return fmt.Errorf("other bytes")
	}
	if n, err := io.Copy(io.Discard, p.br); n > 0 || err != nil {
		return fmt.Errorf("instead of the end: %d bytes, %v", n, err)
	}
	return nil
}
