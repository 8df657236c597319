package main

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/auth"
	"github.com/calandria-go/calandria/protocols/http1/dashboard"
	"github.com/calandria-go/calandria/protocols/http1/metrics"
	"github.com/calandria-go/calandria/protocols/http1/router"
	"github.com/calandria-go/calandria/protocols/rtsphttp"
	rtspmetrics "github.com/calandria-go/calandria/protocols/rtsphttp/metrics"
	reactormetrics "github.com/calandria-go/calandria/reactor/metrics"
)

// maxRows bounds the tunnels that are listed: those with the longest queue, then the highest rate.
const maxRows = 500

// buildOperator makes what -metrics serves.
func (g *gate) buildOperator() error {
	if g.o.metrics == "" {
		return nil
	}
	registry := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		reactormetrics.New(g.reactor, nil),
		metrics.New(g.server, nil),
		rtspmetrics.New(g.gateway, nil),
	} {
		if err := registry.Register(c); err != nil {
			return err
		}
	}
	who := func(next http1.Handler) http1.Handler { return next }
	if user, password, ok := strings.Cut(g.o.auth, ":"); ok {
		var err error
		basic := &auth.Basic{Realm: "calandria rtspgate", Verify: auth.Passwords(map[string]string{user: password})}
		if who, err = auth.Require(basic); err != nil {
			return err
		}
	}
	listed, shown := &rates{gateway: g.gateway}, &rates{gateway: g.gateway}
	var err error
	g.board, err = dashboard.New(dashboard.Config{
		Reactor: g.reactor, Server: g.server, Auth: who, Title: "calandria rtspgate",
		Sections: []dashboard.Section{{Name: "RTSP tunnels", Columns: columns, Rows: shown.cells}},
	})
	if err != nil {
		return err
	}
	r := router.New()
	r.Route(dashboard.Prefix, g.board)
	r.Route("GET /metrics", who(metrics.Handler(registry)))
	r.Route("GET /sessions", who(http1.HandlerFunc(func(x *http1.Exchange) {
		b, err := json.Marshal(listed.rows())
		if err != nil {
			x.Respond(http.StatusInternalServerError, "text/plain; charset=utf-8", []byte("no sessions\n"))
			return
		}
		x.SetHeader("Cache-Control", "no-store")
		x.Respond(http.StatusOK, "application/json", append(b, '\n'))
	})))
	g.operator = &http1.Server{Handler: r, Logger: g.log}
	return nil
}

// row is one tunnel as it is shown.
type row struct {
	ID     uint64  `json:"id"`
	Kind   string  `json:"kind"`
	Camera string  `json:"camera"`
	Viewer string  `json:"viewer"`
	User   string  `json:"user,omitempty"`
	Age    float64 `json:"age_s"`
	Down   float64 `json:"down_kbit_s"`
	Up     float64 `json:"up_kbit_s"`
	Queued int     `json:"queued_bytes"`
}

// rates turns what has passed into bit rates, since it was asked the last time.
type rates struct {
	gateway *rtsphttp.Gateway
	mu      sync.Mutex
	at      time.Time
	before  map[uint64]rtsphttp.Session
}

func (r *rates) rows() []row {
	all := r.gateway.Sessions(0)
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	since := now.Sub(r.at).Seconds()
	next := make(map[uint64]rtsphttp.Session, len(all))
	out := make([]row, 0, len(all))
	for _, s := range all {
		next[s.ID] = s
		old, over := r.before[s.ID], since
		if old.ID == 0 { // new since then
			over = s.Age.Seconds()
		}
		over = max(over, 0.001)
		out = append(out, row{
			ID: s.ID, Kind: s.Kind, Camera: s.Camera, Viewer: s.Viewer, User: s.User, Age: s.Age.Seconds(),
			Down: float64(s.Down-old.Down) * 8 / 1000 / over, Up: float64(s.Up-old.Up) * 8 / 1000 / over, Queued: s.Queued,
		})
	}
	r.at, r.before = now, next
	slices.SortStableFunc(out, func(a, b row) int { return cmp.Or(cmp.Compare(b.Queued, a.Queued), cmp.Compare(b.Down, a.Down)) })
	return out[:min(len(out), maxRows)]
}

// columns are those of the dashboard's section.
var columns = []string{"Camera", "Viewer", "User", "By", "Down kbit/s", "Up kbit/s", "Queued", "Age"}

// cells are the rows as the dashboard shows them: those with the longest queue first.
func (r *rates) cells() (out [][]any) {
	for _, s := range r.rows() {
		age := (time.Duration(s.Age) * time.Second).String()
		out = append(out, []any{s.Camera, s.Viewer, s.User, s.Kind, int64(s.Down), int64(s.Up), s.Queued, age})
	}
	return out
}
