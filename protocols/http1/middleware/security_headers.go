package middleware

import (
	"crypto/tls"
	"fmt"
	"strconv"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/protocols/http1/wire"
)

// SecurityHeaders adds the fields by which browsers protect a site's users to each answer that does not have them. The zero value
// is strict: all a page loads comes from its own origin, and nobody may frame it. In each field, "" is the default and "-" leaves
// the field out.
type SecurityHeaders struct {
	// ContentSecurityPolicy; "": default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'.
	ContentSecurityPolicy string
	// ContentTypeOptions is X-Content-Type-Options; "": nosniff.
	ContentTypeOptions string
	// FrameOptions is X-Frame-Options, for browsers that do not know frame-ancestors; "": DENY.
	FrameOptions string
	// ReferrerPolicy; "": strict-origin-when-cross-origin, so that other sites do not learn paths.
	ReferrerPolicy string
	// OpenerPolicy is Cross-Origin-Opener-Policy; "": same-origin.
	OpenerPolicy string
	// ResourcePolicy is Cross-Origin-Resource-Policy; "": same-origin. It does not stand in the way of CORS.
	ResourcePolicy string
	// PermissionsPolicy; "": camera, geolocation, microphone, payment and usb for nobody.
	PermissionsPolicy string

	// HSTS is the max-age of Strict-Transport-Security (RFC 6797), sent over TLS only; 0: one year; negative: none is sent.
	// It binds browsers for that time: they will not use plain HTTP with the host.
	HSTS time.Duration
	// HSTSSubdomains adds includeSubDomains: only if all of them have TLS.
	HSTSSubdomains bool
	// HSTSPreload adds preload, the consent to be built into browsers, which is hard to take back.
	HSTSPreload bool
	// HSTSAlways sends it on plain connections too: for a server behind a proxy that does the TLS.
	HSTSAlways bool
}

const (
	defaultCSP         = "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
	defaultPermissions = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
	defaultHSTS        = 365 * 24 * time.Hour
)

type headerField struct{ name, value string }

// Check says what is wrong with the configuration: a value that cannot be sent. Middleware panics with it.
func (s *SecurityHeaders) Check() error {
	for _, f := range s.fields() {
		if !wire.ValidFieldValue(f.value) {
			return fmt.Errorf("middleware: SecurityHeaders: %s: %q is no field value", f.name, f.value)
		}
	}
	return nil
}

func (s *SecurityHeaders) fields() []headerField {
	var list []headerField
	add := func(name, value, def string) {
		if value == "" {
			value = def
		}
		if value != "-" {
			list = append(list, headerField{name, value})
		}
	}
	add("Content-Security-Policy", s.ContentSecurityPolicy, defaultCSP)
	add("X-Content-Type-Options", s.ContentTypeOptions, "nosniff")
	add("X-Frame-Options", s.FrameOptions, "DENY")
	add("Referrer-Policy", s.ReferrerPolicy, "strict-origin-when-cross-origin")
	add("Cross-Origin-Opener-Policy", s.OpenerPolicy, "same-origin")
	add("Cross-Origin-Resource-Policy", s.ResourcePolicy, "same-origin")
	add("Permissions-Policy", s.PermissionsPolicy, defaultPermissions)
	return list
}

func (s *SecurityHeaders) hsts() string {
	age := s.HSTS
	if age == 0 {
		age = defaultHSTS
	}
	if age < 0 {
		return ""
	}
	v := "max-age=" + strconv.FormatInt(int64(age/time.Second), 10)
	if s.HSTSSubdomains {
		v += "; includeSubDomains"
	}
	if s.HSTSPreload {
		v += "; preload"
	}
	return v
}

// Middleware gives the http1.Middleware. What the handler has set itself stays. It panics if Check finds something.
func (s *SecurityHeaders) Middleware() http1.Middleware {
	if err := s.Check(); err != nil {
		panic(err)
	}
	always := s.fields()
	secure := always
	if v := s.hsts(); v != "" {
		secure = append(always[:len(always):len(always)], headerField{"Strict-Transport-Security", v})
	}
	if s.HSTSAlways {
		always = secure
	}
	onPlain, onTLS := adder(always), adder(secure)
	return func(next http1.Handler) http1.Handler {
		return http1.HandlerFunc(func(x *http1.Exchange) {
			if overTLS(x) {
				x.OnHead(onTLS)
			} else {
				x.OnHead(onPlain)
			}
			next.Handle(x)
		})
	}
}

func adder(fields []headerField) func(*http1.Exchange, *http1.Head) {
	return func(_ *http1.Exchange, h *http1.Head) {
		for _, f := range fields {
			if h.Get(f.name) == "" {
				h.Add(f.name, f.value)
			}
		}
	}
}

// overTLS asks as Exchange.TLS does, without the copy of the state.
func overTLS(x *http1.Exchange) bool {
	_, ok := x.Conn().Layer().(interface{ ConnectionState() tls.ConnectionState })
	return ok
}
