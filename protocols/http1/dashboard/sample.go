package dashboard

import (
	"cmp"
	"context"
	"encoding/json"
	"runtime"
	"runtime/metrics"
	"slices"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

// sampleTimeout bounds the wait for loops that are stuck; the second without a sample shows as a gap.
const sampleTimeout = 5 * time.Second

// Rows of the page's tables.
const (
	topRoutes  = 10
	topReasons = 8
)

// event is one sample, as the page gets it. Rates are per second, times in milliseconds.
type event struct {
	At       int64    `json:"t"`
	Up       int64    `json:"up"`
	Conns    int64    `json:"conns"`
	InFlight int64    `json:"inflight"`
	Requests uint64   `json:"requests"` // since the beginning
	Rate     float64  `json:"rps"`
	Bad      float64  `json:"s4xx"`
	Failed   float64  `json:"s5xx"`
	P50      *float64 `json:"p50"` // nil: no request ended
	P90      *float64 `json:"p90"`
	P99      *float64 `json:"p99"`
	In       float64  `json:"in"`
	Out      float64  `json:"out"`
	Busy     []Ratio  `json:"busy"` // of each loop
	Stalls   float64  `json:"stalls"`
	Heap     uint64   `json:"heap"`
	detail
}

// Ratio is a share from 0 to 1, with three decimals.
type Ratio float64

// MarshalJSON is part of json.Marshaler.
func (r Ratio) MarshalJSON() ([]byte, error) {
	return json.Marshal(float64(int(float64(r)*1000+0.5)) / 1000)
}

// detail is what only the newest sample has: the tables.
type detail struct {
	Opened     uint64           `json:"opened,omitempty"`
	States     map[string]int64 `json:"states,omitempty"`
	Loops      []loopRow        `json:"loops,omitempty"`
	Reasons    []count          `json:"reasons,omitempty"`
	Refused    []count          `json:"refused,omitempty"`
	Routes     []routeRow       `json:"routes,omitempty"`
	Workers    int              `json:"workers,omitempty"`
	Queued     int              `json:"queued,omitempty"`
	Goroutines int              `json:"goroutines,omitempty"`
	Sections   []sectionRows    `json:"sections,omitempty"`
}

type loopRow struct {
	Conns   int64   `json:"conns"`
	Reads   float64 `json:"reads"`
	Writes  float64 `json:"writes"`
	Stalls  uint64  `json:"stalls"`
	Longest float64 `json:"longest"`
	Panics  uint64  `json:"panics"`
}

type count struct {
	Name string `json:"name"`
	N    uint64 `json:"n"`
}

type routeRow struct {
	Route  string  `json:"route"`
	N      uint64  `json:"n"`
	Errors uint64  `json:"errors"`
	Mean   float64 `json:"mean"`
	Max    float64 `json:"max"`
}

// reading is what was counted at one time.
type reading struct {
	at     time.Time
	core   reactor.Stats
	total  reactor.LoopStats
	http   http1.Stats
	status map[string]uint64
}

// sample is the goroutine that looks every Config.Every.
func (d *Dashboard) sample() {
	defer close(d.ended)
	defer d.finish()
	tick := time.NewTicker(d.cfg.Every)
	defer tick.Stop()
	last, ok := d.read()
	for {
		select {
		case <-d.quit:
			return
		case <-tick.C:
		}
		if d.cfg.Reactor.Draining() {
			return
		}
		if ok && time.Since(last.at) < d.cfg.Every/2 {
			continue // a tick that was late, and the next one on its heels: rates over so little time are noise
		}
		now, fine := d.read()
		if ok && fine {
			e := between(&last, &now)
			for i := range d.cfg.Sections {
				e.Sections = append(e.Sections, d.cfg.Sections[i].read())
			}
			short := *e
			short.detail = detail{}
			d.send(render(e), render(&short))
		}
		last, ok = now, fine
	}
}

func (d *Dashboard) read() (r reading, ok bool) {
	ctx, cancel := context.WithTimeout(context.Background(), sampleTimeout)
	defer cancel()
	var err, err2 error
	r.core, err = d.cfg.Reactor.Stats(ctx)
	r.http, err2 = d.cfg.Server.Stats(ctx)
	r.at = time.Now()
	r.total = r.core.Total()
	r.status = map[string]uint64{}
	for class, n := range r.http.Requests {
		r.status[class.Status] += n
		r.status["all"] += n
	}
	return r, err == nil && err2 == nil
}

// render makes an event of the stream: one line of JSON, which has no line breaks.
func render(e *event) []byte {
	b, err := json.Marshal(e)
	if err != nil {
		return nil // no value of these types fails
	}
	return slices.Concat([]byte("data: "), b, []byte("\n\n"))
}

// between is the sample of the time between two readings.
func between(a, b *reading) *event {
	sec := max(b.at.Sub(a.at).Seconds(), 1e-3)
	rate := func(from, to uint64) float64 { return round(float64(to-min(from, to)) / sec) }
	e := &event{
		At: b.at.UnixMilli(), Up: b.total.Uptime.Milliseconds(), Conns: b.core.Open, InFlight: b.http.InFlight,
		Requests: b.status["all"],
		Rate:     rate(a.status["all"], b.status["all"]),
		Bad:      rate(a.status["4xx"], b.status["4xx"]),
		Failed:   rate(a.status["5xx"]+a.status["none"], b.status["5xx"]+b.status["none"]),
		In:       rate(a.total.BytesRead, b.total.BytesRead),
		Out:      rate(a.total.BytesWritten, b.total.BytesWritten),
		Stalls:   float64(b.total.Stalls - min(a.total.Stalls, b.total.Stalls)),
		Heap:     heap(),
	}
	if h := b.http.Latency.Sub(a.http.Latency); h.Count() > 0 {
		for q, p := range map[float64]**float64{0.5: &e.P50, 0.9: &e.P90, 0.99: &e.P99} {
			ms := millis(h.Quantile(q))
			*p = &ms
		}
	}
	e.detail = detail{
		Opened: b.total.Opened, States: states(&b.http.Conns), Reasons: top(b.total.Reasons), Refused: top(b.http.Refused),
		Routes: slowest(b.http.Routes), Workers: b.core.Workers, Queued: b.core.Queued, Goroutines: runtime.NumGoroutine(),
	}
	for i := range b.core.Loops {
		x, y := &a.core.Loops[i], &b.core.Loops[i]
		busy := (y.Busy - x.Busy).Seconds() / max((y.Uptime-x.Uptime).Seconds(), 1e-3)
		e.Busy = append(e.Busy, Ratio(min(max(busy, 0), 1)))
		e.Loops = append(e.Loops, loopRow{
			y.Conns, rate(x.Reads, y.Reads), rate(x.Writes, y.Writes), y.Stalls, millis(y.LongestStall), y.Panics,
		})
	}
	return e
}

func round(v float64) float64 { return float64(int64(v*10+0.5)) / 10 }

func millis(d time.Duration) float64 { return float64(d/time.Microsecond) / 1000 }

func states(c *http1.ConnStats) map[string]int64 {
	return map[string]int64{
		"idle": c.Idle, "head": c.Head, "body": c.Body, "handling": c.Handling, "streaming": c.Streaming, "closing": c.Closing,
		"upgraded": c.Upgraded,
	}
}

// top are the largest counts, the rest added up.
func top(m map[string]uint64) []count {
	all := make([]count, 0, len(m))
	for k, n := range m {
		all = append(all, count{k, n})
	}
	slices.SortFunc(all, func(a, b count) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Name, b.Name)) })
	if len(all) <= topReasons {
		return all
	}
	rest := count{Name: "other"}
	for _, c := range all[topReasons-1:] {
		rest.N += c.N
	}
	return append(all[:topReasons-1], rest)
}

// slowest are the routes with the highest mean.
func slowest(m map[string]http1.RouteStats) []routeRow {
	all := make([]routeRow, 0, len(m))
	for k, r := range m {
		all = append(all, routeRow{k, r.Requests, r.Errors, millis(r.Sum / time.Duration(max(r.Requests, 1))), millis(r.Max)})
	}
	slices.SortFunc(all, func(a, b routeRow) int { return cmp.Or(cmp.Compare(b.Mean, a.Mean), cmp.Compare(a.Route, b.Route)) })
	return all[:min(len(all), topRoutes)]
}

// heap is what the process has in use for objects.
func heap() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
