package wire

import (
	"fmt"
	"strings"
	"testing"
)

// The second column is what describeRequest says, without its fields.
var acceptedRequests = []struct{ section, head, want string }{
	// RFC 9112 2.2, 2.3
	{"9112 2.2", "\r\nGET / HTTP/1.1+", `GET / 1.1 origin-form path="/" authority="h" host="h" keep`},
	{"9110 2.5", "GET / HTTP/1.2+", `GET / 1.1 origin-form path="/" authority="h" host="h" keep`},
	{"9110 2.5", "GET / HTTP/1.9+", `GET / 1.1 origin-form path="/" authority="h" host="h" keep`},
	{"9112 3.2", "GET / HTTP/1.0", `GET / 1.0 origin-form path="/" authority="" host="" close`},

	// RFC 9112 3.1: any token, case-sensitive
	{"9110 9.1", "get / HTTP/1.1+", `get / 1.1 origin-form path="/" authority="h" host="h" keep`},
	{"9110 9.1", "!#$%&'*.^_`|~-9 / HTTP/1.1+", "!#$%&'*.^_`|~-9 / 1.1 origin-form path=\"/\" authority=\"h\" host=\"h\" keep"},
	{"9112 3", strings.Repeat("M", 32) + " / HTTP/1.1+", strings.Repeat("M", 32) + ` / 1.1 origin-form path="/" authority="h" host="h" keep`},

	// RFC 9112 3.2.1: origin-form
	{"9112 3.2.1", "GET /a/b?c=d?e&f=/ HTTP/1.1+", `GET /a/b?c=d?e&f=/ 1.1 origin-form path="/a/b" query="c=d?e&f=/" authority="h" host="h" keep`},
	{"9112 3.2.1", "GET /? HTTP/1.1+", `GET /? 1.1 origin-form path="/" query="" authority="h" host="h" keep`},
	{"9112 3.2.1", "GET //a//b HTTP/1.1+", `GET //a//b 1.1 origin-form path="//a//b" authority="h" host="h" keep`},
	{"9112 3.2.1", "GET /a:b@c;d,e=f!g$h&i'(j)* HTTP/1.1+", `GET /a:b@c;d,e=f!g$h&i'(j)* 1.1 origin-form path="/a:b@c;d,e=f!g$h&i'(j)*" authority="h" host="h" keep`},
	{"3986 2.1", "GET /%41%7e%C3%a9%00 HTTP/1.1+", `GET /%41%7e%C3%a9%00 1.1 origin-form path="/%41%7e%C3%a9%00" authority="h" host="h" keep`},
	{"9112 3.2", "GET /[a]{b}|c^d` HTTP/1.1+", "GET /[a]{b}|c^d` 1.1 origin-form path=\"/[a]{b}|c^d`\" authority=\"h\" host=\"h\" keep"},
	{"9112 3.2", "GET /?q=100%&p=C:\\ HTTP/1.1+", `GET /?q=100%&p=C:\ 1.1 origin-form path="/" query="q=100%&p=C:\\" authority="h" host="h" keep`},
	{"9112 3.2.1", "GET /http://x/ HTTP/1.1+", `GET /http://x/ 1.1 origin-form path="/http://x/" authority="h" host="h" keep`},

	// RFC 9112 3.2.2: absolute-form, and which host counts
	{"9112 3.2.2", "GET http://a.example/p?q HTTP/1.1+", `GET http://a.example/p?q 1.1 absolute-form path="/p" query="q" scheme="http" authority="a.example" host="h" keep`},
	{"9112 3.2.2", "GET HTTPS://A:443/ HTTP/1.1+", `GET HTTPS://A:443/ 1.1 absolute-form path="/" scheme="HTTPS" authority="A:443" host="h" keep`},
	{"9110 4.2.3", "GET http://a HTTP/1.1+", `GET http://a 1.1 absolute-form path="/" scheme="http" authority="a" host="h" keep`},
	{"9110 4.2.3", "GET http://a?q HTTP/1.1+", `GET http://a?q 1.1 absolute-form path="/" query="q" scheme="http" authority="a" host="h" keep`},
	{"9110 4.2.3", "GET http://a?q/r HTTP/1.1+", `GET http://a?q/r 1.1 absolute-form path="/" query="q/r" scheme="http" authority="a" host="h" keep`},
	{"9112 3.2.4", "OPTIONS http://a:8001 HTTP/1.1+", `OPTIONS http://a:8001 1.1 absolute-form path="" scheme="http" authority="a:8001" host="h" keep`},
	{"9112 3.2.2", "GET http://a HTTP/1.1\r\nHost:", `GET http://a 1.1 absolute-form path="/" scheme="http" authority="a" host="" keep`},
	{"9112 3.2.2", "GET http://[::1]:80/ HTTP/1.0", `GET http://[::1]:80/ 1.0 absolute-form path="/" scheme="http" authority="[::1]:80" host="" close`},
	{"3986 3.1", "GET a.b-c9://x/y HTTP/1.1+", `GET a.b-c9://x/y 1.1 absolute-form path="/y" scheme="a.b-c9" authority="x" host="h" keep`},
	{"9112 3.2.2", "GET http://a/@:// HTTP/1.1+", `GET http://a/@:// 1.1 absolute-form path="/@://" scheme="http" authority="a" host="h" keep`},

	// RFC 9112 3.2.3, 3.2.4
	{"9112 3.2.3", "CONNECT a.example:443 HTTP/1.1+", `CONNECT a.example:443 1.1 authority-form path="" authority="a.example:443" host="h" keep`},
	{"9112 3.2.3", "CONNECT [2001:db8::1]:65535 HTTP/1.1+", `CONNECT [2001:db8::1]:65535 1.1 authority-form path="" authority="[2001:db8::1]:65535" host="h" keep`},
	{"9110 9.3.6", "CONNECT a:1 HTTP/1.1+\r\nContent-Length: 0", `CONNECT a:1 1.1 authority-form path="" authority="a:1" host="h" length=0 keep`},
	{"9112 3.2.4", "OPTIONS * HTTP/1.1+", `OPTIONS * 1.1 asterisk-form path="*" authority="h" host="h" keep`},
	{"9112 3.2.1", "OPTIONS / HTTP/1.1+", `OPTIONS / 1.1 origin-form path="/" authority="h" host="h" keep`},

	// RFC 9112 9.3: persistence
	{"9112 9.3", "GET / HTTP/1.1+\r\nConnection: close", `GET / 1.1 origin-form path="/" authority="h" host="h" close`},
	{"9112 9.3", "GET / HTTP/1.1+\r\nConnection: keep-alive, CLOSE", `GET / 1.1 origin-form path="/" authority="h" host="h" close`},
	{"9112 9.3", "GET / HTTP/1.1+\r\nConnection: a, closed, xclose, \"close\"", `GET / 1.1 origin-form path="/" authority="h" host="h" keep`},
	{"9112 9.3", "GET / HTTP/1.1+\r\nConnection: a\r\nconnection: , close ,", `GET / 1.1 origin-form path="/" authority="h" host="h" close`},
	{"9112 9.3", "GET / HTTP/1.0\r\nConnection: Keep-Alive", `GET / 1.0 origin-form path="/" authority="" host="" keep`},
	{"9112 9.3", "GET / HTTP/1.0\r\nConnection: keep-alive, close", `GET / 1.0 origin-form path="/" authority="" host="" close`},
	{"9112 9.3", "GET / HTTP/1.0\r\nConnection: keep-alivee", `GET / 1.0 origin-form path="/" authority="" host="" close`},

	// RFC 9110 10.1.1, 10.1.4, 7.8
	{"9110 10.1.1", "PUT / HTTP/1.1+\r\nContent-Length: 5\r\nExpect: 100-continue", `PUT / 1.1 origin-form path="/" authority="h" host="h" length=5 keep body 100`},
	{"9110 10.1.1", "PUT / HTTP/1.1+\r\nExpect: 100-Continue", `PUT / 1.1 origin-form path="/" authority="h" host="h" keep 100`},
	{"9110 10.1.1", "PUT / HTTP/1.0\r\nExpect: 100-continue", `PUT / 1.0 origin-form path="/" authority="" host="" close`},
	{"9110 10.1.1", "PUT / HTTP/1.1+\r\nExpect: 200-ok", `PUT / 1.1 origin-form path="/" authority="h" host="h" keep 417`},
	{"9110 10.1.1", "PUT / HTTP/1.1+\r\nExpect: 100-continue, x=\"a,b\"", `PUT / 1.1 origin-form path="/" authority="h" host="h" keep 100 417`},
	{"9110 10.1.1", "PUT / HTTP/1.1+\r\nExpect:", `PUT / 1.1 origin-form path="/" authority="h" host="h" keep`},
	{"9110 10.1.4", "GET / HTTP/1.1+\r\nTE: gzip;q=0.5, Trailers", `GET / 1.1 origin-form path="/" authority="h" host="h" keep trailers`},
	{"9110 10.1.4", "GET / HTTP/1.1+\r\nTE: trailersx", `GET / 1.1 origin-form path="/" authority="h" host="h" keep`},
	{"9110 7.8", "GET / HTTP/1.1+\r\nConnection: Upgrade\r\nUpgrade: websocket", `GET / 1.1 origin-form path="/" authority="h" host="h" keep upgrade`},
	{"9110 7.8", "GET / HTTP/1.1+\r\nUpgrade: websocket\r\nConnection: keep-alive, upgrade", `GET / 1.1 origin-form path="/" authority="h" host="h" keep upgrade`},
	{"9110 7.8", "GET / HTTP/1.1+\r\nUpgrade: websocket", `GET / 1.1 origin-form path="/" authority="h" host="h" keep`},
	{"9110 7.8", "GET / HTTP/1.1+\r\nConnection: upgrade", `GET / 1.1 origin-form path="/" authority="h" host="h" keep`},
	{"9110 7.8", "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket", `GET / 1.0 origin-form path="/" authority="" host="" close`},

	// RFC 9110 7.2: Host
	{"9110 7.2", "GET / HTTP/1.1\r\nHost:", `GET / 1.1 origin-form path="/" authority="" host="" keep`},
	{"9110 7.2", "GET / HTTP/1.1\r\nHost:  \t ", `GET / 1.1 origin-form path="/" authority="" host="" keep`},
	{"9110 7.2", "GET / HTTP/1.1\r\nhost:\tA.b-c_d~9:8080\t", `GET / 1.1 origin-form path="/" authority="A.b-c_d~9:8080" host="A.b-c_d~9:8080" keep`},

	// RFC 9110 8.6, 9112 6.1
	{"9110 8.6", "POST / HTTP/1.1+\r\nContent-Length: 9223372036854775807", `POST / 1.1 origin-form path="/" authority="h" host="h" length=9223372036854775807 keep body`},
	{"9110 8.6", "POST / HTTP/1.1+\r\ncontent-LENGTH:\t007 ", `POST / 1.1 origin-form path="/" authority="h" host="h" length=7 keep body`},
	{"9112 7", "POST / HTTP/1.1+\r\ntransfer-encoding:\t\tcHuNkEd\t ", `POST / 1.1 origin-form path="/" authority="h" host="h" chunked keep body`},
}

func TestAcceptedRequests(t *testing.T) {
	for _, c := range acceptedRequests {
		b := expand(c.head)
		want := fmt.Sprintf("%d bytes: %s", len(b), c.want)
		for _, more := range []string{"", "x", "\r\n", "GET / HTTP/1.1\r\n"} {
			got, _, _ := strings.Cut(splitRequest(t, append(b[:len(b):len(b)], more...), nil).String(), " | ")
			if got != want {
				t.Errorf("RFC %s: %q:\n got %s\nwant %s", c.section, b, got, want)
			}
		}
	}
}

// TestFields: RFC 9112 5, RFC 9110 5.
func TestFields(t *testing.T) {
	for _, c := range []struct{ lines, want string }{
		{"A: b", `A: "b"`},
		{"A:b", `A: "b"`},
		{"A:", `A: ""`},
		{"A: ", `A: ""`},
		{"A: \t \t", `A: ""`},
		{"A:\t b c\t d \t", `A: "b c\t d"`},
		{"A:  b", `A: "b"`},
		{"A:b ", `A: "b"`},
		{"A: b\tc", `A: "b\tc"`},
		{"A: :b:", `A: ":b:"`},
		{"A: \"b\\\"c\"", `A: "\"b\\\"c\""`},
		{"A: \x80\xff\xc3\xa9", `A: "\x80\xff` + `é"`},
		{"A: 01234567\t01234567\t", `A: "01234567\t01234567"`},
		{"a_1!#$%&'*+-.^`|~: b", "a_1!#$%&'*+-.^`|~: \"b\""},
		{"A: 1\r\na: 2\r\nB: 3\r\nA: 1", `A: "1" | a: "2" | B: "3" | A: "1"`},
		{"A234567: 12345678\r\nA2345678: 1234567890123456", `A234567: "12345678" | A2345678: "1234567890123456"`},
		{"A-very-long-name-of-a-field-indeed: 12345678901234567890123456789012345", `A-very-long-name-of-a-field-indeed: "12345678901234567890123456789012345"`},
	} {
		for _, last := range []string{"", "\r\nZ: z"} {
			b := []byte("GET / HTTP/1.0\r\n" + c.lines + last + "\r\n\r\n")
			want := c.want
			if last != "" {
				want += ` | Z: "z"`
			}
			_, got, _ := strings.Cut(splitRequest(t, b, nil).String(), " | ")
			if got != want {
				t.Errorf("%q:\n got %s\nwant %s", b, got, want)
			}
		}
	}
}

// TestFieldSizes has names and values of every length up to 40, so that each end
// falls on each place of the words that the scanner looks at.
func TestFieldSizes(t *testing.T) {
	for n := 1; n <= 40; n++ {
		for v := 0; v <= 40; v++ {
			name, value := strings.Repeat("n", n), strings.Repeat("v", v)
			b := []byte("GET / HTTP/1.0\r\n" + name + ": " + value + "\r\n\r\n")
			var r Request
			for _, in := range [][]byte{b, append(b[:len(b):len(b)], "GET / HTTP/1.0"...)} {
				r.Reset()
				if got, err := r.Parse(in, nil); got != len(b) || err != nil {
					t.Fatalf("%q: %d, %v", in, got, err)
				}
				if gotName, gotValue := r.Field(0); string(gotName) != name || string(gotValue) != value {
					t.Fatalf("%q: %q %q", in, gotName, gotValue)
				}
			}
			// A bad byte at every place of them is seen.
			for i := len("GET / HTTP/1.0\r\n"); i < len(b)-4; i++ {
				old := b[i]
				b[i] = 0x7f
				r.Reset()
				if got, err := r.Parse(b, nil); got != 0 || err == nil {
					t.Fatalf("%q: %d, %v", b, got, err)
				}
				b[i] = old
			}
		}
	}
}
