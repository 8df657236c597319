package metrics_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/metrics"
)

// fixed is a Source with known figures.
type fixed struct{}

func (fixed) Stats() websocket.Stats {
	return websocket.Stats{Open: 3, MessagesIn: 5, Dropped: 2, Refused: map[string]uint64{"bad_key": 4}}
}

func (fixed) Queues() websocket.Queues { return websocket.Queues{Conns: 1, Bytes: 70_000, Max: 70_000} }

func TestCollector(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(metrics.New(fixed{}, prometheus.Labels{"server": "chat"}))
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		"# TYPE calandria_websocket_connections gauge\ncalandria_websocket_connections{server=\"chat\"} 3\n",
		"# TYPE calandria_websocket_dropped_messages_total counter\ncalandria_websocket_dropped_messages_total{server=\"chat\"} 2\n",
		"calandria_websocket_received_messages_total{server=\"chat\"} 5\n",
		"calandria_websocket_queued_bytes{server=\"chat\"} 70000\n",
		"calandria_websocket_refused_total{reason=\"bad_key\",server=\"chat\"} 4\n",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%q is missing in\n%s", want, w.Body)
		}
	}
	for _, row := range metrics.Rows(metrics.Clients{}) {
		if len(row) != len(metrics.Columns()) {
			t.Error(row)
		}
	}
}
