package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/multipart"
)

func init() {
	register(command{"upload", "URL (-F NAME=VALUE | -F NAME=@FILE)... | URL -T FILE", "send a form with files, or a file as it is (PUT)", upload})
}

func upload(ctx context.Context, e *env, args []string) error {
	var f httpFlags
	var parts list
	fs := e.flags("upload")
	f.add(fs)
	fs.Var(&parts, "F", "a field of the form; NAME=@FILE sends a file, NAME=@FILE;type=T;filename=N with a type and a name of your choice; repeatable")
	whole := fs.String("T", "", "a file to send as it is, in place of a form")
	method := fs.String("X", "", "the method; empty: POST for a form, PUT for a file")
	withHead := fs.Bool("i", false, "print the head of the answer, too")
	quiet := fs.Bool("q", false, "show no progress")
	rest, err := parse(fs, args, 1, 1)
	if err != nil {
		return err
	}
	if (*whole == "") == (len(parts) == 0) {
		return usagef("give either -F or -T")
	}
	ctx, cancel := f.limit(ctx)
	defer cancel()
	req, err := uploadRequest(ctx, *method, rest[0], *whole, parts)
	if err != nil {
		return err
	}
	header, host, err := f.header(e)
	if err != nil {
		return err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Host = host
	m := e.meter("upload", *quiet)
	req.Body, req.GetBody = m.count(req.Body, req.ContentLength), m.recount(req.GetBody, req.ContentLength)
	client, closeAll, err := f.client()
	if err != nil {
		return err
	}
	defer closeAll()
	began := time.Now()
	res, err := client.Do(req)
	m.end(req.ContentLength, req.ContentLength, err != nil || req.ContentLength < 0)
	if err != nil {
		return err
	}
	return e.printAnswer(res, *withHead, began)
}

func uploadRequest(ctx context.Context, method, url, whole string, parts list) (*http.Request, error) {
	if whole != "" {
		if method == "" {
			method = http.MethodPut
		}
		req, err := http.NewRequestWithContext(ctx, method, url, nil)
		if err != nil {
			return nil, usageError{err}
		}
		req.Header.Set("Content-Type", "application/octet-stream")
		return req, fileBody(req, whole)
	}
	var form multipart.Encoder
	for _, p := range parts {
		if err := addPart(&form, p); err != nil {
			return nil, err
		}
	}
	if method == "" {
		method = http.MethodPost
	}
	req, err := form.NewRequest(ctx, method, url)
	if err != nil {
		return nil, usageError{err}
	}
	return req, nil
}

// addPart reads one -F.
func addPart(form *multipart.Encoder, part string) error {
	name, value, ok := strings.Cut(part, "=")
	if !ok {
		return usagef("-F %q is no NAME=VALUE", part)
	}
	path, isFile := strings.CutPrefix(value, "@")
	if !isFile {
		return form.AddField(name, value)
	}
	var typ, as string
	for {
		i := max(strings.LastIndex(path, ";type="), strings.LastIndex(path, ";filename="))
		if i < 0 {
			break
		}
		key, v, _ := strings.Cut(path[i+1:], "=")
		if key == "type" {
			typ = v
		} else {
			as = v
		}
		path = path[:i]
	}
	if as == "" {
		return form.AddPath(name, path, typ)
	}
	fi, err := os.Stat(path)
	if err != nil {
		return err
	}
	size := fi.Size()
	if !fi.Mode().IsRegular() {
		size = -1
	}
	return form.AddFile(name, filepath.Base(as), typ, size, func() (io.ReadCloser, error) { return os.Open(path) })
}

// count shows how much of a body has been sent.
func (m *meter) count(body io.ReadCloser, total int64) io.ReadCloser {
	return &counted{ReadCloser: body, each: func(n int64) { m.set(n, total) }}
}

func (m *meter) recount(get func() (io.ReadCloser, error), total int64) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		body, err := get()
		if err != nil {
			return nil, err
		}
		return m.count(body, total), nil
	}
}
