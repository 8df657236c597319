package download

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/time/rate"

	"github.com/calandria-go/calandria/reactor"
)

// Downloader says how to download. Its zero value is ready for use; it may be used by any number of goroutines. Get blocks.
type Downloader struct {
	// Client does the requests, redirects included; nil: http.DefaultClient. A Timeout of it bounds each request with its body.
	Client *http.Client
	// Header has fields for each request, Host among them. Range, If-Range and Accept-Encoding are the Downloader's own.
	Header http.Header
	// Rate bounds the bytes a second, of all connections of one download; 0 and negative: as fast as it comes.
	Rate int64
	// Parallel is how many ranges to load at once, at most 16, if the server offers ranges, has a strong validator, and the file is
	// large enough; 0 and negative: 1. A server that refuses the second connection is asked on one.
	Parallel int
	// MinRange is the least size of such a range; 0: 4 MiB.
	MinRange int64
	// Retries bounds the attempts in a row that bring next to nothing (less than 64 KiB, or all of it not to be continued); 0: 5,
	// negative: none.
	Retries int
	// Backoff is the wait before the first of them, which doubles with each, less a random half; 0: 500 ms.
	Backoff time.Duration
	// MaxBackoff bounds it. A server that asks for more by Retry-After ends the download; 0: 1 minute.
	MaxBackoff time.Duration
	// Stall ends an attempt when nothing comes for so long; 0: 60 s, negative: never.
	Stall time.Duration
	// MaxBytes bounds the file; 0: 64 GiB, negative: unlimited.
	MaxBytes int64
	// Checkpoint is how often the partial file is synced and what is there noted, while it grows: at most so much is loaded
	// again after a crash; 0 and negative: 1 s.
	Checkpoint time.Duration
	// Progress, if set, is called every ProgressEvery and at the end, by one goroutine at a time. It should not block: checkpoints
	// wait for it.
	Progress func(Progress)
	// ProgressEvery is how often; 0 and negative: 250 ms.
	ProgressEvery time.Duration
}

const (
	maxParallel    = 16
	pieceSize      = 64 << 10
	progressEvery  = 250 * time.Millisecond
	checkpoints    = time.Second
	enoughProgress = 64 << 10
	maxAnew        = 5 // times that a resource may change under a download
)

// Progress is how far a download has come.
type Progress struct {
	// Done is the number of bytes in the partial file, Total that of all, or -1 if that is not known.
	Done, Total int64
	// Resumed is how many of them were there before.
	Resumed int64
	// Attempt counts from 1.
	Attempt int
}

// Job is one download.
type Job struct {
	// URL is what to get.
	URL string
	// Path is the file. One that is there is replaced when the download is complete.
	Path string
	// Resume goes on with what an earlier download of the same URL left, and leaves what there is if this one fails. Without it a
	// partial file is begun anew, and removed on failure.
	Resume bool
	// Sums are checked before the file gets its name; all have to match.
	Sums []Sum
}

// Result is of a download that succeeded.
type Result struct {
	// Size is that of the file.
	Size int64
	// Resumed is how many bytes were there before.
	Resumed int64
	// Attempts is how many it took.
	Attempts int
	// ETag and LastModified are the resource's, if it has them.
	ETag, LastModified string
}

// Get downloads. It tries again what can be tried again, and returns the last error when that does not help. When ctx ends so does
// the download, with ctx's error. On a loop's goroutine it returns reactor.ErrOnLoop at once.
func (d *Downloader) Get(ctx context.Context, job Job) (Result, error) {
	if reactor.OnLoop() {
		return Result{}, reactor.ErrOnLoop
	}
	u, err := url.Parse(job.URL)
	if err != nil {
		return Result{}, err
	}
	switch u.Scheme {
	case "http", "https", "unix":
	default:
		return Result{}, fmt.Errorf("download: no scheme for it: %q", u.Scheme)
	}
	if err := checkSums(job.Sums); err != nil {
		return Result{}, err
	}
	part, err := openPart(job.Path)
	if err != nil {
		return Result{}, err
	}
	r := &run{d: d, job: job, part: part, limit: d.limiter(), ranges: true}
	running, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err = r.begin()
	if err == nil {
		stop := r.watch(cancel)
		err = r.loop(running)
		stop()
	}
	return r.end(ctx, err)
}

func (d *Downloader) limiter() *rate.Limiter {
	if d.Rate <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(d.Rate), d.piece())
}

// piece is how much is read at once: with a limit, what comes in a tenth of a second, so that it flows.
func (d *Downloader) piece() int {
	if d.Rate <= 0 {
		return pieceSize
	}
	return int(min(max(d.Rate/10, 256), pieceSize))
}

func (d *Downloader) client() *http.Client {
	if d.Client == nil {
		return http.DefaultClient
	}
	return d.Client
}

func (d *Downloader) parallel() int { return min(max(d.Parallel, 1), maxParallel) }

// every is a time between two of something.
func every(d, def time.Duration) time.Duration {
	if d <= 0 {
		return def
	}
	return d
}

func or[T int | int64 | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}
