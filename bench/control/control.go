// Package control is what every benchmarked server shares: its two flags and a line protocol on
// standard input, by which the harness collects garbage and reads counters between measurements.
//
// This file exists twice, in bench/control and in bench/peers/control, because the peers live in a
// module of their own; a test keeps the two identical.
package control

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"
	"runtime/debug"
)

// Start parses the flags and returns the address to listen on. With -control it also answers commands
// on standard input, on one goroutine, and ends the process when that input closes.
func Start() (addr string) {
	listen := flag.String("listen", "127.0.0.1:8080", "`address` to listen on")
	commands := flag.Bool("control", false, "take commands on standard input: gc, stats")
	flag.Parse()
	if *commands {
		go func() {
			Serve(os.Stdin, os.Stdout)
			os.Exit(0)
		}()
	}
	return *listen
}

// Serve answers each line of in with one line on out until in ends: "gc" runs debug.FreeOSMemory,
// "stats" reports the goroutines, the live heap and the stacks, in bytes. It blocks.
func Serve(in io.Reader, out io.Writer) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		switch lines.Text() {
		case "gc":
			debug.FreeOSMemory()
			fmt.Fprintln(out, "ok")
		case "stats":
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			fmt.Fprintf(out, "goroutines=%d heap=%d stacks=%d\n", runtime.NumGoroutine(), m.HeapAlloc, m.StackInuse)
		default:
			fmt.Fprintln(out, "unknown command")
		}
	}
}

// Must ends the process with err, if there is one.
func Must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
