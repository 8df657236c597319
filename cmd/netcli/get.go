package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/download"
)

func init() {
	register(command{"get", "URL [-o FILE]", "get a URL, to standard output or into a file", get})
}

// getFlags are get's own.
type getFlags struct {
	httpFlags
	out, sums              string
	sha256, md5            string
	resume, head, withHead bool
	quiet                  bool
	rate                   size
	parallel, retries      int
}

func get(ctx context.Context, e *env, args []string) error {
	var f getFlags
	fs := e.flags("get")
	f.add(fs)
	fs.StringVar(&f.out, "o", "", "file to write, or a folder: then the name is the URL's; empty or -: standard output")
	fs.BoolVar(&f.resume, "resume", false, "go on with what an earlier call left of the file, and leave what there is on failure")
	fs.StringVar(&f.sha256, "sha256", "", "SHA-256 sum that the file must have")
	fs.StringVar(&f.md5, "md5", "", "MD5 sum that it must have")
	fs.StringVar(&f.sums, "sums", "", "list of checksums, a file or a URL, in which the file is looked up by the URL's name")
	fs.Var(&f.rate, "limit-rate", "bytes a second at most: 500, 64K, 1.5M")
	fs.IntVar(&f.parallel, "parallel", 1, "ranges at once, at most 16, if the server has them")
	fs.IntVar(&f.retries, "retries", 5, "attempts in a row that bring nothing; -1: none")
	fs.BoolVar(&f.head, "I", false, "ask for the head alone (HEAD)")
	fs.BoolVar(&f.withHead, "i", false, "print the head, too")
	fs.BoolVar(&f.quiet, "q", false, "show no progress")
	rest, err := parse(fs, args, 1, 1)
	if err != nil {
		return err
	}
	toFile := f.out != "" && f.out != "-"
	if !toFile && (f.resume || f.sha256 != "" || f.md5 != "" || f.sums != "" || f.rate > 0 || f.parallel > 1) {
		return usagef("-resume, -sha256, -md5, -sums, -limit-rate and -parallel are for files: give -o")
	}
	ctx, cancel := f.limit(ctx)
	defer cancel()
	client, closeAll, err := f.client()
	if err != nil {
		return err
	}
	defer closeAll()
	if toFile {
		return f.toFile(ctx, e, client, rest[0])
	}
	method := http.MethodGet
	if f.head {
		method = http.MethodHead
	}
	req, err := http.NewRequestWithContext(ctx, method, rest[0], nil)
	if err != nil {
		return usageError{err}
	}
	if req.Header, req.Host, err = f.header(e); err != nil {
		return err
	}
	began := time.Now()
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	return e.printAnswer(res, f.head || f.withHead, began)
}

// file is what -json prints of a file.
type file struct {
	File     string  `json:"file"`
	Bytes    int64   `json:"bytes"`
	Resumed  int64   `json:"resumed"`
	Attempts int     `json:"attempts"`
	ETag     string  `json:"etag,omitempty"`
	Modified string  `json:"last_modified,omitempty"`
	Checked  bool    `json:"checked"`
	Seconds  float64 `json:"seconds"`
}

func (f *getFlags) toFile(ctx context.Context, e *env, client *http.Client, target string) error {
	u, err := url.Parse(target)
	if err != nil {
		return usageError{err}
	}
	name := path.Base(u.Path)
	to := f.out
	if fi, err := os.Stat(to); err == nil && fi.IsDir() || strings.HasSuffix(to, string(filepath.Separator)) {
		if name == "." || name == "/" || name == ".." || !filepath.IsLocal(name) || strings.ContainsAny(name, `/\`) {
			return usagef("%s has no name for a file: give one with -o", u.Redacted())
		}
		to = filepath.Join(to, name)
	}
	header, host, err := f.header(e)
	if err != nil {
		return err
	}
	if host != "" {
		header.Set("Host", host)
	}
	sums, err := f.wanted(ctx, client, name)
	if err != nil {
		return err
	}
	m := e.meter(filepath.Base(to), f.quiet)
	d := &download.Downloader{
		Client: client, Header: header, Rate: int64(f.rate), Parallel: f.parallel, Retries: f.retries,
		Progress: func(p download.Progress) { m.set(p.Done, p.Total) },
	}
	if f.retries == 0 {
		d.Retries = -1
	}
	began := time.Now()
	res, err := d.Get(ctx, download.Job{URL: target, Path: to, Resume: f.resume, Sums: sums})
	m.end(res.Size, res.Size, err != nil)
	if err != nil {
		return err
	}
	if e.json {
		return writeJSON(e.out, file{to, res.Size, res.Resumed, res.Attempts, res.ETag, res.LastModified, len(sums) > 0, time.Since(began).Seconds()})
	}
	return nil
}

// wanted are the sums that the flags ask for.
func (f *getFlags) wanted(ctx context.Context, client *http.Client, name string) (sums []download.Sum, err error) {
	for algorithm, digits := range map[string]string{"sha256": f.sha256, "md5": f.md5} {
		if digits == "" {
			continue
		}
		s, err := download.ParseSum(algorithm + ":" + digits)
		if err != nil {
			return nil, usageError{err}
		}
		sums = append(sums, s)
	}
	if f.sums == "" {
		return sums, nil
	}
	from, err := open(ctx, client, f.sums)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	all, err := download.ParseSums(from)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.sums, err)
	}
	of, err := download.SumsFor(all, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.sums, err)
	}
	return append(sums, of...), nil
}

// open opens a file, or a URL of http or https.
func open(ctx context.Context, client *http.Client, name string) (io.ReadCloser, error) {
	if !strings.HasPrefix(name, "http://") && !strings.HasPrefix(name, "https://") {
		return os.Open(name)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, name, nil)
	if err != nil {
		return nil, usageError{err}
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		res.Body.Close()
		return nil, fmt.Errorf("%s: %w", name, statusError{res.Status})
	}
	return res.Body, nil
}
