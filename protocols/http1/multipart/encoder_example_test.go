package multipart_test

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/calandria-go/calandria/protocols/http1/multipart"
)

// A form with a value and a file. The request can be sent again: it has GetBody.
func ExampleEncoder() {
	var form multipart.Encoder
	if err := form.AddField("title", "Sea"); err != nil {
		panic(err)
	}
	err := form.AddFile("photo", "sea.txt", "text/plain", 3, func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("sea")), nil
	})
	if err != nil {
		panic(err)
	}
	req, err := form.NewRequest(context.Background(), "POST", "http://host.example/upload")
	if err != nil {
		panic(err)
	}
	body, _ := io.ReadAll(req.Body)
	fmt.Println(req.ContentLength == int64(len(body)), req.GetBody != nil)
	fmt.Print(strings.NewReplacer(form.Boundary(), "boundary", "\r", "").Replace(string(body)))
	// Output:
	// true true
	// --boundary
	// Content-Disposition: form-data; name="title"
	//
	// Sea
	// --boundary
	// Content-Disposition: form-data; name="photo"; filename="sea.txt"
	// Content-Type: text/plain
	//
	// sea
	// --boundary--
}
