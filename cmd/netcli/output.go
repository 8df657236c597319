package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/schollz/progressbar/v3"
)

// maxJSONBody bounds the body of an answer that -json holds in memory.
const maxJSONBody = 8 << 20

// failure is what -json prints when a command fails.
type failure struct {
	Command string `json:"command"`
	Error   string `json:"error"`
	Exit    int    `json:"exit"`
}

// answer is what -json prints of an HTTP answer.
type answer struct {
	URL     string      `json:"url"`
	Status  int         `json:"status"`
	Proto   string      `json:"proto"`
	Headers http.Header `json:"headers"`
	Bytes   int64       `json:"bytes"`
	Body    *string     `json:"body,omitempty"`        // if it is UTF-8
	Base64  string      `json:"body_base64,omitempty"` // if it is not
	Seconds float64     `json:"seconds"`
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// printAnswer writes an answer as it comes, or as JSON. One of 400 and above is an error, behind its body.
func (e *env) printAnswer(res *http.Response, head bool, began time.Time) error {
	defer res.Body.Close()
	var err error
	if e.json {
		err = e.answerJSON(res, began)
	} else {
		if head {
			fmt.Fprintf(e.out, "%s %s\r\n", res.Proto, res.Status)
			for _, name := range sortedNames(res.Header) {
				for _, v := range res.Header[name] {
					fmt.Fprintf(e.out, "%s: %s\r\n", name, v)
				}
			}
			fmt.Fprint(e.out, "\r\n")
		}
		_, err = io.Copy(e.out, res.Body)
	}
	if err == nil && res.StatusCode >= 400 {
		return statusError{res.Status}
	}
	return err
}

func sortedNames(h http.Header) []string {
	var names []string
	for name := range h {
		names = append(names, name)
	}
	slices.SortFunc(names, strings.Compare)
	return names
}

func (e *env) answerJSON(res *http.Response, began time.Time) error {
	body, err := io.ReadAll(io.LimitReader(res.Body, maxJSONBody+1))
	if err != nil {
		return err
	}
	if len(body) > maxJSONBody {
		return fmt.Errorf("the answer has more than %d bytes: give -o with -json", maxJSONBody)
	}
	a := answer{
		URL: res.Request.URL.Redacted(), Status: res.StatusCode, Proto: res.Proto, Headers: res.Header, Bytes: int64(len(body)),
		Seconds: time.Since(began).Seconds(),
	}
	if utf8.Valid(body) {
		text := string(body)
		a.Body = &text
	} else {
		a.Base64 = base64.StdEncoding.EncodeToString(body)
	}
	return writeJSON(e.out, a)
}

// meter shows how far a transfer has come: a bar on a terminal, a line now and then elsewhere, nothing if it is quiet.
type meter struct {
	e     *env
	what  string
	quiet bool
	bar   *progressbar.ProgressBar
	last  time.Time
	total int64
}

func (e *env) meter(what string, quiet bool) *meter {
	return &meter{e: e, what: what, quiet: quiet, last: time.Now(), total: -1}
}

// linesEvery is how often a line is printed where there is no terminal.
const linesEvery = 5 * time.Second

// set says that done of total bytes are there; total is negative if it is not known.
func (m *meter) set(done, total int64) {
	switch {
	case m.quiet:
	case !m.e.terminal:
		if time.Since(m.last) >= linesEvery {
			m.last = time.Now()
			m.line(done, total)
		}
	default:
		if m.bar == nil {
			m.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(m.e.err), progressbar.OptionSetDescription(m.what),
				progressbar.OptionShowBytes(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionShowCount(),
				progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth())
			m.total = total
		}
		if total != m.total && total > 0 {
			m.bar.ChangeMax64(total)
			m.total = total
		}
		m.bar.Set64(done)
	}
}

func (m *meter) line(done, total int64) {
	if total > 0 {
		fmt.Fprintf(m.e.err, "%s: %d of %d bytes (%d %%)\n", m.what, done, total, done*100/total)
		return
	}
	fmt.Fprintf(m.e.err, "%s: %d bytes\n", m.what, done)
}

// end takes the bar away, and prints how it ended.
func (m *meter) end(done, total int64, failed bool) {
	if m.bar != nil {
		m.bar.Clear()
	}
	if !m.quiet && !failed {
		m.line(done, total)
	}
}

// counted counts what is read of a body.
type counted struct {
	io.ReadCloser
	n    int64
	each func(n int64)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n += int64(n)
	c.each(c.n)
	return n, err
}
