//go:build linux

package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
)

// maxFetch bounds a body that is checked.
const maxFetch = 16 << 20

// fetch gets a URL by net/http's client on a connection of its own, with no Accept-Encoding but that of fields,
// and reads the body, which is left as it came.
func fetch(url string, fields http.Header) (*http.Response, []byte, error) {
	transport := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, err
	}
	for name, values := range fields {
		request.Header[name] = values
	}
	answer, err := (&http.Client{Transport: transport, Timeout: clientTimeout}).Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxFetch))
	return answer, body, err
}

// digest names a body in a message: its length and the beginning of its SHA-256.
func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return fmt.Sprintf("%d bytes, SHA-256 %x...", len(body), sum[:8])
}
