//go:build linux

// Command clients compares HTTP clients: ours, net/http's Transport, fasthttp's and hertz's, each in a process of its own, against
// one server. See bench/README.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"time"
)

func main() {
	o := options{}
	var callers string
	flag.IntVar(&o.rounds, "rounds", 5, "rounds")
	flag.DurationVar(&o.length, "for", 5*time.Second, "length of a run")
	flag.StringVar(&callers, "callers", "1,64,512", "numbers of callers")
	flag.IntVar(&o.idle, "idle", 10_000, "idle connections; 0: their memory is not measured")
	hold := flag.Int("hold", 0, "instead, answer on -listen when so many requests are there")
	listen := flag.String("listen", "127.0.0.1:0", "address of -hold")
	flag.Parse()
	if *hold > 0 {
		log.Fatal(holdAll(*listen, *hold))
	}
	for c := range strings.SplitSeq(callers, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(c))
		if err != nil || n < 1 {
			log.Fatalf("-callers %q: want numbers above 0", callers)
		}
		o.callers = append(o.callers, n)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	if err := o.run(ctx, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// holdAll is a server that answers n requests when the last of them has come, so that each needs a connection of its own.
func holdAll(addr string, n int) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	var mu sync.Mutex
	all := make(chan struct{})
	return http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		if n--; n == 0 {
			close(all)
		}
		mu.Unlock()
		<-all
		fmt.Fprint(w, "Hello, World!")
	}))
}
