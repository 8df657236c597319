package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/calandria-go/calandria/protocols/websocket"
)

func init() {
	register(command{"ws-testee", "URL AGENT", "let a fuzzing server for WebSockets test this client: run all its cases and have it write its report", wsTestee})
}

// testee runs the cases of a fuzzing server.
type testee struct {
	base  string
	agent string
	o     *websocket.DialOptions
	limit time.Duration
}

// testeeResult is what -json prints.
type testeeResult struct {
	Cases   int     `json:"cases"`
	Failed  []int   `json:"not_run,omitempty"` // the cases whose connection was not opened, or did not end
	Seconds float64 `json:"seconds"`
}

// wsTestee is the command.
func wsTestee(ctx context.Context, e *env, args []string) error {
	var f wsFlags
	fs := e.flags("ws-testee")
	f.add(fs)
	f.maxMessage = 64 << 20
	limit := fs.Duration("case-timeout", 2*time.Minute, "longest time for one case")
	first := fs.Int("first", 1, "the case to begin with")
	last := fs.Int("last", 0, "the last case; 0: the server's last")
	rest, err := parse(fs, args, 2, 2)
	if err != nil {
		return err
	}
	ctx, cancel := f.limit(ctx)
	defer cancel()
	o, closeAll, err := f.options(e, rest[0])
	if err != nil {
		return err
	}
	defer closeAll()
	t := &testee{base: strings.TrimSuffix(rest[0], "/"), agent: url.QueryEscape(rest[1]), o: o, limit: *limit}
	count, err := t.count(ctx)
	if err != nil {
		return fmt.Errorf("getCaseCount: %w", err)
	}
	if *last > 0 {
		count = min(count, *last)
	}
	began := time.Now()
	var result testeeResult
	for n := *first; n <= count; n++ {
		if e.terminal {
			fmt.Fprintf(e.err, "\rcase %d of %d", n, count)
		}
		if err := t.run(ctx, n); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			fmt.Fprintf(e.err, "case %d: %v\n", n, err)
			result.Failed = append(result.Failed, n)
		}
		result.Cases++
	}
	if e.terminal {
		fmt.Fprintln(e.err)
	}
	if err := t.report(ctx); err != nil {
		return fmt.Errorf("updateReports: %w", err)
	}
	result.Seconds = time.Since(began).Seconds()
	if e.json {
		return writeJSON(e.out, result)
	}
	_, err = fmt.Fprintf(e.out, "%d cases run in %.1f s; %d not\n", result.Cases-len(result.Failed), result.Seconds, len(result.Failed))
	return err
}

// count asks how many cases there are.
func (t *testee) count(ctx context.Context) (int, error) {
	c, err := websocket.Dial(ctx, t.base+"/getCaseCount", t.o)
	if err != nil {
		return 0, err
	}
	defer c.Close(websocket.NormalClosure, "")
	_, p, err := c.Read(ctx)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(p)))
	if err != nil || n < 0 {
		return 0, fmt.Errorf("not a number of cases: %.40q", p)
	}
	return n, nil
}

// run does one case: every message is echoed. How the connection ends is the case's matter, and judged by the server.
func (t *testee) run(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, t.limit, os.ErrDeadlineExceeded)
	defer cancel()
	c, err := websocket.Dial(ctx, fmt.Sprintf("%s/runCase?case=%d&agent=%s", t.base, n, t.agent), t.o)
	if err != nil {
		return err
	}
	for {
		op, p, err := c.Read(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			c.Abort(nil)
			return err
		case err != nil:
			return nil
		}
		if err := c.SendContext(ctx, op, p); err != nil && !errors.Is(err, websocket.ErrClosed) {
			return err
		}
	}
}

// report has the server write its report, and waits until it has.
func (t *testee) report(ctx context.Context) error {
	c, err := websocket.Dial(ctx, t.base+"/updateReports?agent="+t.agent, t.o)
	if err != nil {
		return err
	}
	for {
		if _, _, err := c.Read(ctx); err != nil {
			return ctx.Err()
		}
	}
}
