package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

func init() {
	register(command{"post", "URL -d DATA", "send data, and print the answer", post})
}

func post(ctx context.Context, e *env, args []string) error {
	var f httpFlags
	var data list
	fs := e.flags("post")
	f.add(fs)
	fs.Var(&data, "d", "the body; @FILE is that of a file, @- standard input; several are joined by &")
	typ := fs.String("type", "application/x-www-form-urlencoded", "its Content-Type")
	method := fs.String("X", http.MethodPost, "the method")
	withHead := fs.Bool("i", false, "print the head of the answer, too")
	rest, err := parse(fs, args, 1, 1)
	if err != nil {
		return err
	}
	ctx, cancel := f.limit(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, *method, rest[0], nil)
	if err != nil {
		return usageError{err}
	}
	if req.Header, req.Host, err = f.header(e); err != nil {
		return err
	}
	if req.Header.Get("Content-Type") == "" && *typ != "" {
		req.Header.Set("Content-Type", *typ)
	}
	if err := setBody(e, req, data); err != nil {
		return err
	}
	client, closeAll, err := f.client()
	if err != nil {
		return err
	}
	defer closeAll()
	began := time.Now()
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	return e.printAnswer(res, *withHead, began)
}

// setBody gives a request the data of -d. A file is streamed, and can be sent again.
func setBody(e *env, req *http.Request, data list) error {
	if len(data) == 1 && data[0] == "@-" {
		req.Body, req.ContentLength = io.NopCloser(e.in), -1
		return nil
	}
	if name, ok := strings.CutPrefix(strings.Join(data, "&"), "@"); ok && len(data) == 1 {
		return fileBody(req, name)
	}
	for _, d := range data {
		if strings.HasPrefix(d, "@") {
			return usagef("-d %q: a file must be the only one", d)
		}
	}
	text := strings.Join(data, "&")
	req.ContentLength = int64(len(text))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
	if text == "" {
		req.GetBody = func() (io.ReadCloser, error) { return http.NoBody, nil }
	}
	req.Body, _ = req.GetBody()
	return nil
}

// fileBody has a request send a file.
func fileBody(req *http.Request, name string) error {
	fi, err := os.Stat(name)
	if err != nil {
		return err
	}
	req.ContentLength = -1
	if fi.Mode().IsRegular() {
		req.ContentLength = fi.Size()
	}
	req.GetBody = func() (io.ReadCloser, error) { return os.Open(name) }
	req.Body, err = req.GetBody()
	return err
}
