package websocket

import (
	"net"
	"strings"
	"testing"
)

// FuzzTarget: what a URL is taken for can stand in a request, and leads somewhere.
func FuzzTarget(f *testing.F) {
	for _, s := range []string{
		"ws://a", "wss://user:pass@[::1]:8443/p%20q?r=s", "ws+unix:/run/s:/x?y", "wss+unix://@name", "http://a:", "ws://a/#b", "ws://a b/", "ws://a\r\nb",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		target, err := parseTarget(raw)
		if err != nil {
			return
		}
		if target.addr == "" || target.host == "" || !strings.HasPrefix(target.uri, "/") || strings.ContainsAny(target.uri, " \r\n#") {
			t.Fatalf("%q: %+v", raw, target)
		}
		if !target.socket {
			if _, port, err := net.SplitHostPort(target.addr); err != nil || port == "" {
				t.Fatalf("%q: %q: %v", raw, target.addr, err)
			}
		}
		s := shake{o: &DialOptions{}, set: (&Config{}).settings(new(counters)), target: target, key: "k"}
		if err := s.makeRequest(); err == nil && strings.Count(string(s.request), "\r\n\r\n") != 1 {
			t.Fatalf("%q: %q", raw, s.request)
		}
	})
}
