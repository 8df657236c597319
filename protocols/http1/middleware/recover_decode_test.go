package middleware

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/middleware/compress"
)

// A handler that panics on a decoded body, which it gets later, is recovered by the Recover within.
func TestRecoverDecoded(t *testing.T) {
	m := &Recover{Logger: quiet}
	h := native(func(x *http1.Exchange) { panic("on purpose") })
	addr := serve(t, http1.Chain(h, (&compress.Requests{}).Middleware(), m.Middleware()))
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte("hello"))
	w.Close()
	one := request("POST", "Content-Encoding: gzip", fmt.Sprintf("Content-Length: %d", b.Len())) + b.String()
	for _, res := range exchange(t, addr, one+one, "POST", "POST") {
		if res.StatusCode != 500 {
			t.Errorf("%d", res.StatusCode)
		}
	}
	if n := m.Panics(); n != 2 {
		t.Errorf("%d panics", n)
	}
}
