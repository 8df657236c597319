package wire_test

import (
	"fmt"
	"time"

	"github.com/calandria-go/calandria/protocols/http1/wire"
)

func ExampleConditions() {
	var r wire.Request
	r.Parse([]byte("GET /a HTTP/1.1\r\nHost: h\r\nIf-None-Match: W/\"v7\", \"v8\"\r\n\r\n"), nil)
	if c, ok := wire.ReadConditions(&r); ok {
		fmt.Println(c.Evaluate(wire.Validators{ETag: `"v8"`}, time.Now()))
		fmt.Println(c.Evaluate(wire.Validators{ETag: `"v9"`}, time.Now()))
	}
	// Output:
	// 304
	// 0
}
