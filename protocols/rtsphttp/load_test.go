package rtsphttp

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/tcp"
)

// process is this test binary in a role.
type process struct {
	in  *json.Encoder
	out *bufio.Reader
}

func startRole(t *testing.T, role string) *process {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cancel()
		cmd.Wait()
	})
	return &process{json.NewEncoder(in), bufio.NewReader(out)}
}

func (p *process) line(t *testing.T) string {
	t.Helper()
	s, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatalf("a process of the load has ended: %v", err)
	}
	return strings.TrimSpace(s)
}

// load is a gateway with its camera, for many tunnels.
type load struct {
	*Gateway
	addr   string
	engine string
}

func newLoad(t *testing.T, c Config) *load {
	t.Helper()
	cam := startRole(t, "camera")
	c.Routes = []Route{{Backend: "rtsp://" + cam.line(t)}}
	c.MaxPendingPerIP, c.MaxPending = -1, -1
	c.PairTimeout = 2 * patience
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	r := reactortest.NewDefault(t, reactor.Config{})
	ln, err := tcp.Config{WriteBuffer: 32 << 10}.Listen(context.Background(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Listen(ln, &http1.Server{Handler: g, MaxBodyBytes: -1}); err != nil {
		t.Fatal(err)
	}
	return &load{g, ln.Addr().String(), r.Engine()}
}

// run has the viewers do the plan. quiet is called when all tunnels are open, and no media flows yet.
func (l *load) run(t *testing.T, p loadPlan, quiet func()) loadResult {
	t.Helper()
	p.Gate = l.addr
	viewers := startRole(t, "viewers")
	viewers.in.Encode(p)
	viewers.line(t) // open
	if quiet != nil {
		quiet()
	}
	viewers.in.Encode("start")
	var res loadResult
	if err := json.Unmarshal([]byte(viewers.line(t)), &res); err != nil {
		t.Fatal(err)
	}
	return res
}

// inUse is what the process holds: objects and stacks.
func inUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// TestManySessions: 2,000 tunnels at once with 40 kB/s of media each, in writes of 1,400 bytes; camera and viewers are processes of their
// own. None is starved, no frame is lost, and a tunnel takes less than 4 KiB while nothing is queued.
func TestManySessions(t *testing.T) {
	n := size(100, 50, 2000)
	p := loadPlan{Sessions: n, For: time.Duration(size(1, 1, 20)) * 1500 * time.Millisecond}
	l := newLoad(t, Config{})
	before := inUse()
	var each int64
	res := l.run(t, p, func() {
		wait(t, "all are open", func() bool { st := l.Stats(); return st.Open == n && st.Pending == 0 })
		each = (int64(inUse()) - int64(before)) / int64(n)
	})
	t.Logf("%d sessions for %v: %d frames, the least of one %d, gaps 50%% %v 99.9%% %v, %d bytes of memory each", n, p.For, res.Frames, res.Least, res.Gap50, res.Gap999, each)
	if res.Failed > 0 || res.Lost > 0 {
		t.Errorf("%d failed, %d lost frames: %s", res.Failed, res.Lost, res.Err)
	}
	want := size(1, 1, int(p.For.Seconds()*loadRate/loadPacket/4)) // in a soak, a quarter of its rate
	if res.Least < want {
		t.Errorf("one session got %d frames only, less than %d", res.Least, want)
	}
	limit := int64(4 << 10)
	if l.engine == "portable" {
		limit = 256 << 10 // it reads into a buffer for each connection
	}
	if !raceEnabled && each > limit {
		t.Errorf("%d bytes each", each)
	}
}

// TestStalledViewer: of 500 viewers one stops reading. It is dropped by its limit; the others miss nothing, and in a soak the medians of
// five runs with it and without tell whether they noticed.
func TestStalledViewer(t *testing.T) {
	n, runs := size(60, 30, 500), size(1, 1, 5)
	l := newLoad(t, Config{MaxQueued: size(24<<10, 24<<10, 256<<10)})
	p := loadPlan{Sessions: n, For: time.Duration(size(2, 2, 15)) * time.Second}
	var with, without []time.Duration
	for range runs {
		p.Stalled = 0
		if runs > 1 {
			without = append(without, l.run(t, p, nil).Gap999)
		}
		p.Stalled = 1
		res := l.run(t, p, nil)
		with = append(with, res.Gap999)
		if res.Failed > 0 || res.Lost > 0 || res.Dropped != 1 {
			t.Errorf("%+v", res)
		}
	}
	if got := l.Stats().Ended["slow_viewer"]; got != uint64(runs) {
		t.Errorf("%d dropped for their limit", got)
	}
	if runs == 1 {
		return
	}
	slices.Sort(with)
	slices.Sort(without)
	a, b := with[runs/2], without[runs/2]
	t.Logf("99.9%% of the gaps: with %v (%v), without %v (%v)", a, with, b, without)
	if a > 2*b {
		t.Errorf("with a stalled viewer %v, without %v", a, b)
	}
}
