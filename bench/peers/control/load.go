//go:build linux

package control

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Report is what a client's run was: one line of JSON on standard output.
type Report struct {
	Requests   int     `json:"requests"`                 // that were answered
	Seconds    float64 `json:"seconds"`                  // that they took together
	CPU        float64 `json:"cpu_us_per_request"`       // of all threads
	PerSecond  float64 `json:"per_second"`               // requests
	Idle       int     `json:"idle,omitempty"`           // connections
	Memory     float64 `json:"bytes_per_idle,omitempty"` // of resident memory, after a collection
	Goroutines int     `json:"goroutines"`               // at the end
}

// LoadFlags are those of a client program.
type LoadFlags struct {
	URL     string        // what to get
	Callers int           // goroutines
	For     time.Duration // length of the run
	Idle    int           // connections whose memory is measured instead; 0: none
}

// ParseLoad reads them.
func ParseLoad() *LoadFlags {
	f := &LoadFlags{}
	flag.StringVar(&f.URL, "url", "", "what to get")
	flag.IntVar(&f.Callers, "callers", 64, "goroutines that ask, each for one thing at a time")
	flag.DurationVar(&f.For, "for", 5*time.Second, "how long")
	flag.IntVar(&f.Idle, "idle", 0, "measure the memory of so many idle connections instead, to a server that answers all at once")
	flag.Parse()
	return f
}

// Run has the callers call get, which makes one request and reads the whole response, and prints the Report.
func (f *LoadFlags) Run(get func() error) {
	if f.Idle > 0 {
		f.runIdle(get)
		return
	}
	f.calls(get, f.For/4)
	var before, after syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	start := time.Now()
	n := f.calls(get, f.For)
	seconds := time.Since(start).Seconds()
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	cpu := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	print(Report{
		Requests: n, Seconds: seconds, CPU: float64(cpu) / 1e3 / float64(n), PerSecond: float64(n) / seconds,
		Goroutines: runtime.NumGoroutine(),
	})
}

func print(r Report) { Must(json.NewEncoder(os.Stdout).Encode(r)) }

func (f *LoadFlags) calls(get func() error, d time.Duration) int {
	var wg sync.WaitGroup
	counts := make([]int, f.Callers)
	end := time.Now().Add(d)
	for i := range counts {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for time.Now().Before(end) {
				Must(get())
				counts[i]++
			}
		}()
	}
	wg.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	return total
}

// runIdle opens the connections by as many requests at a time, and looks at the memory when all are idle.
func (f *LoadFlags) runIdle(get func() error) {
	before := rss()
	var wg sync.WaitGroup
	for range f.Idle {
		wg.Add(1)
		go func() {
			defer wg.Done()
			Must(get())
		}()
	}
	wg.Wait()
	goroutines := runtime.NumGoroutine()
	time.Sleep(time.Second)
	r := Report{Idle: f.Idle, Memory: float64(rss()-before) / float64(f.Idle), Goroutines: goroutines}
	print(r)
}

// rss is the process's memory after a collection.
func rss() int {
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/status")
	Must(err)
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.Atoi(strings.Fields(v)[0])
			Must(err)
			return kb << 10
		}
	}
	Must(fmt.Errorf("no VmRSS"))
	return 0
}
