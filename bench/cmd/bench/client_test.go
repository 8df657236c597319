//go:build linux

package main

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// serve runs a net/http handler and returns its address.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

func hello(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	_, _ = w.Write([]byte(plaintextBody))
}

func TestClientTakesAGoodServer(t *testing.T) {
	c, err := dialClient(serve(t, hello), "127.0.0.2")
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := c.check(); err != nil {
		t.Error(err)
	}
	times, err := c.timeUntil(time.Now().Add(20 * time.Millisecond))
	if err != nil || len(times) == 0 {
		t.Errorf("%d requests were timed: %v", len(times), err)
	}
}

func TestClientRefusesABadServer(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"status": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) },
		"length": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("Hello")) },
		"body":   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("Hello, Venus!")) },
		"date": func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Date"] = nil
			hello(w, r)
		},
	} {
		c, err := dialClient(serve(t, h), "")
		if err != nil {
			t.Fatal(err)
		}
		if err := c.check(); err == nil {
			t.Errorf("a server with a wrong %s passed", name)
		}
		c.close()
	}
}

func TestOnly(t *testing.T) {
	all := httpTargets()
	got, err := only(all, "net/http, floor")
	if err != nil || names(got) != "net/http, floor" {
		t.Errorf("got %s, %v", names(got), err)
	}
	if got, err := only(all, ""); err != nil || len(got) != len(all) {
		t.Errorf("the empty list gave %s, %v", names(got), err)
	}
	if _, err := only(all, "apache"); err == nil || !strings.Contains(err.Error(), "gnet raw") {
		t.Errorf("an unknown name: %v; want an error that lists the servers", err)
	}
}

func TestCleanEnv(t *testing.T) {
	got := cleanEnv([]string{"GOGC=off", "HOME=/x", "GOMAXPROCS=1", "GOMEMLIMIT=1GiB", "GODEBUG=a=1", "PATH=/bin"})
	if !slices.Equal(got, []string{"HOME=/x", "PATH=/bin"}) {
		t.Errorf("got %v", got)
	}
}
