package middleware

import (
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
)

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &Timeout{After: 5 * time.Second, RetryAfter: 1500 * time.Millisecond}
		var told []error
		late := make(chan bool, 10)
		h := m.Middleware()(native(func(x *http1.Exchange) {
			OnTimeout(x, func(err error) { told = append(told, err) })
			switch string(x.Path()) {
			case "/later": // in time
				x.Conn().AfterFunc(4*time.Second, func() { x.Respond(200, "", []byte("in time")) })
			case "/streamed": // began in time
				x.Start(200, "", -1)
				x.Conn().AfterFunc(20*time.Second, func() { x.Write([]byte("slow")); x.Finish() })
			case "/slow":
				x.SetHeader("ETag", `"v"`)
				x.Conn().AfterFunc(6*time.Second, func() {
					x.Respond(200, "", []byte("too late"))
					late <- x.Answered()
				})
			case "/offload":
				if err := x.Offload(func() {
					<-time.After(6 * time.Second)
					x.Post(func(x *http1.Exchange) { late <- false })
				}); err != nil {
					t.Error(err)
				}
			case "/never":
			default:
				x.Respond(200, "", []byte("at once"))
			}
		}))
		bubble(t, h, func(dial func() net.Conn) {
			get := func(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n" }
			list := talk(t, dial(), get("/")+get("/later")+get("/streamed")+get("/"), "GET", "GET", "GET", "GET")
			for i, want := range []string{"at once", "in time", "slow", "at once"} {
				if got := text(list[i]); got != want {
					t.Errorf("%q, want %q", got, want)
				}
			}
			if len(told) > 0 || m.Expired() != 0 {
				t.Errorf("%v, %d", told, m.Expired())
			}
			for i, path := range []string{"/slow", "/offload", "/never"} {
				c := dial()
				start := time.Now()
				// The next request of the connection is not answered, as its answer could be taken for the late one.
				res := talk(t, c, get(path)+get("/"), "GET")[0]
				if d := time.Since(start); d < 5*time.Second || d > 5*time.Second+50*time.Millisecond {
					t.Errorf("%s: after %v", path, d)
				}
				if res.StatusCode != 503 || !res.Close || res.Header.Get("Retry-After") != "2" || res.Header.Get("ETag") != "" {
					t.Errorf("%s: %d %v", path, res.StatusCode, res.Header)
				}
				<-time.After(2 * time.Second) // the handlers' time comes while the connection is still there
				if n, err := c.Read(make([]byte, 10)); n > 0 || err == nil {
					t.Errorf("%s: %d bytes behind the answer", path, n)
				}
				c.Close()
				if len(told) != i+1 || told[i] != ErrTimeout || m.Expired() != uint64(i+1) {
					t.Errorf("%s: %v, %d", path, told, m.Expired())
				}
				<-time.After(10 * time.Second)
				synctest.Wait()
			}
			// The handler that was late found an answered exchange; what the other one has posted never ran.
			if ignored := <-late; !ignored || len(late) > 0 {
				t.Error("a late answer was taken")
			}
		})
	})
	var timeout interface{ Timeout() bool }
	if !errors.As(ErrTimeout, &timeout) || !timeout.Timeout() {
		t.Error("ErrTimeout is no timeout")
	}
}

// A request body that is still on its way does not keep the 503 from going out.
func TestTimeoutWithBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &Timeout{After: 5 * time.Second}
		h := m.Middleware()(native(func(x *http1.Exchange) {
			x.ReadBody(1<<20, func(x *http1.Exchange, body []byte) { x.Respond(200, "", nil) })
		}))
		bubble(t, h, func(dial func() net.Conn) {
			res := talk(t, dial(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf", "POST")[0]
			if res.StatusCode != 503 || !res.Close {
				t.Errorf("%d %v", res.StatusCode, res.Header)
			}
		})
	})
}

// Under a net/http handler it does nothing, and nothing bad: no second answer, and no mixed one.
func TestTimeoutStd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &Timeout{After: time.Second}
		h := m.Middleware()(std(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "a")
			w.(http.Flusher).Flush()
			<-time.After(5 * time.Second)
			io.WriteString(w, "b")
		}))
		bubble(t, h, func(dial func() net.Conn) {
			for _, res := range talk(t, dial(), request("GET")+request("GET"), "GET", "GET") {
				if res.StatusCode != 200 || text(res) != "ab" {
					t.Errorf("%d %q", res.StatusCode, text(res))
				}
			}
			if n := m.Expired(); n != 0 {
				t.Errorf("%d expired", n)
			}
		})
	})
}

func TestTimeoutOff(t *testing.T) {
	h := hellos()["native"]
	if got := (&Timeout{After: -1}).Middleware()(h); got == nil {
		t.Error("no handler")
	}
	res, body := one(t, serve(t, (&Timeout{}).Middleware()(h)), "GET")
	if res.StatusCode != 200 || body != "hello" {
		t.Errorf("%d %q", res.StatusCode, body)
	}
}
