//go:build linux

package main

import (
	"bytes"
	"fmt"
	"net/http"
)

const staticPrefix = "/static/"

// staticTargets are the servers of files.
func staticTargets(f fixtures, nginx nginxSite) []*target {
	nginx.static = f.static
	args := []string{"-static", f.static}
	return []*target{
		{name: "ours Files", module: ".", pkg: oursPackage, ours: true, control: true, args: args},
		{name: nethttpName, module: peersModule, pkg: "./nethttp", control: true, args: args},
		{name: nginxName, version: nginxName, nginx: &nginx},
		{name: "fasthttp", module: peersModule, pkg: "./fasthttp", control: true, version: "github.com/valyala/fasthttp", args: args},
	}
}

// staticWork is each file under each load.
func staticWork(loads []load) []workKind {
	var kinds []workKind
	for _, file := range staticFiles {
		path, content := staticPrefix+file.name, file.content()
		check := func(s *server) (int, error) { return 0, checkFile(s.url(path), content) }
		for _, l := range loads {
			kinds = append(kinds, workKind{name: "file of " + file.title, unit: "request", load: l, check: check, start: wrkOn(path, l)})
		}
	}
	return kinds
}

// checkFile gets a file twice, as caches may answer the second time, and compares every byte. A validator must be
// there: servers that leave out the work of conditional requests do less.
func checkFile(url string, content []byte) error {
	for range 2 {
		answer, body, err := fetch(url, nil)
		switch {
		case err != nil:
			return err
		case answer.StatusCode != http.StatusOK:
			return fmt.Errorf("status %s", answer.Status)
		case answer.ContentLength != int64(len(content)):
			return fmt.Errorf("Content-Length is %d, want %d", answer.ContentLength, len(content))
		case !bytes.Equal(body, content):
			return fmt.Errorf("the body is %s, want %s", digest(body), digest(content))
		case answer.Header.Get("Last-Modified") == "" && answer.Header.Get("ETag") == "":
			return fmt.Errorf("neither Last-Modified nor ETag")
		}
	}
	return nil
}
