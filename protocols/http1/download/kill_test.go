package download_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/download"
)

// child is the process that is killed. It downloads what its environment says, and prints how much memory it took.
func child() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	n, _ := strconv.Atoi(os.Getenv("DOWNLOAD_PARALLEL"))
	d := &download.Downloader{Parallel: n, Checkpoint: 20 * time.Millisecond}
	res, err := d.Get(ctx, download.Job{URL: os.Getenv("DOWNLOAD_CHILD"), Path: os.Getenv("DOWNLOAD_PATH"), Resume: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Println(res.Size, res.Resumed, m.Sys)
}

// TestKilledAndResumed: a download that is killed 20 times, each time further on, is byte-exact, and takes no more memory than a small
// one. 4 GiB in soak.
func TestKilledAndResumed(t *testing.T) {
	const kills = 20
	size := int64(21 << 20)
	if os.Getenv("CALANDRIA_SOAK") != "" {
		size = 4 << 30
	}
	for _, parallel := range []int{1, 4} {
		t.Run(fmt.Sprint(parallel, " connections"), func(t *testing.T) { killAndResume(t, size, kills, parallel) })
	}
}

func killAndResume(t *testing.T, size int64, kills, parallel int) {
	// What may have been sent of all in this round: then the server holds, so that the child is killed in the middle.
	var budget atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"sea"`)
		http.ServeContent(&metered{w, r, &budget}, r, "", time.Time{}, &sea{seed: 7, size: size})
	}))
	defer srv.Close()
	path := target(t)
	start := func() (*exec.Cmd, *strings.Builder) {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "DOWNLOAD_CHILD="+srv.URL, "DOWNLOAD_PATH="+path, "DOWNLOAD_PARALLEL="+strconv.Itoa(parallel))
		var out strings.Builder
		cmd.Stdout, cmd.Stderr = &out, os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, &out
	}
	before := int64(0)
	for n := range kills {
		budget.Store(size / int64(kills+1))
		cmd, _ := start()
		deadline := time.After(10 * patience)
		tick := time.NewTicker(2 * time.Millisecond)
		for noted(path) < before+size/int64(kills+1)*3/4 { // of what is held a little may be in flight
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatalf("kill %d: %d bytes noted, %d before", n, noted(path), before)
			}
		}
		tick.Stop()
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
		before = noted(path)
	}
	budget.Store(size)
	cmd, out := start()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	var got, resumed, memory int64
	fmt.Sscan(out.String(), &got, &resumed, &memory)
	if got != size || resumed < size/2 {
		t.Errorf("%d bytes, %d of them resumed", got, resumed)
	}
	if memory > 64<<20 {
		t.Errorf("%d bytes of memory", memory)
	}
	t.Logf("%d bytes, %d of them before the last start, %d MiB of memory", got, resumed, memory>>20)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want, have := sha256.New(), sha256.New()
	io.Copy(want, &sea{seed: 7, size: size})
	if n, err := io.Copy(have, f); err != nil || n != size || string(want.Sum(nil)) != string(have.Sum(nil)) {
		t.Fatalf("%d bytes of %d, %v, or other ones", n, size, err)
	}
	wantOnly(t, path, filepath.Base(path))
}

// metered sends until the budget is spent, and then holds.
type metered struct {
	http.ResponseWriter
	r      *http.Request
	budget *atomic.Int64
}

func (m *metered) Write(p []byte) (int, error) {
	if m.budget.Add(-int64(len(p))) < 0 {
		m.ResponseWriter.(http.Flusher).Flush()
		<-m.r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	return m.ResponseWriter.Write(p)
}

// noted is how many bytes are there by the notes.
func noted(path string) (n int64) {
	text, err := os.ReadFile(path + ".part.json")
	var s struct{ Spans [][3]int64 }
	if err != nil || json.Unmarshal(text, &s) != nil {
		return 0
	}
	for _, v := range s.Spans {
		n += v[1] - v[0]
	}
	return n
}
