package accesslog_test

import (
	"fmt"
	"os"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/accesslog"
)

func Example() {
	format, err := accesslog.Parse(`$remote_addr "$request" $status $request_time rt="$route"`)
	if err != nil {
		fmt.Println(err)
		return
	}
	log, err := accesslog.New(os.Stdout, format)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer log.Close() // after the server has shut down
	srv := &http1.Server{OnDone: log.OnDone}
	fmt.Println(srv.OnDone != nil)
	// Output: true
}

func ExampleParse() {
	_, err := accesslog.Parse("$remote_addr $remote_adr")
	fmt.Println(err)
	// Output: accesslog: format, at byte 13: unknown variable $remote_adr
}
