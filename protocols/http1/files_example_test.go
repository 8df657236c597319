package http1_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/calandria-go/calandria/protocols/http1"
)

// A directory below a prefix, and what its clients see.
func ExampleFiles() {
	dir, err := os.MkdirTemp("", "www")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	os.WriteFile(filepath.Join(dir, "hello.txt"), []byte("Hello, files!\n"), 0o644)
	root, err := os.OpenRoot(dir)
	if err != nil {
		panic(err)
	}
	defer root.Close()
	files := http1.Files(root, http1.FilesConfig{Prefix: "/static/"})
	defer files.Close()
	addr, stop := start(files.Handle)
	defer stop()

	show(http.Get("http://" + addr + "/static/hello.txt"))
	show(http.Get("http://" + addr + "/static/..%2fsecret"))
	q, _ := http.NewRequest("GET", "http://"+addr+"/static/hello.txt", nil)
	q.Header.Set("Range", "bytes=-7")
	show(http.DefaultClient.Do(q))
	// Output:
	// 200 14 Hello, files! <nil>
	// 404 10 Not Found <nil>
	// 206 7 files! <nil>
}

// A part of a file in an answer of one's own.
func ExampleExchange_SendFile() {
	f, err := os.CreateTemp("", "data")
	if err != nil {
		panic(err)
	}
	defer os.Remove(f.Name())
	f.WriteString("a record, and another one")
	addr, stop := start(func(x *http1.Exchange) {
		if x.Start(http.StatusOK, "text/plain", 6+8) != nil {
			return
		}
		x.Write([]byte("Here: "))
		x.SendFile(f, 0, 8, func(err error) {
			if err == nil {
				x.Finish()
			}
			fmt.Println("done:", err)
		})
	})
	show(http.Get("http://" + addr))
	stop()
	f.Close()
	// Unordered output:
	// done: <nil>
	// 200 14 Here: a record <nil>
}
