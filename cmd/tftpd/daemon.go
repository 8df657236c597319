package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/dashboard"
	httpmetrics "github.com/calandria-go/calandria/protocols/http1/metrics"
	"github.com/calandria-go/calandria/protocols/http1/router"
	"github.com/calandria-go/calandria/protocols/tftp"
	"github.com/calandria-go/calandria/protocols/tftp/metrics"
	"github.com/calandria-go/calandria/protocols/tftp/transfer"
	"github.com/calandria-go/calandria/reactor"
	reactormetrics "github.com/calandria-go/calandria/reactor/metrics"
	"github.com/calandria-go/calandria/transports/tcp"
	"github.com/calandria-go/calandria/transports/udp"
)

// daemon is what runs.
type daemon struct {
	o       *options
	log     *slog.Logger
	reactor *reactor.Reactor
	server  *tftp.Server
	files   *tftp.Files
	board   *dashboard.Dashboard
	addr    string         // that it listens on
	lines   chan tftp.Info // transfers to log; nil: none
}

func start(o *options, log *slog.Logger) (*daemon, error) {
	d := &daemon{o: o, log: log, reactor: reactor.New(reactor.Config{Logger: log})}
	d.server = &tftp.Server{
		SinglePort: o.single, PortLow: o.low, PortHigh: o.high, MaxTransfers: o.transfers, MaxTransfersPerIP: o.perIP,
		Rate: o.rate, TransferRate: o.transferRate, Logger: log,
		Transfer: transfer.Config{MaxSize: o.maxFile, MaxWindowSize: o.window},
	}
	if !o.quiet {
		lines := make(chan tftp.Info, 4096)
		d.lines = lines
		go func() {
			for t := range lines {
				log.Info("transfer", "", &t)
			}
		}()
		d.server.OnEnd = func(t *tftp.Info) {
			select {
			case lines <- *t:
			default: // the log is slower than the clients: better no line than no service
			}
		}
	}
	if len(o.maps) > 0 {
		d.server.Rewrite = func(r *tftp.Request) (string, error) { return o.maps.apply(r.Name), nil }
	}
	if err := d.backend(); err != nil {
		return nil, err
	}
	if err := d.listen(); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// backend is where files come from and go to.
func (d *daemon) backend() error {
	o := d.o
	if o.origin != "" {
		d.server.Source = &tftp.Origin{URL: o.origin, CacheBytes: o.cache}
		return nil
	}
	f, err := tftp.NewFiles(o.root)
	if err != nil {
		return err
	}
	f.CacheBytes, f.Create, f.Overwrite, f.Sync, f.MaxFile, f.Quota = o.cache, o.create, o.write, o.sync, o.maxFile, o.quota
	for kind := range strings.SplitSeq(o.dirs, ",") {
		switch kind {
		case "mac":
			f.PerClient = append(f.PerClient, tftp.ByMAC)
		case "ip":
			f.PerClient = append(f.PerClient, tftp.ByIP)
		}
	}
	d.files, d.server.Source = f, f
	if o.create || o.write {
		d.server.Sink = f.Sink()
	}
	return nil
}

func (d *daemon) listen() error {
	shards := d.o.shards
	if shards == 0 && runtime.GOOS == "linux" && d.reactor.Engine() == "netpoll" {
		shards = d.reactor.Loops()
	}
	s, err := udp.Config{Shards: shards, ReadBuffer: 1 << 20, WriteBuffer: 1 << 20}.Listen(context.Background(), d.o.listen)
	if err != nil {
		return err
	}
	if err := d.server.Serve(d.reactor, s); err != nil {
		return err
	}
	d.addr = s.LocalAddr().String()
	fmt.Printf("listening on tftp://%v\n", s.LocalAddr())
	if d.o.metrics == "" {
		return nil
	}
	return d.operate()
}

// operate serves metrics, the transfers in progress and the dashboard.
func (d *daemon) operate() error {
	routes := router.New()
	srv := &http1.Server{Handler: routes, Logger: d.log, Observe: true}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		reactormetrics.New(d.reactor, nil), metrics.New(d.server, nil))
	var err error
	if d.board, err = dashboard.New(dashboard.Config{Reactor: d.reactor, Server: srv, Title: "calandria tftpd", Sections: []dashboard.Section{{
		Name: "Transfers", Columns: []string{"client", "file", "op", "bytes", "of", "%", "MB/s", "resent", "blksize", "window"}, Rows: d.rows,
	}}}); err != nil {
		return err
	}
	routes.Route(dashboard.Prefix, d.board)
	routes.Route("GET /metrics", httpmetrics.Handler(registry))
	routes.Route("GET /transfers", http1.Std(http.HandlerFunc(d.transfers)))
	ln, err := tcp.Listen(d.o.metrics)
	if err != nil {
		return err
	}
	if _, err := d.reactor.Listen(ln, srv); err != nil {
		return err
	}
	fmt.Printf("listening on http://%v\n", ln.Addr())
	return nil
}

// shown bounds what /transfers lists.
const shown = 1000

// transfers answers with those in progress.
func (d *daemon) transfers(w http.ResponseWriter, r *http.Request) {
	type row struct {
		Client, File, Op   string
		Bytes, Size        int64
		Resent             int64
		Blksize, Window    int
		Seconds, MBytesSec float64
	}
	all, err := d.server.Active(r.Context(), shown)
	if err != nil {
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	}
	rows := []row{}
	for _, t := range all {
		op := "read"
		if t.Request.Write {
			op = "write"
		}
		seconds := t.Took.Seconds()
		rows = append(rows, row{
			t.Request.Client.String(), t.Request.Name, op, t.Stats.Bytes, t.Size, t.Stats.Resent, t.Agreed.BlockSize, t.Agreed.WindowSize,
			seconds, float64(t.Stats.Bytes) / 1e6 / max(seconds, 1e-3),
		})
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(rows)
}

// shutdown finishes the transfers.
func (d *daemon) shutdown(ctx context.Context) error {
	err := d.server.Shutdown(ctx)
	if d.board != nil {
		d.board.Close()
	}
	rest, done := context.WithTimeout(context.Background(), 5*time.Second)
	defer done()
	if d.reactor.Shutdown(rest) == nil && d.lines != nil {
		close(d.lines) // nothing runs that could write
	}
	return err
}

func (d *daemon) close() {
	if d.files != nil {
		d.files.Close()
	}
}

// rows are the transfers in progress for the dashboard.
func (d *daemon) rows() [][]any {
	ctx, done := context.WithTimeout(context.Background(), time.Second)
	defer done()
	all, _ := d.server.Active(ctx, dashboardRows)
	rows := [][]any{}
	for _, t := range all {
		op, of, percent := "read", "?", "?"
		if t.Request.Write {
			op = "write"
		}
		if t.Size > 0 {
			of, percent = fmt.Sprint(t.Size), fmt.Sprintf("%.0f", float64(t.Stats.Bytes)*100/float64(t.Size))
		}
		rows = append(rows, []any{
			t.Request.Client.String(), t.Request.Name, op, t.Stats.Bytes, of, percent,
			fmt.Sprintf("%.2f", float64(t.Stats.Bytes)/1e6/max(t.Took.Seconds(), 1e-3)), t.Stats.Resent, t.Agreed.BlockSize, t.Agreed.WindowSize,
		})
	}
	return rows
}

// dashboardRows is what the dashboard shows of a section.
const dashboardRows = 50
