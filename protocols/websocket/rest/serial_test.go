package rest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/rest"
	"github.com/calandria-go/calandria/protocols/websocket/wire"
)

// Requests, answers, errors and binary content of synopsejson, both ways at once.
func TestSynopseBothWays(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/missing" {
			http.Error(w, "no such thing", http.StatusNotFound)
			return
		}
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		w.Header().Set("X-Was", r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("X-Sent"))
		w.WriteHeader(http.StatusCreated)
		w.Write(b)
	})
	s, c := pair(t, rest.Synopse, rest.Config{Handler: h}, rest.Config{Handler: h})
	var wg sync.WaitGroup
	for _, p := range []*rest.Peer{s, c} {
		for i := range 10 {
			for kind, body := range map[string]string{
				"application/json; charset=UTF-8": fmt.Sprintf(`{"n":%d}`, i),
				"text/plain; charset=utf-8":       fmt.Sprintf("text %d \"é\"\n", i),
				"application/octet-stream":        fmt.Sprintf("\x00\xff%d", i),
				"image/png":                       "",
			} {
				wg.Go(func() {
					resp, got := ask(t, p, "POST", fmt.Sprintf("/x/%d", i), body, "Content-Type", kind, "X-Sent", "yes")
					if want := fmt.Sprintf("POST /x/%d yes", i); resp.StatusCode != http.StatusCreated || resp.Header.Get("X-Was") != want || got != body ||
						body != "" && resp.Header.Get("Content-Type") != kind {
						t.Errorf("%s: %d, %v, %q", kind, resp.StatusCode, resp.Header, got)
					}
				})
			}
		}
	}
	wg.Wait()
	if resp, got := ask(t, c, "GET", "/missing", ""); resp.StatusCode != http.StatusNotFound || got != "no such thing\n" {
		t.Errorf("%d %q", resp.StatusCode, got)
	}
}

// The bytes of an exchange with a mORMot client, and with a mORMot server.
func TestSynopseBytes(t *testing.T) {
	w := dialRaw(t, rest.Config{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			w.Header().Set("Content-Type", "application/json; charset=UTF-8")
			switch r.URL.Path {
			case "/svc/calc.add":
				fmt.Fprintf(w, `{"got":%s}`, b)
			case "/svc/blob":
				w.Header().Set("Content-Type", "application/octet-stream")
				w.Write([]byte{0, 1, 0xff, 0xfe})
			case "/svc/broken":
				io.WriteString(w, "{")
			default:
				w.WriteHeader(http.StatusNotFound)
				io.WriteString(w, `{"errorCode":404}`)
			}
		}),
		OnOpen: func(p *rest.Peer) {
			go func() {
				r, _ := http.NewRequest("GET", "/callback/1", nil)
				r.Header.Set("X-A", "1")
				resp, err := p.RoundTrip(r)
				if err != nil || resp.StatusCode != 200 || resp.Header.Get("Y") != "2" {
					t.Error(resp, err)
				}
			}()
		},
	}, rest.Synopse)
	w.want(`{"request":["GET","/callback/1","X-A: 1",0,"",""]}`)
	w.send(websocket.Text, `{"request":["","svc/calc.add","",0,"",[1,2]]}`)
	w.want(`{"answer":[200,"","",{"got":[1,2]}]}`)
	w.send(websocket.Text, `{"answer":[200,"Y: 2","",""]}`)
	w.send(websocket.Text, `{"request":["GET","svc/blob","",0,"",""]}`)
	w.want(`{"answer":[200,"","application/octet-stream","` + "\xef\xbf\xb0" + `AAH//g=="]}`)
	w.send(websocket.Text, `{"request":["GET","svc/other","",0,"",""]}`)
	w.want(`{"answer":[404,"","",{"errorCode":404}]}`)
	w.send(websocket.Text, `{"request":["GET","svc/broken","",0,"",""]}`)
	w.want(`{"answer":[500,"","",""]}`)
	w.send(websocket.Text, `{"request":["GET","svc/other","no field",0,"",""]}`)
	w.want(`{"answer":[400,"","",""]}`)
	w.send(websocket.Text, `{"nonsense":[]}`)
	if _, err := w.read(); websocket.CloseStatus(err) != wire.ProtocolError {
		t.Error(err)
	}
}

// A call that has given up keeps its place until its answer has come: else the next one would take it for its own.
func TestSynopseLateAnswer(t *testing.T) {
	first, release := make(chan struct{}), make(chan struct{})
	_, c := pair(t, rest.Synopse, rest.Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/first" {
			close(first)
			<-release
		}
		io.WriteString(w, r.URL.Path)
	})}, rest.Config{})
	ctx, cancel := context.WithCancel(context.Background())
	r, _ := http.NewRequestWithContext(ctx, "GET", "/first", nil)
	done := make(chan error, 1)
	go func() {
		_, err := c.RoundTrip(r)
		done <- err
	}()
	<-first
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(release)
	if _, got := ask(t, c, "GET", "/second", ""); got != "/second" {
		t.Errorf("got %q", got)
	}
}

// One that sends without waiting is closed at MaxRequests.
func TestSynopseFlood(t *testing.T) {
	release := make(chan struct{})
	w := dialRaw(t, rest.Config{MaxRequests: 3, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release })}, rest.Synopse)
	for range 5 {
		w.send(websocket.Text, `{"request":["GET","/","",0,"",""]}`)
	}
	_, err := w.read()
	close(release)
	if websocket.CloseStatus(err) != websocket.PolicyViolation {
		t.Error(err)
	}
}

// A body that has to be held whole is bounded.
func TestSynopseMaxBody(t *testing.T) {
	_, c := pair(t, rest.Synopse, rest.Config{MaxBody: 100, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(make([]byte, 101))
	})}, rest.Config{MaxBody: 10})
	if resp, _ := ask(t, c, "GET", "/", ""); resp.StatusCode != http.StatusInternalServerError {
		t.Errorf("status %d", resp.StatusCode)
	}
	r, _ := http.NewRequest("POST", "/", strings.NewReader("more than ten"))
	if _, err := c.RoundTrip(r); !errors.Is(err, rest.ErrBody) {
		t.Error(err)
	}
}
