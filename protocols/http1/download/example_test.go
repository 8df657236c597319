package download_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/download"
)

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// A download that goes on where it was interrupted, and is checked against the list that is published beside it.
func Example() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader("hello"))
	}))
	defer srv.Close()
	defer srv.Client().CloseIdleConnections()
	dir, err := os.MkdirTemp("", "download")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	list, err := download.ParseSums(strings.NewReader("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824  hello.txt\n"))
	if err != nil {
		panic(err)
	}
	sums, err := download.SumsFor(list, "hello.txt")
	if err != nil {
		panic(err)
	}
	d := download.Downloader{Client: srv.Client(), Parallel: 4}
	res, err := d.Get(context.Background(), download.Job{
		URL: srv.URL + "/hello.txt", Path: filepath.Join(dir, "hello.txt"), Resume: true, Sums: sums,
	})
	fmt.Println(res.Size, res.Attempts, err)
	// Output: 5 1 <nil>
}
