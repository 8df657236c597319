package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// measurement is one peer in one round.
type measurement struct {
	down, up     float64 // MB/s
	downCPU      float64 // seconds of relay and agent for a GB
	upCPU        float64
	p50, p99     time.Duration // of a small GET, one connection
	p5064, p9964 time.Duration // 64 connections
	opened       float64       // streams opened and closed a second
}

func compare(ours, only, target string, size, rounds int) error {
	fmt.Println("| relay | down MB/s | CPU s/GB | up MB/s | CPU s/GB | GET p50 | p99 | 64 conns p50 | p99 | streams/s |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|")
	results := map[string][]measurement{}
	names := []string{"ours", "frp", "frp-ws", "chisel"}
	for range rounds {
		for _, name := range names {
			if only != "" && only != name {
				continue
			}
			m, err := measure(ours, name, target, size)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			results[name] = append(results[name], m)
		}
	}
	for _, name := range names {
		if all := results[name]; len(all) > 0 {
			slices.SortFunc(all, func(a, b measurement) int { return int(1000 * (a.downCPU - b.downCPU)) })
			m := all[len(all)/2]
			fmt.Printf("| %s | %.0f | %.2f | %.0f | %.2f | %v | %v | %v | %v | %.0f |\n", name, m.down, m.downCPU, m.up, m.upCPU,
				m.p50, m.p99, m.p5064, m.p9964, m.opened)
		}
	}
	return nil
}

// backend answers GET /N with N bytes, and POST with the number that came.
func backend() (addr string, stop func(), err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	block := make([]byte, 256<<10)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			n, _ := io.Copy(io.Discard, r.Body)
			fmt.Fprint(w, n)
			return
		}
		n, _ := strconv.Atoi(r.URL.Path[1:])
		w.Header().Set("Content-Length", strconv.Itoa(n))
		for n > 0 {
			k, err := w.Write(block[:min(n, len(block))])
			if n -= k; err != nil {
				return
			}
		}
	})}
	go srv.Serve(ln)
	return ln.Addr().String(), func() { srv.Close() }, nil
}

// processes starts the relay and the agent of a peer.
func processes(ours, name, target, dir string) ([]*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	switch name {
	case "ours":
		return []*exec.Cmd{
			exec.Command(ours, "public", "-agents", agentsAddr, "-token", "a-secret-token", "-expose", "x=tcp://"+publicAddr),
			exec.Command(ours, "agent", "-connect", "ws://"+agentsAddr+"/", "-token", "a-secret-token", "-service", "x=tcp://"+target),
		}, nil
	case "chisel":
		return []*exec.Cmd{exec.Command(self, "chisels", agentsAddr), exec.Command(self, "chiselc", agentsAddr, publicAddr, target)}, nil
	}
	transport := "tcp"
	if name == "frp-ws" {
		transport = "websocket"
	}
	s, c, err := frpConfig(dir, transport, agentsAddr, publicAddr, target)
	if err != nil {
		return nil, err
	}
	return []*exec.Cmd{exec.Command(self, "frps", s), exec.Command(self, "frpc", c)}, nil
}

func measure(ours, name, target string, size int) (m measurement, err error) {
	dir, err := os.MkdirTemp("", "relay-bench")
	if err != nil {
		return m, err
	}
	defer os.RemoveAll(dir)
	cmds, err := processes(ours, name, target, dir)
	if err != nil {
		return m, err
	}
	for i, c := range cmds {
		out, err := os.Create(filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			return m, err
		}
		defer out.Close()
		c.Stdout, c.Stderr = out, out
		if err := c.Start(); err != nil {
			return m, err
		}
		defer func() {
			c.Process.Signal(syscall.SIGKILL)
			c.Wait()
		}()
		if i == 0 {
			if err := reachable(agentsAddr); err != nil {
				return m, err
			}
		}
	}
	if err := answers(); err != nil {
		return m, err
	}
	return m, m.take(cmds, size)
}

// reachable waits for a listener.
func reachable(addr string) error {
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			return c.Close()
		}
		if time.Now().After(deadline) {
			return err
		}
	}
}

// answers waits for the first answer through the relay.
func answers() error {
	cl := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		res, err := cl.Get("http://" + publicAddr + "/5")
		if err == nil {
			_, err = io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

// spent is the CPU time of processes until now, from /proc.
func spent(cmds []*exec.Cmd) (d time.Duration) {
	for _, c := range cmds {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", c.Process.Pid))
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", c.Process.Pid))
		for _, t := range tasks {
			if tb, err := os.ReadFile(t); err == nil {
				b = tb
				var ns int64
				fmt.Sscan(string(b), &ns)
				d += time.Duration(ns)
			}
		}
	}
	return d
}

type counter struct{ n int }

func (c *counter) Read(p []byte) (int, error) {
	if c.n == 0 {
		return 0, io.EOF
	}
	k := min(c.n, len(p))
	c.n -= k
	return k, nil
}

func (m *measurement) take(cmds []*exec.Cmd, size int) error {
	cl := http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	run := func(f func() error) (mbs, cpu float64, err error) {
		before, start := spent(cmds), time.Now()
		err = f()
		took := time.Since(start)
		return float64(size) / 1e6 / took.Seconds(), (spent(cmds) - before).Seconds() / (float64(size) / 1e9), err
	}
	var err error
	m.down, m.downCPU, err = run(func() error {
		res, err := cl.Get(fmt.Sprintf("http://%s/%d", publicAddr, size))
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if n, err := io.Copy(io.Discard, res.Body); err != nil || n != int64(size) {
			return fmt.Errorf("%d bytes, %w", n, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	m.up, m.upCPU, err = run(func() error {
		req, _ := http.NewRequest(http.MethodPost, "http://"+publicAddr+"/", &counter{size})
		req.ContentLength = int64(size)
		res, err := cl.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if string(b) != strconv.Itoa(size) {
			err = fmt.Errorf("%s bytes arrived, %w", b, err)
		}
		return err
	})
	if err != nil {
		return err
	}
	if m.p50, m.p99, err = latency(&cl, 1, 2000); err != nil {
		return err
	}
	if m.p5064, m.p9964, err = latency(&cl, 64, 10000); err != nil {
		return err
	}
	m.opened, err = churn()
	return err
}

// latency is that of n small GETs on some connections.
func latency(cl *http.Client, conns, n int) (p50, p99 time.Duration, err error) {
	times := make([]time.Duration, n)
	var next atomic.Int64
	var first atomic.Pointer[error]
	var wg sync.WaitGroup
	for range conns {
		wg.Go(func() {
			for i := next.Add(1) - 1; int(i) < n; i = next.Add(1) - 1 {
				start := time.Now()
				res, err := cl.Get("http://" + publicAddr + "/100")
				if err == nil {
					_, err = io.Copy(io.Discard, res.Body)
					res.Body.Close()
				}
				if err != nil {
					first.CompareAndSwap(nil, &err)
					return
				}
				times[i] = time.Since(start)
			}
		})
	}
	wg.Wait()
	if e := first.Load(); e != nil {
		return 0, 0, *e
	}
	slices.Sort(times)
	return times[n/2].Round(time.Microsecond), times[n*99/100].Round(time.Microsecond), nil
}

// churn opens, uses and closes connections for two seconds.
func churn() (float64, error) {
	cl := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	start := time.Now()
	var n atomic.Int64
	var first atomic.Pointer[error]
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for time.Since(start) < 2*time.Second {
				res, err := cl.Get("http://" + publicAddr + "/1")
				if err != nil {
					first.CompareAndSwap(nil, &err)
					return
				}
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
				n.Add(1)
			}
		})
	}
	wg.Wait()
	if e := first.Load(); e != nil {
		return 0, *e
	}
	return float64(n.Load()) / time.Since(start).Seconds(), nil
}
