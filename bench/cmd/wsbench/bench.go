//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// bench compares.
type bench struct {
	scenario, only string
	rounds         int
	dir            string
}

// names are the servers, ours first.
var names = []string{"calandria", "gws", "nbio", "gorilla", "coder", "gobwas"}

// figures are what one run of one server gave.
type figures struct {
	perMessage time.Duration // CPU
	rate       float64
	p50, p99   time.Duration
	rss        float64 // bytes for each connection
}

func (b *bench) run(l *load) error {
	dir, err := os.MkdirTemp("", "wsbench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b.dir = dir
	if err := b.build(); err != nil {
		return err
	}
	if b.scenario == "deflate" {
		l.Deflate = true
	}
	if b.scenario == "broadcast" {
		l.Path = "/broadcast"
	}
	all := map[string][]figures{}
	for range b.rounds {
		order := slices.Clone(names)
		rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, name := range order {
			if b.only != "" && !slices.Contains(strings.Split(b.only, ","), name) || name == "gobwas" && l.Deflate {
				continue
			}
			f, err := b.one(name, l)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			all[name] = append(all[name], f)
		}
	}
	b.report(l, all)
	return nil
}

// build makes the servers.
func (b *bench) build() error {
	for _, c := range []*exec.Cmd{
		exec.Command("go", "build", "-o", filepath.Join(b.dir, "ours"), "./bench/servers/wsd"),
		exec.Command("go", "build", "-C", "bench/peers", "-o", filepath.Join(b.dir, "peers"), "./websocket"),
	} {
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w: %s", c.Args, err, out)
		}
	}
	return nil
}

// one runs a server under the load.
func (b *bench) one(name string, l *load) (f figures, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), l.Time+3*time.Minute)
	defer cancel()
	s, err := b.start(ctx, name, l)
	if err != nil {
		return f, err
	}
	defer s.stop()
	before := residentSet(s.pid())
	c, err := startLoad(ctx, s.addr, l, b.scenario == "idle")
	if err != nil {
		return f, err
	}
	defer c.stop()
	if err := c.expect("ready"); err != nil {
		return f, err
	}
	if b.scenario == "idle" {
		if err := s.collect(); err != nil {
			return f, err
		}
		f.rss = float64(residentSet(s.pid())-before) / float64(l.Conns)
		return f, nil
	}
	cpu := processorTime(s.pid())
	if err := c.say("go"); err != nil {
		return f, err
	}
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return f, err
	}
	var r result
	if err := json.Unmarshal(line, &r); err != nil {
		return f, err
	}
	if r.Messages == 0 {
		return f, fmt.Errorf("no message came back")
	}
	f.perMessage = (processorTime(s.pid()) - cpu) / time.Duration(r.Messages)
	f.rate, f.p50, f.p99 = float64(r.Messages)/r.Seconds, r.P50, r.P99
	return f, nil
}

// process is a server or the client.
type process struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	addr string
}

func (b *bench) start(ctx context.Context, name string, l *load) (*process, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := ln.Addr().String()
	ln.Close()
	args := []string{"-listen", addr, "-control"}
	bin := "ours"
	if name != "calandria" {
		bin = "peers"
		args = append(args, "-lib", name)
	} else if l.TLS {
		args = append(args, "-tls")
	}
	if l.Deflate {
		args = append(args, "-deflate")
	}
	p, err := startProcess(exec.CommandContext(ctx, filepath.Join(b.dir, bin), args...))
	if err != nil {
		return nil, err
	}
	p.addr = addr
	for { // until it listens
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			return p, p.collect()
		}
		if ctx.Err() != nil {
			return nil, err
		}
	}
}

func startLoad(ctx context.Context, addr string, l *load, idle bool) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	path := l.Path
	if idle {
		path = "/echo"
	}
	return startProcess(exec.CommandContext(ctx, self, "-load", addr, "-path", path, "-conns", strconv.Itoa(l.Conns), "-size", strconv.Itoa(l.Size),
		"-rate", strconv.Itoa(l.Rate), "-stalled", strconv.Itoa(l.Stalled), "-time", l.Time.String(),
		"-deflate="+strconv.FormatBool(l.Deflate), "-tls="+strconv.FormatBool(l.TLS)))
}

func startProcess(cmd *exec.Cmd) (*process, error) {
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &process{cmd: cmd, in: in, out: bufio.NewReader(out)}, cmd.Start()
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) say(line string) error {
	_, err := io.WriteString(p.in, line+"\n")
	return err
}

func (p *process) expect(line string) error {
	got, err := p.out.ReadString('\n')
	if err == nil && strings.TrimSpace(got) != line {
		err = fmt.Errorf("%q, want %q", got, line)
	}
	return err
}

// collect has a server give garbage back.
func (p *process) collect() error {
	if err := p.say("gc"); err != nil {
		return err
	}
	return p.expect("ok")
}

func (p *process) stop() {
	p.in.Close()
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}
