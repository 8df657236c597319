//go:build linux

package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"log"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// quiet is for servers whose clients are meant to fail.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

func TestCheckFile(t *testing.T) {
	content := staticFiles[0].content()
	other := bytes.Clone(content)
	other[len(other)-1] ^= 1
	answer := func(status int, validator string, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if validator != "" {
				w.Header().Set("ETag", validator)
			}
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			w.WriteHeader(status)
			_, _ = w.Write(body)
		}
	}
	first := true
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"good":         {answer(200, `"x"`, content), ""},
		"status":       {answer(404, `"x"`, content), "404"},
		"length":       {answer(200, `"x"`, content[1:]), "Content-Length"},
		"one bit":      {answer(200, `"x"`, other), "SHA-256"},
		"no validator": {answer(200, "", content), "ETag"},
		"second answer": {func(w http.ResponseWriter, r *http.Request) {
			if first {
				first = false
				answer(200, `"x"`, content)(w, r)
				return
			}
			answer(200, `"x"`, other)(w, r)
		}, "SHA-256"},
	} {
		err := checkFile("http://"+serve(t, c.handler)+"/", content)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q in it", name, err, c.want)
		}
	}
}

// gzipAnswer is a handler that compresses for those who ask, with faults by name.
func gzipAnswer(document []byte, fault string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(acceptEncoding) != contentCoding && fault != "always" || fault == "never" {
			_, _ = w.Write(document)
			return
		}
		w.Header().Set("Content-Encoding", contentCoding)
		if fault != "vary" {
			w.Header().Set("Vary", acceptEncoding)
		}
		encoder := gzip.NewWriter(w)
		if fault == "other" {
			_, _ = encoder.Write([]byte("another document"))
		} else {
			_, _ = encoder.Write(document)
		}
		if fault != "cut" {
			_ = encoder.Close()
		}
	}
}

func TestCheckGzip(t *testing.T) {
	document, err := makeDocument(documentSize)
	if err != nil {
		t.Fatal(err)
	}
	size, err := checkGzip("http://"+serve(t, gzipAnswer(document, ""))+"/", document)
	if err != nil || size <= 0 || size >= len(document)/2 {
		t.Errorf("a good server: %d bytes, %v", size, err)
	}
	for _, fault := range []string{"always", "never", "vary", "other", "cut"} {
		if _, err := checkGzip("http://"+serve(t, gzipAnswer(document, fault))+"/", document); err == nil {
			t.Errorf("fault %q passed", fault)
		}
	}
}

func TestWrkFields(t *testing.T) {
	cmd, err := wrk{threads: 1}.command(t.Context(), "http://h/", load{Conns: 2, Depth: 1}, time.Second, "Accept-Encoding: gzip")
	if err != nil || !strings.Contains(strings.Join(cmd.Args, "|"), "|-H|Accept-Encoding: gzip|http://h/") {
		t.Errorf("got %q, %v", cmd.Args, err)
	}
}
