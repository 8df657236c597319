package main

import (
	"flag"
	"fmt"
	"os"
)

// The addresses of a run, on loopback.
const (
	agentsAddr = "127.0.0.1:28490"
	publicAddr = "127.0.0.1:28491"
)

func main() {
	if len(os.Args) > 2 && roles[os.Args[1]] != nil {
		if err := roles[os.Args[1]](os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, os.Args[1], err)
			os.Exit(1)
		}
		return
	}
	ours := flag.String("ours", "", "cmd/relay, built")
	only := flag.String("only", "", "a single peer: ours, frp, frp-ws, chisel")
	size := flag.Int("mib", 256, "MiB to carry each way")
	rounds := flag.Int("rounds", 3, "rounds; each peer's median is shown")
	scenario := flag.String("scenario", "compare", "compare, line (delay and a limited rate), stalled (a stream that nobody reads)")
	flag.Parse()
	if *ours == "" {
		fmt.Fprintln(os.Stderr, "-ours must be set")
		os.Exit(2)
	}
	if err := run(*scenario, *ours, *only, *size<<20, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run is one scenario against a backend in this process.
func run(scenario, ours, only string, size, rounds int) error {
	target, stop, err := backend()
	if err != nil {
		return err
	}
	defer stop()
	switch scenario {
	case "compare":
		return compare(ours, only, target, size, rounds)
	case "line":
		return longLine(ours, target)
	case "stalled":
		return stalled(ours, target)
	}
	return fmt.Errorf("no scenario %q", scenario)
}
