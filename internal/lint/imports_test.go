package lint

import (
	"slices"
	"testing"
)

func TestArrows(t *testing.T) {
	const m = Module + "/"
	pkg := func(dir string, imports ...string) Package { return Package{ImportPath: m + dir, Imports: imports} }
	for _, tt := range []struct {
		name string
		pkg  Package
		want []string
	}{
		{"down", pkg("cmd/httpd", m+"protocols/http1", m+"transports/tcp", "net/http"), nil},
		{"same floor", pkg("transports/tls", m+"transports/tcp"), nil},
		{"up to a transport", pkg("reactor", m+"transports/tcp"), []string{
			"reactor: imports " + m + "transports/tcp: arrows go down: cmd, bench -> protocols -> transports -> reactor -> reactor/internal/poll",
		}},
		{"up from the poller", pkg("reactor/internal/poll", m+"reactor"), []string{
			"reactor/internal/poll: imports " + m + "reactor: arrows go down: cmd, bench -> protocols -> transports -> reactor -> reactor/internal/poll",
		}},
		{"up to a program's room", pkg("protocols/http1", m+"bench/load"), []string{
			"protocols/http1: imports " + m + "bench/load: arrows go down: cmd, bench -> protocols -> transports -> reactor -> reactor/internal/poll",
		}},
		{"a protocol's own sub-package", pkg("protocols/http1/router", m+"protocols/http1"), nil},
		{"a real edge", pkg("protocols/websocket/hub", m+"protocols/http1"), nil},
		{"no such edge", pkg("protocols/http1", m+"protocols/websocket"), []string{
			"protocols/http1: imports " + m + "protocols/websocket: no edge from http1 to websocket among the protocols",
		}},
		{"netpoll in its room", pkg("reactor/internal/poll", netpoll, "unsafe", "golang.org/x/sys/unix"), nil},
		{"netpoll elsewhere", pkg("reactor", netpoll), []string{
			"reactor: imports " + netpoll + ": only reactor/internal/poll may",
		}},
		{"unsafe elsewhere", pkg("protocols/http1", "unsafe"), []string{"protocols/http1: imports unsafe: only reactor/internal/poll may"}},
		{"Prometheus in its room", pkg("reactor/metrics", "github.com/prometheus/client_golang/prometheus"), nil},
		{"Prometheus elsewhere in the core", pkg("reactor", "github.com/prometheus/client_golang/prometheus"), []string{
			"reactor: imports github.com/prometheus/client_golang/prometheus: the core stands on netpoll and x/sys alone",
		}},
		{"another module in the core", pkg("reactor/metrics", "example.org/prom"), []string{
			"reactor/metrics: imports example.org/prom: the core stands on netpoll and x/sys alone",
		}},
		{"another module above", pkg("protocols/smtp", "example.org/mail"), nil},
		{"a test that reaches up", Package{ImportPath: m + "reactor", XTestImports: []string{m + "transports/tcp"}}, nil},
		{"a test that polls", Package{ImportPath: m + "transports/tcp", TestImports: []string{netpoll}}, []string{
			"transports/tcp: its tests import " + netpoll + ": only those of the reactor may",
		}},
		{"another module's package", Package{ImportPath: "example.org/x", Imports: []string{"unsafe"}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) { wantFindings(t, Arrows([]Package{tt.pkg}), tt.want...) })
	}
}

func TestImporters(t *testing.T) {
	got := Importers([]Package{
		{ImportPath: Module + "/a", Imports: []string{"fmt", netpoll + "/mux"}},
		{ImportPath: Module + "/b", Imports: []string{netpoll + "x"}},
		{ImportPath: Module + "/c", Imports: []string{netpoll}},
	}, netpoll)
	if want := []string{"a", "c"}; !slices.Equal(got, want) {
		t.Errorf("importers %q; want %q", got, want)
	}
}
