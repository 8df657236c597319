package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// span is a part of the file: bytes from at on are missing. end is negative while the size is not known.
type span struct {
	begin int64
	at    atomic.Int64
	end   int64
}

func (s *span) done() bool { return s.end >= 0 && s.at.Load() >= s.end }

// run is one call of Get.
type run struct {
	d     *Downloader
	job   Job
	part  *part
	limit *rate.Limiter

	// What is loaded, and how. mu is for the watching goroutine and for ranges in parallel.
	mu      sync.Mutex
	of      version
	spans   []*span
	ranges  bool // false: the server was seen to ignore Range
	single  bool // a second connection was refused
	led     bool // the ranges in parallel are beside a first connection, which can read on
	attempt int
	resumed int64

	// saving is held while what is there is noted, and while that becomes wrong.
	saving sync.Mutex
}

// begin takes up what an earlier run left, or forgets it.
func (r *run) begin() error {
	if s, ok := r.part.load(r.job.URL); ok && r.job.Resume {
		r.of, r.spans = s.version, s.spans
		r.resumed = r.done()
		return nil
	}
	return r.reset()
}

// done is how many bytes there are.
func (r *run) done() (n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.spans {
		n += s.at.Load() - s.begin
	}
	return n
}

// continuable reports whether what is there can be added to.
func (r *run) continuable() bool {
	return r.ranges && r.of.strong() != "" && len(r.spans) > 0
}

// reset forgets what is there, on the disk first: from now on other bytes may take its place.
func (r *run) reset() error {
	r.saving.Lock()
	defer r.saving.Unlock()
	if err := r.part.forget(); err != nil {
		return fatal{err}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of, r.spans, r.resumed = version{size: -1}, nil, 0
	return nil
}

// loop tries until all is there.
func (r *run) loop(ctx context.Context) error {
	failures, anew := 0, 0
	for {
		r.mu.Lock()
		r.attempt++
		r.mu.Unlock()
		before := r.done()
		err := r.pass(ctx)
		if err == nil && !r.complete() {
			err = io.ErrUnexpectedEOF
		}
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, errAlone):
			continue
		case errors.Is(err, errAnew):
			if anew++; anew > maxAnew {
				return ErrChanged
			}
			if err := r.reset(); err != nil {
				return err
			}
			continue
		case lasting(err):
			return err
		}
		if failures++; r.continuable() && r.done()-before >= enoughProgress {
			failures = 1
		}
		if failures > max(or(r.d.Retries, 5), 0) {
			return err
		}
		if werr := r.wait(ctx, failures, err); werr != nil {
			return werr
		}
	}
}

// wait is the time before the next attempt.
func (r *run) wait(ctx context.Context, failures int, err error) error {
	most := or(r.d.MaxBackoff, time.Minute)
	d := or(r.d.Backoff, 500*time.Millisecond)
	for range failures - 1 {
		d = min(2*d, most)
	}
	d -= rand.N(d/2 + 1)
	var status *StatusError
	if errors.As(err, &status) && status.RetryAfter > 0 {
		if status.RetryAfter > most {
			return err
		}
		d = max(d, status.RetryAfter)
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// pass loads what is missing, once.
func (r *run) pass(ctx context.Context) error {
	if !r.continuable() {
		if err := r.reset(); err != nil {
			return err
		}
		return r.first(ctx)
	}
	if most := r.most(); most >= 0 && r.of.size > most {
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, r.of.size)
	}
	var left []*span
	for _, s := range r.spans {
		if !s.done() {
			left = append(left, s)
		}
	}
	if r.single || r.d.parallel() == 1 {
		for _, s := range left {
			if err := r.rest(ctx, s); err != nil {
				return err
			}
		}
		return nil
	}
	r.led = false
	return r.together(ctx, left, nil)
}

// together loads spans in parallel, beside what leader does if it is not nil. It returns when all have ended, at the first lasting error
// without waiting for more bytes.
func (r *run) together(ctx context.Context, spans []*span, leader func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue := make(chan *span, len(spans))
	for _, s := range spans {
		queue <- s
	}
	close(queue)
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		first error
	)
	failed := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if worse := lasting(err) || errors.Is(err, errAnew); first == nil || worse && !errors.Is(err, context.Canceled) {
			first = err
		}
		if lasting(err) || errors.Is(err, errAnew) {
			cancel()
		}
	}
	workers := min(r.d.parallel(), len(spans))
	if leader != nil {
		workers = min(r.d.parallel()-1, len(spans))
		wg.Go(func() {
			if err := leader(ctx); err != nil {
				failed(err)
			}
		})
	}
	for range workers {
		wg.Go(func() {
			for s := range queue {
				if err := r.beside(ctx, s); err != nil {
					failed(err)
					return
				}
			}
		})
	}
	wg.Wait()
	switch {
	case (errors.Is(first, errNoRanges) || errors.Is(first, errAlone)) && r.complete():
		return nil // the others did it
	case errors.Is(first, errNoRanges):
		return errAnew
	}
	return first
}

// beside loads a span beside others. A status that is none for a part may be meant for a second connection alone: then there is none
// from now on, and the status counts when it comes again.
func (r *run) beside(ctx context.Context, s *span) error {
	err := r.rest(ctx, s)
	var status *StatusError
	if errors.As(err, &status) {
		r.mu.Lock()
		r.single = true
		r.mu.Unlock()
		return errAlone
	}
	return err
}

func (r *run) complete() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.spans {
		if !s.done() {
			return false
		}
	}
	return len(r.spans) > 0
}

// watch reports progress and keeps checkpoints until the returned function is called. A disk that fails ends the run: it says so only
// once.
func (r *run) watch(cancel context.CancelCauseFunc) (stop func()) {
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		saves := time.NewTicker(every(r.d.Checkpoint, checkpoints))
		defer saves.Stop()
		reports := time.NewTicker(every(r.d.ProgressEvery, progressEvery))
		defer reports.Stop()
		for {
			select {
			case <-quit:
				return
			case <-reports.C:
				r.report()
			case <-saves.C:
				if err := r.checkpoint(); err != nil {
					cancel(err)
				}
			}
		}
	}()
	return func() { close(quit); <-ended }
}

func (r *run) report() {
	if r.d.Progress == nil {
		return
	}
	p := Progress{Done: r.done()}
	r.mu.Lock()
	p.Total, p.Resumed, p.Attempt = r.of.size, r.resumed, r.attempt
	r.mu.Unlock()
	r.d.Progress(p)
}

// checkpoint notes what is on the disk.
func (r *run) checkpoint() error {
	if !r.job.Resume {
		return nil
	}
	r.saving.Lock()
	defer r.saving.Unlock()
	r.mu.Lock()
	s := state{version: r.of, spans: r.spans}
	text := s.encode(r.job.URL)
	r.mu.Unlock()
	if s.strong() == "" || len(s.spans) == 0 {
		return r.part.forget()
	}
	return r.part.save(text)
}

// end gives the file its name, or leaves what there is for another time.
func (r *run) end(ctx context.Context, err error) (Result, error) {
	defer r.part.close()
	size := r.done()
	if err == nil {
		err = r.part.finish(ctx, size, r.job.Sums)
		if err != nil && errors.Is(err, ErrChecksum) {
			r.part.remove() // going on would not make it right
			return Result{}, err
		}
	}
	r.report()
	switch {
	case err == nil:
		return Result{Size: size, Resumed: r.resumed, Attempts: r.attempt, ETag: r.of.etag, LastModified: r.of.modified}, nil
	case !r.job.Resume, r.of.strong() == "":
		r.part.remove()
	default:
		if serr := r.checkpoint(); serr != nil {
			err = fmt.Errorf("%w (and what there is could not be kept: %w)", err, serr)
		}
	}
	return Result{}, err
}
