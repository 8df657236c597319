// Command httpd is a small HTTP/1.1 server on calandria's loops: the demo, the subject of the benchmarks and of the interop
// checks, and an example of embedding.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/unix"
)

// drainTime is how long requests in progress may take after SIGTERM.
const drainTime = 30 * time.Second

// targets is a repeatable flag.
type targets []string

func (t *targets) String() string     { return strings.Join(*t, ",") }
func (t *targets) Set(s string) error { *t = append(*t, s); return nil }

func main() {
	var listen targets
	flag.Var(&listen, "listen", "`address` to listen on: host:port or unix:/path; repeatable (default 127.0.0.1:8080)")
	handler := flag.String("handler", "native", "native (on the loop) or std (the same routes as a net/http handler)")
	maxBody := flag.Int64("max-body", 8<<20, "largest request body in `bytes`; negative: unlimited")
	flag.Parse()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := run(listen, *handler, *maxBody, log); err != nil {
		log.Error("httpd", "err", err)
		os.Exit(1)
	}
}

func run(listen []string, handler string, maxBody int64, log *slog.Logger) error {
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	if len(listen) == 0 {
		listen = []string{"127.0.0.1:8080"}
	}
	if maxBody == 0 {
		maxBody = 1 // zero would mean the default
	}
	srv := &http1.Server{MaxBodyBytes: maxBody, Logger: log}
	switch handler {
	case "native":
		srv.Handler = http1.HandlerFunc(native)
	case "std":
		srv.Handler = http1.Std(stdRoutes())
	default:
		return fmt.Errorf("-handler %q: native or std", handler)
	}
	r := reactor.New(reactor.Config{Logger: log})
	for _, target := range listen {
		ln, url, err := open(target)
		if err != nil {
			return err
		}
		if _, err := r.Listen(ln, srv); err != nil {
			return err
		}
		fmt.Println("listening on", url)
	}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	<-stop.Done()
	log.Info("draining", "for", drainTime)
	ctx, done := context.WithTimeout(context.Background(), drainTime)
	defer done()
	if err := r.Shutdown(ctx); err != nil {
		return fmt.Errorf("shutdown: %w", err)
	}
	log.Info("drained")
	return nil
}

// open gives a listener, and the URL that reaches it.
func open(target string) (net.Listener, string, error) {
	if path, ok := strings.CutPrefix(target, "unix:"); ok {
		ln, err := unix.Listen(path)
		return ln, "unix:" + path, err
	}
	ln, err := tcp.Listen(target)
	if err != nil {
		return nil, "", err
	}
	return ln, "http://" + ln.Addr().String() + "/", nil
}
