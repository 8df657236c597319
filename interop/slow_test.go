//go:build interop

package interop

import (
	"context"
	"net/http"
	"os/exec"
	"testing"
	"time"
)

// TestSlowHeaders: clients that send their header a line a second are cut at the head deadline of 10 s, progress or not,
// and others are served meanwhile.
func TestSlowHeaders(t *testing.T) {
	need(t, "slowhttptest")
	eachHandler(t, func(t *testing.T, s *server) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "slowhttptest", "-H", "-c", "200", "-r", "200", "-i", "1", "-l", "30", "-u", s.url("/"))
		var out limitedBuffer
		cmd.Stdout, cmd.Stderr = &out, &out
		began := time.Now()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		client := s.client(t, "tcp")
		var worst time.Duration
		served := 0
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for running := true; running; {
			select {
			case err := <-done:
				running = false
				if err != nil {
					t.Errorf("slowhttptest: %v", err)
				}
			case <-tick.C:
				from := time.Now()
				resp, _, err := do(client, "GET", s.url("/plaintext"), nil)
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Fatalf("a good client: %v %v", resp, err)
				}
				worst = max(worst, time.Since(from))
				served++
			}
		}
		took := time.Since(began)
		t.Logf("slow connections gone after %v; %d good requests meanwhile, the slowest in %v", took, served, worst)
		if took < 10*time.Second || took > 16*time.Second {
			t.Errorf("slow connections were held for %v; want about 10 s\n%s", took, out.tail())
		}
		if worst > time.Second {
			t.Errorf("a good request took %v", worst)
		}
	})
}

// A limitedBuffer keeps the last 16 KiB written to it.
type limitedBuffer struct{ b []byte }

func (l *limitedBuffer) Write(p []byte) (int, error) {
	l.b = append(l.b, p...)
	l.b = l.b[max(0, len(l.b)-16<<10):]
	return len(p), nil
}

func (l *limitedBuffer) tail() string { return tail(string(l.b), 2000) }
