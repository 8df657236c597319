//go:build linux

package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
)

const (
	documentPath   = "/document.json"
	acceptEncoding = "Accept-Encoding"
	contentCoding  = "gzip"
)

// gzipTargets are the servers that compress a document for each request.
func gzipTargets(f fixtures) []*target {
	args := func(more ...string) []string { return append([]string{"-gzip", f.document}, more...) }
	return []*target{
		{name: "ours native", module: ".", pkg: oursPackage, ours: true, control: true, args: args("-handler", "native")},
		{name: "ours std", module: ".", pkg: oursPackage, ours: true, control: true, args: args("-handler", "std")},
		{
			name: nethttpName, module: peersModule, pkg: "./nethttp", control: true, version: "github.com/klauspost/compress",
			args: args(),
		},
	}
}

// gzipWork is the document under each load.
func gzipWork(f fixtures, loads []load) ([]workKind, error) {
	document, err := os.ReadFile(f.document)
	if err != nil {
		return nil, err
	}
	var kinds []workKind
	for _, l := range loads {
		kinds = append(kinds, workKind{
			name: fmt.Sprintf("gzip of %d bytes of JSON", len(document)), unit: "request", load: l,
			check: func(s *server) (int, error) { return checkGzip(s.url(documentPath), document) },
			start: wrkOn(documentPath, l, acceptEncoding+": "+contentCoding),
		})
	}
	return kinds, nil
}

// checkGzip sees that an answer is compressed, decodes to the document and says that it depends on the request's
// field; and that a client that takes no coding gets the document as it is. It returns the compressed size.
func checkGzip(url string, document []byte) (int, error) {
	plain, body, err := fetch(url, nil)
	switch {
	case err != nil:
		return 0, err
	case plain.StatusCode != http.StatusOK:
		return 0, fmt.Errorf("status %s", plain.Status)
	case plain.Header.Get("Content-Encoding") != "" || !bytes.Equal(body, document):
		return 0, fmt.Errorf("without %s the body is %s, want %s", acceptEncoding, digest(body), digest(document))
	}
	coded, body, err := fetch(url, http.Header{acceptEncoding: {contentCoding}})
	switch {
	case err != nil:
		return 0, err
	case coded.StatusCode != http.StatusOK:
		return 0, fmt.Errorf("status %s", coded.Status)
	case coded.Header.Get("Content-Encoding") != contentCoding:
		return 0, fmt.Errorf("Content-Encoding is %q, want %q", coded.Header.Get("Content-Encoding"), contentCoding)
	case coded.Header.Get("Vary") == "":
		return 0, fmt.Errorf("no Vary")
	}
	decoder, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	decoded, err := io.ReadAll(io.LimitReader(decoder, int64(len(document))+1))
	if err != nil {
		return 0, err
	}
	if !bytes.Equal(decoded, document) {
		return 0, fmt.Errorf("the body decodes to %s, want %s", digest(decoded), digest(document))
	}
	return len(body), nil
}
