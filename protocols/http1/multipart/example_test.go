package multipart_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	std "mime/multipart"
	"net/http"
	"os"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/multipart"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/transports/tcp"
)

// An upload: the value in memory, the file on the disk, kept under a name of ours.
func ExampleRead() {
	dir, _ := os.MkdirTemp("", "uploads")
	defer os.RemoveAll(dir)
	root, err := os.OpenRoot(dir)
	if err != nil {
		panic(err)
	}
	defer root.Close()
	save := func(x *http1.Exchange, form *multipart.Form) {
		file := form.File("photo")
		if file == nil {
			x.Respond(http.StatusBadRequest, "text/plain", []byte("no photo\n"))
			return
		}
		err := x.Offload(func() {
			err := file.Keep("photo-1")
			x.Post(func(x *http1.Exchange) {
				if err != nil {
					x.Respond(http.StatusConflict, "", nil)
					return
				}
				x.Respond(http.StatusCreated, "text/plain", fmt.Appendf(nil, "%s: %s, %d bytes", form.Value("title"), file.Name, file.Size))
			})
		})
		if err != nil {
			x.Respond(http.StatusServiceUnavailable, "", nil)
		}
	}
	r := reactor.New(reactor.Config{})
	ln, err := tcp.Listen("127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	if _, err := r.Listen(ln, &http1.Server{
		MaxBodyBytes: 64 << 20, // of the whole form
		DrainIdle:    -1,
		Handler: http1.HandlerFunc(func(x *http1.Exchange) {
			multipart.Read(x, multipart.Config{Dir: root, MaxFileBytes: 32 << 20}, save)
		}),
	}); err != nil {
		panic(err)
	}

	var body bytes.Buffer
	w := std.NewWriter(&body)
	w.WriteField("title", "Sea")
	f, _ := w.CreateFormFile("photo", "sea.jpg")
	f.Write(make([]byte, 100_000))
	w.Close()
	res, err := http.Post("http://"+ln.Addr().String(), w.FormDataContentType(), &body)
	if err != nil {
		panic(err)
	}
	text, _ := io.ReadAll(res.Body)
	fmt.Println(res.StatusCode, string(text))
	http.DefaultClient.CloseIdleConnections()
	r.Shutdown(context.Background())
	// Output: 201 Sea: sea.jpg, 100000 bytes
}

// The parts as they come, without a disk.
func ExampleParser() {
	p, err := multipart.NewParser("b", multipart.Limits{})
	if err != nil {
		panic(err)
	}
	body := []byte("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhello\r\n--b--\r\n")
	for {
		n, event, data, err := p.Next(body)
		if err != nil {
			panic(err)
		}
		body = body[n:]
		switch event {
		case multipart.PartBegin:
			fmt.Println("part", p.Part().Name)
		case multipart.Data:
			fmt.Printf("%s\n", data)
		case multipart.PartEnd:
			fmt.Println("end of part")
		}
		if event == multipart.More {
			break
		}
	}
	fmt.Println(p.End())
	// Output:
	// part a
	// hello
	// end of part
	// <nil>
}
