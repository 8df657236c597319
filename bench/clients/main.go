//go:build linux

// Command clients loads a server with one of two clients: ours, or net/http's Transport. The peers' are in bench/peers/clients.
package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"

	"github.com/calandria-go/calandria/bench/control"
	"github.com/calandria-go/calandria/protocols/http1"
)

// most is more connections than any load has.
const most = 16_000

func main() {
	kind := flag.String("client", "ours", "ours or nethttp")
	f := control.ParseLoad()
	var rt http.RoundTripper
	switch *kind {
	case "ours":
		rt = &http1.Client{MaxConnsPerHost: most, MaxIdle: most, PoolTimeout: -1}
	case "nethttp":
		rt = &http.Transport{MaxIdleConnsPerHost: most, MaxIdleConns: most, MaxConnsPerHost: most}
	default:
		control.Must(fmt.Errorf("no client is called %q", *kind))
	}
	f.Run(func() error {
		req, err := http.NewRequest(http.MethodGet, f.URL, nil)
		if err != nil {
			return err
		}
		res, err := rt.RoundTrip(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			return err
		}
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("status %s", res.Status)
		}
		return nil
	})
}
