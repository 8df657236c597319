// Command clients loads a server with fasthttp's client or hertz's.
package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/calandria-go/calandria/bench/peers/control"
	"github.com/cloudwego/hertz/pkg/app/client"
	"github.com/cloudwego/hertz/pkg/protocol"
	"github.com/valyala/fasthttp"
)

// most is more connections than any load has.
const most = 16_000

func main() {
	kind := flag.String("client", "fasthttp", "fasthttp or hertz")
	f := control.ParseLoad()
	switch *kind {
	case "fasthttp":
		f.Run(withFasthttp(f.URL))
	case "hertz":
		f.Run(withHertz(f.URL))
	default:
		control.Must(fmt.Errorf("no client is called %q", *kind))
	}
}

func withFasthttp(url string) func() error {
	c := &fasthttp.Client{MaxConnsPerHost: most, MaxIdleConnDuration: time.Hour}
	return func() error {
		req, res := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		defer fasthttp.ReleaseRequest(req)
		defer fasthttp.ReleaseResponse(res)
		req.SetRequestURI(url)
		if err := c.Do(req, res); err != nil {
			return err
		}
		if res.StatusCode() != fasthttp.StatusOK {
			return fmt.Errorf("status %d", res.StatusCode())
		}
		return nil
	}
}

func withHertz(url string) func() error {
	c, err := client.NewClient(client.WithMaxConnsPerHost(most), client.WithMaxIdleConnDuration(time.Hour), client.WithMaxConnWaitTimeout(time.Minute))
	control.Must(err)
	return func() error {
		req, res := protocol.AcquireRequest(), protocol.AcquireResponse()
		defer protocol.ReleaseRequest(req)
		defer protocol.ReleaseResponse(res)
		req.SetRequestURI(url)
		if err := c.Do(context.Background(), req, res); err != nil {
			return err
		}
		if res.StatusCode() != 200 {
			return fmt.Errorf("status %d", res.StatusCode())
		}
		return nil
	}
}
