package accesslog_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/accesslog"
)

const request = "GET /a/b?x=1&y=z HTTP/1.1\r\nHost: example.org:8080\r\nReferer: http://r/\r\nUser-Agent: curl/8\r\n" +
	"Authorization: Basic YWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\nCookie: a=1; sid=abc\r\nX-Request-Id: id-7\r\n\r\n"

func tagged(x *http1.Exchange) {
	x.SetPattern("GET /a/{id}")
	x.SetClientAddr(netip.MustParseAddr("2001:db8::1"))
	hello(x)
}

// line is what one request is logged as.
func line(t testing.TB, c accesslog.Config, h http1.HandlerFunc, request string) string {
	t.Helper()
	out := &sink{}
	c.Output = out
	l := start(t, c)
	ask(t, l, h, request)
	flush(t, l)
	return out.String()
}

func TestVariables(t *testing.T) {
	for format, want := range map[string]string{
		"$remote_addr":                  `2001:db8::1`,
		"$remote_user|$http_user_agent": `aladdin|curl/8`,
		"$request":                      `GET /a/b\?x=1&y=z HTTP/1.1`,
		"$request_method $request_uri":  `GET /a/b\?x=1&y=z`,
		"$uri?$args $query_string":      `/a/b\?x=1&y=z x=1&y=z`,
		"$server_protocol $scheme":      `HTTP/1.1 http`,
		"$host":                         `example.org:8080`,
		"$status $body_bytes_sent":      `200 5`,
		"${status}0":                    `2000`,
		"$request_time":                 `\d+\.\d{3}`,
		"$request_time_us":              `\d+`,
		"$request_id $route":            `id-7 GET /a/\{id\}`,
		"$http_referer $http_nothing":   `http://r/ -`,
		"$arg_y $arg_none $cookie_sid":  `z - abc`,
		"$ssl_protocol $ssl_cipher":     `- -`,
		"$error":                        `-`,
		"$connection $pid":              `\d+ \d+`,
		"[$time_local]":                 `\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]`,
		"$time_iso8601 $msec":           `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d \d+\.\d{3}`,
		"$body_bytes_read":              `0`,
	} {
		f, err := accesslog.Parse(format)
		if err != nil {
			t.Errorf("%s: %v", format, err)
			continue
		}
		if got := line(t, accesslog.Config{Format: f}, tagged, request); !regexp.MustCompile("^" + want + "\n$").MatchString(got) {
			t.Errorf("%s: %q, want %s", format, got, want)
		}
	}
}

func TestCombined(t *testing.T) {
	got := line(t, accesslog.Config{}, tagged, request)
	want := `^2001:db8::1 - aladdin \[[^]]+\] "GET /a/b\?x=1&y=z HTTP/1.1" 200 5 "http://r/" "curl/8"` + "\n$"
	if !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("%q", got)
	}
	if got, want := accesslog.Combined.String(), (accesslog.Format{}).String(); got != want {
		t.Errorf("the zero Format is %q, Combined %q", want, got)
	}
}

func TestHooks(t *testing.T) {
	f, err := accesslog.Parse("$request_id $remote_user")
	if err != nil {
		t.Fatal(err)
	}
	got := line(t, accesslog.Config{
		Format:    f,
		RequestID: func(*http1.Exchange) string { return "made \"up\"" },
		User:      func(*http1.Exchange) string { return "" },
	}, tagged, request)
	if got != `made \x22up\x22 -`+"\n" {
		t.Errorf("%q", got)
	}
}

func TestFormatErrors(t *testing.T) {
	for format, offset := range map[string]int{
		"": 0, "$": 0, "a $nothing": 2, "$http_": 0, "${status": 0, "a\nb": 1, "\x7f": 0, "$status ${}": 8,
		strings.Repeat("a", 5000): 4096,
	} {
		_, err := accesslog.Parse(format)
		var fe *accesslog.FormatError
		if !errors.As(err, &fe) || fe.Offset != offset {
			t.Errorf("%.20q: %v, want a mistake at %d", format, err, offset)
		}
	}
}

// TestJSON reads the lines back, of a good request and of one that was refused.
func TestJSON(t *testing.T) {
	read := func(h http1.HandlerFunc, request string) map[string]any {
		t.Helper()
		got := line(t, accesslog.Config{Format: accesslog.JSON}, h, request)
		m := map[string]any{}
		if err := json.Unmarshal([]byte(got), &m); err != nil || strings.Count(got, "\n") != 1 {
			t.Fatalf("%q: %v", got, err)
		}
		return m
	}
	m := read(tagged, request)
	for k, want := range map[string]any{
		"remote_addr": "2001:db8::1", "request": "GET /a/b?x=1&y=z HTTP/1.1", "status": 200.0, "body_bytes": 5.0, "request_bytes": 0.0,
		"method": "GET", "uri": "/a/b?x=1&y=z", "protocol": "HTTP/1.1", "host": "example.org:8080", "scheme": "http",
		"referer": "http://r/", "user_agent": "curl/8", "user": "aladdin", "request_id": "id-7", "route": "GET /a/{id}",
	} {
		if m[k] != want {
			t.Errorf("%s: %v, want %v", k, m[k], want)
		}
	}
	m = read(hello, "GET /\xff\x01\" HTTP/1.1\r\n\r\n")
	if m["refused"] != true || m["status"] != 400.0 || m["error"] == nil || m["request"] != "GET /\ufffd\x01\" HTTP/1.1" || m["method"] != nil {
		t.Errorf("refused: %v", m)
	}
}

// TestRefused: requests that no handler has seen are logged, as far as they came.
func TestRefused(t *testing.T) {
	f, err := accesslog.Parse("$status $error $request_method $host \"$request\"")
	if err != nil {
		t.Fatal(err)
	}
	for request, want := range map[string]string{
		"GET / HTTP/1.1\r\n\r\n":                                  `400 missing_host - - "GET / HTTP/1.1"`,
		"\x16\x03\x01\x00\xa5\x01\x00\x00":                        `400 tls_on_plain - - "\x16\x03\x01\x00\xA5\x01\x00\x00"`,
		"GET /" + strings.Repeat("a", 9000) + " HTTP/1.1\r\n\r\n": `414 target_too_long - - "GET /` + strings.Repeat("a", 4096-5) + `"`,
		"GET / HT": `400 truncated - - "GET / HT"`,
	} {
		if got := line(t, accesslog.Config{Format: f}, hello, request); got != want+"\n" {
			t.Errorf("%.30q: %.200q, want %.200q", request, got, want)
		}
	}
}
