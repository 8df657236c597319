package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// lineAddr is the agents' address behind a slow line.
const lineAddr = "127.0.0.1:28492"

const (
	lineDelay = 50       // ms each way
	lineRate  = 20 << 10 // KB/s
)

// ourPair starts our relay, and our agent by another address.
func ourPair(ours, via, target string) (stop func(), err error) {
	pub := exec.Command(ours, "public", "-agents", agentsAddr, "-token", "a-secret-token", "-expose", "x=tcp://"+publicAddr)
	agent := exec.Command(ours, "agent", "-connect", "ws://"+via+"/", "-token", "a-secret-token", "-service", "x=tcp://"+target)
	if err := pub.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		for _, c := range []*exec.Cmd{agent, pub} {
			if c.Process != nil {
				c.Process.Kill()
				c.Wait()
			}
		}
	}
	if err := reachable(agentsAddr); err != nil {
		stop()
		return nil, err
	}
	if err := agent.Start(); err != nil {
		stop()
		return nil, err
	}
	if err := answers(); err != nil {
		stop()
		return nil, err
	}
	return stop, nil
}

// longLine measures what one stream reaches of a line with delay and a limited rate.
func longLine(ours, target string) error {
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.New(io.Discard))
	line := toxiproxy.NewProxy(api, "line", lineAddr, agentsAddr)
	if err := line.Start(); err != nil {
		return err
	}
	defer line.Stop()
	for _, stream := range []string{"upstream", "downstream"} {
		for _, toxic := range []string{
			fmt.Sprintf(`{"type": "latency", "stream": %q, "attributes": {"latency": %d}}`, stream, lineDelay),
			fmt.Sprintf(`{"type": "bandwidth", "stream": %q, "attributes": {"rate": %d}}`, stream, lineRate),
		} {
			if _, err := line.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
				return err
			}
		}
	}
	stop, err := ourPair(ours, lineAddr, target)
	if err != nil {
		return err
	}
	defer stop()
	const size = 200 << 20
	start := time.Now()
	res, err := http.Get(fmt.Sprintf("http://%s/%d", publicAddr, size))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	buf := make([]byte, 1<<20)
	half, n := time.Time{}, 0
	for {
		k, err := res.Body.Read(buf)
		n += k
		if half.IsZero() && n >= size/2 {
			half = time.Now()
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	rate := func(n int, d time.Duration) float64 { return float64(n) / 1024 / d.Seconds() }
	fmt.Printf("line of %d KB/s and %d ms each way: %.0f%% over %d MiB from the beginning, %.0f%% in the second half\n", lineRate, lineDelay,
		100*rate(n, time.Since(start))/lineRate, size>>20, 100*rate(n-size/2, time.Since(half))/lineRate)
	return nil
}

// stalled measures small GETs beside one stream that nobody reads and 50 that are read.
func stalled(ours, target string) error {
	stop, err := ourPair(ours, agentsAddr, target)
	if err != nil {
		return err
	}
	defer stop()
	cl := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	quiet50, quiet99, err := latency(cl, 1, 1000)
	if err != nil {
		return err
	}
	mute, err := net.Dial("tcp", publicAddr)
	if err != nil {
		return err
	}
	defer mute.Close()
	fmt.Fprintf(mute, "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", 1<<30)
	withMute50, withMute99, err := latency(cl, 1, 1000)
	if err != nil {
		return err
	}
	end := make(chan struct{})
	for range 50 { // each at a rate that the machine can carry: the streams are busy, not the processors
		go func() {
			for tick := time.NewTicker(100 * time.Millisecond); ; {
				select {
				case <-end:
					return
				case <-tick.C:
					res, err := cl.Get("http://" + publicAddr + "/100000")
					if err != nil {
						fmt.Fprintln(os.Stderr, err)
						return
					}
					io.Copy(io.Discard, res.Body)
					res.Body.Close()
				}
			}
		}()
	}
	busy50, busy99, err := latency(cl, 1, 1000)
	close(end)
	if err != nil {
		return err
	}
	fmt.Printf("small GET p50/p99: quiet %v/%v, beside a stalled stream %v/%v, beside that and 50 busy ones %v/%v\n",
		quiet50, quiet99, withMute50, withMute99, busy50, busy99)
	return nil
}
