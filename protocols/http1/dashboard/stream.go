package dashboard

import (
	"bytes"
	"net/http"

	"github.com/calandria-go/calandria/protocols/http1"
)

// viewer is one stream of events. Its exchange is used under Dashboard.mu alone, or on its loop: it leaves the set before the
// exchange is over.
type viewer struct {
	x *http1.Exchange
}

// stream answers with the history, and from then on with each sample (the HTML standard, section 9.2).
func (d *Dashboard) stream(x *http1.Exchange) {
	if string(x.Method()) == http.MethodHead {
		x.Respond(http.StatusOK, "text/event-stream", nil)
		return
	}
	d.mu.Lock()
	if d.closed || d.cfg.MaxViewers > 0 && len(d.viewers) >= d.cfg.MaxViewers {
		d.mu.Unlock()
		x.SetHeader("Retry-After", "10")
		x.Respond(http.StatusServiceUnavailable, "text/plain; charset=utf-8", []byte("too many viewers\n"))
		return
	}
	v := &viewer{x}
	d.viewers[v] = struct{}{}
	first := append([]byte("retry: 2000\n\n"), bytes.Join(d.history, nil)...)
	d.mu.Unlock()
	x.OnCancel(func(*http1.Exchange, error) { d.leave(v) })
	x.OnDone(func(*http1.Exchange, *http1.Result) { d.leave(v) }) // also where an answer's filter has failed
	if x.Start(http.StatusOK, "text/event-stream", -1) != nil {
		d.leave(v)
		return
	}
	x.Write(first)
	x.Flush()
}

func (d *Dashboard) leave(v *viewer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.viewers, v)
}

// send keeps an event for those to come, and posts it to those who look. One who does not read misses some.
func (d *Dashboard) send(event, kept []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cfg.History > 0 {
		if len(d.history) >= d.cfg.History {
			d.history = append(d.history[:0], d.history[1:]...)
		}
		d.history = append(d.history, kept)
	}
	for v := range d.viewers {
		v.x.Post(func(x *http1.Exchange) {
			if !x.Conn().OverHigh() {
				x.Write(event)
				x.Flush()
			}
		})
	}
}

// finish ends all streams, so that a drain does not wait for them.
func (d *Dashboard) finish() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for v := range d.viewers {
		v.x.Post(func(x *http1.Exchange) { x.Finish() })
	}
}
