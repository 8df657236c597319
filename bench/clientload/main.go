package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/pprof"
	"sync"
	"syscall"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
)

func main() {
	kind := flag.String("kind", "ours", "")
	url := flag.String("url", "", "")
	callers := flag.Int("callers", 1, "")
	d := flag.Duration("d", 3*time.Second, "")
	prof := flag.String("prof", "", "")
	flag.Parse()
	var rt http.RoundTripper
	switch *kind {
	case "ours":
		rt = &http1.Client{MaxConnsPerHost: 1024}
	case "std":
		rt = &http.Transport{MaxIdleConnsPerHost: 1024, MaxConnsPerHost: 1024}
	}
	run := func(d time.Duration) (n int) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		end := time.Now().Add(d)
		for range *callers {
			wg.Add(1)
			go func() {
				defer wg.Done()
				k := 0
				buf := make([]byte, 4096)
				for time.Now().Before(end) {
					req, _ := http.NewRequest("GET", *url, nil)
					res, err := rt.RoundTrip(req)
					if err != nil {
						panic(err)
					}
					for {
						_, err := res.Body.Read(buf)
						if err == io.EOF {
							break
						}
						if err != nil {
							panic(err)
						}
					}
					res.Body.Close()
					k++
				}
				mu.Lock()
				n += k
				mu.Unlock()
			}()
		}
		wg.Wait()
		return n
	}
	run(*d / 4)
	if *prof != "" {
		f, _ := os.Create(*prof)
		pprof.StartCPUProfile(f)
		defer pprof.StopCPUProfile()
	}
	var a, b syscall.Rusage
	syscall.Getrusage(0, &a)
	t0 := time.Now()
	n := run(*d)
	el := time.Since(t0)
	syscall.Getrusage(0, &b)
	cpu := time.Duration(b.Utime.Nano()+b.Stime.Nano()-a.Utime.Nano()-a.Stime.Nano())
	fmt.Printf("%s callers=%d %d req/s cpu/req=%v\n", *kind, *callers, int(float64(n)/el.Seconds()), cpu/time.Duration(n))
}
