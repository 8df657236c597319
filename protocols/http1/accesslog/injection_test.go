package accesslog_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/accesslog"
)

// hostile are values with which clients have forged log lines, or attacked who reads them.
var hostile = []string{
	"\" 200 5 \"-\" \"forged\"", "a\\", "\\\" x", "\x1b[2J\x1b]0;pwned\x07", "\xe2\x80\xa8new line", "\u0085", "\x7f", "\xff\xfe\x80",
	"\t\ttabs", "\xc0\xafoverlong", "$(reboot)", "%0d%0aforged", "{\"a\":1}", "${jndi:ldap://x}",
}

// TestLogInjection: whatever a client sends, in any field or first line, one request is one line, in which a value cannot end.
func TestLogInjection(t *testing.T) {
	quoted, err := accesslog.Parse(`"$http_user_agent"`)
	if err != nil {
		t.Fatal(err)
	}
	object, err := accesslog.ParseJSON(`{"ua":"$http_user_agent","none":"$http_none"}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range hostile {
		for _, f := range []accesslog.Format{quoted, object, accesslog.Combined, accesslog.JSON} {
			for _, request := range []string{
				"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: " + v + "\r\nReferer: " + v + "\r\nX-Request-Id: " + v + "\r\n\r\n",
				"GET /" + v + " HTTP/1.1\r\nHost: a\r\n\r\n", v + "\r\n\r\n", "GET / HTTP/1.1\r\n" + v + "\r\n\r\n",
			} {
				got := line(t, accesslog.Config{Format: f}, hello, request)
				checkLine(t, f, got)
			}
		}
	}
}

func checkLine(t *testing.T, f accesslog.Format, got string) {
	t.Helper()
	one, ok := strings.CutSuffix(got, "\n")
	if !ok {
		t.Errorf("%s: no line for a request: %q", f, got)
		return
	}
	if f.String() == "JSON" || strings.HasPrefix(f.String(), "{") {
		var m map[string]any
		if err := json.Unmarshal([]byte(one), &m); err != nil || !utf8.ValidString(one) {
			t.Errorf("%s: %q: %v", f, one, err)
		}
	} else if i := strings.IndexFunc(one, func(r rune) bool { return r < ' ' || r > 0x7e }); i >= 0 {
		t.Errorf("%s: byte %#x in %q", f, one[i], one)
	} else if want := strings.Count(f.String(), `"`); strings.Count(one, `"`) != want {
		t.Errorf("%s: %d quotation marks in %q", f, want, one)
	}
	for _, r := range one {
		if r < ' ' || r == 0x7f || r == 0x85 || r == '\u2028' || r == '\u2029' {
			t.Errorf("%s: %U in %q", f, r, one)
		}
	}
}

// FuzzLine has any bytes as a request's first line and field, and wants one good line.
func FuzzLine(f *testing.F) {
	for _, v := range hostile {
		f.Add(v, v)
	}
	f.Fuzz(func(t *testing.T, target, agent string) {
		if strings.ContainsAny(agent, "\r\n") || len(target)+len(agent) > 8000 {
			return // another field, or more than one request
		}
		i := strings.IndexAny(target, "\r\n")
		if i >= 0 {
			target = target[:i]
		}
		for _, format := range []accesslog.Format{accesslog.Combined, accesslog.JSON} {
			got := line(t, accesslog.Config{Format: format}, hello, "GET /"+target+" HTTP/1.1\r\nHost: a\r\nUser-Agent: "+agent+"\r\n\r\n")
			checkLine(t, format, got)
		}
	})
}

// FuzzFormat parses any format string, and logs by it if it is one.
func FuzzFormat(f *testing.F) {
	for _, s := range []string{accesslog.CombinedFormat, "$", "${", "${a", "$status$status", "${http_user_agent}x", "$http_", "a\nb", "$arg_a$cookie_b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		format, err := accesslog.Parse(s)
		if err != nil {
			return
		}
		got := line(t, accesslog.Config{Format: format}, http1.HandlerFunc(hello), request)
		if strings.Count(got, "\n") != 1 || !strings.HasSuffix(got, "\n") || format.String() != s {
			t.Errorf("%q: %q", s, got)
		}
	})
}
