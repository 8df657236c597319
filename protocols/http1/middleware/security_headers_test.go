package middleware

import (
	ctls "crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
	"github.com/calandria-go/calandria/reactor/reactortest"
	"github.com/calandria-go/calandria/transports/tls"
)

func TestSecurityHeaders(t *testing.T) {
	defaults := map[string]string{
		"Content-Security-Policy":      "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Referrer-Policy":              "strict-origin-when-cross-origin",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy":           "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
		"Strict-Transport-Security":    "",
	}
	for name, h := range hellos() {
		res, body := one(t, serve(t, (&SecurityHeaders{}).Middleware()(h)), "GET")
		for field, want := range defaults {
			if v := res.Header.Values(field); len(v) > 1 || res.Header.Get(field) != want {
				t.Errorf("%s: %s: %q, want %q", name, field, v, want)
			}
		}
		if body != "hello" {
			t.Errorf("%s: %q", name, body)
		}
	}
	// The handler's own stays; "-" leaves out.
	for name, h := range hellos("X-Frame-Options: SAMEORIGIN", "Content-Security-Policy: default-src *") {
		res, _ := one(t, serve(t, (&SecurityHeaders{ReferrerPolicy: "no-referrer", OpenerPolicy: "-", HSTSAlways: true, HSTSSubdomains: true}).Middleware()(h)), "GET")
		for field, want := range map[string]string{
			"X-Frame-Options": "SAMEORIGIN", "Content-Security-Policy": "default-src *", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "", "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
		} {
			if v := res.Header.Values(field); len(v) > 1 || res.Header.Get(field) != want {
				t.Errorf("%s: %s: %q, want %q", name, field, v, want)
			}
		}
	}
}

// HSTS is sent over TLS, and only there (RFC 6797 section 7.2).
func TestHSTSOverTLS(t *testing.T) {
	cert, err := tls.SelfSigned("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range hellos() {
		srv := &http1.Server{Handler: (&SecurityHeaders{}).Middleware()(h), Logger: quiet}
		r := reactortest.NewDefault(t, reactor.Config{Loops: 1, Logger: quiet, StallAfter: -1})
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Listen(ln, &tls.Server{Config: &ctls.Config{Certificates: []ctls.Certificate{cert}}, Next: srv}); err != nil {
			t.Fatal(err)
		}
		c, err := ctls.Dial("tcp", ln.Addr().String(), &ctls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, res := range talk(t, c, request("GET")+request("GET"), "GET", "GET") {
			if got := res.Header.Get("Strict-Transport-Security"); got != "max-age=31536000" || text(res) != "hello" {
				t.Errorf("%s: %q, %q", name, got, text(res))
			}
		}
	}
}

func TestHSTS(t *testing.T) {
	for want, s := range map[string]SecurityHeaders{
		"max-age=31536000":                         {},
		"max-age=3600; includeSubDomains; preload": {HSTS: time.Hour, HSTSSubdomains: true, HSTSPreload: true},
		"": {HSTS: -1},
	} {
		if got := s.hsts(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if (&SecurityHeaders{FrameOptions: "DENY\r\nX-Evil: 1"}).Check() == nil || !panics(func() { (&SecurityHeaders{FrameOptions: "\n"}).Middleware() }) {
		t.Error("a value with a line break is good")
	}
}
