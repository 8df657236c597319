package accesslog

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/calandria-go/calandria/protocols/http1"
	"github.com/calandria-go/calandria/reactor"
)

// entry is the exchange that a line is made for. It is the loop's, and used again for the next one.
type entry struct {
	log     *Log
	x       *http1.Exchange
	r       *http1.Result
	clock   clock
	scratch []byte
}

// clock renders the time once a second.
type clock struct {
	now    time.Time
	second int64
	local  []byte
	iso    []byte
	utc    []byte
}

func (c *clock) set(now time.Time) {
	c.now = now
	if s := now.Unix(); s != c.second || c.local == nil {
		c.second = s
		c.local = now.AppendFormat(c.local[:0], "02/Jan/2006:15:04:05 -0700")
		c.iso = now.AppendFormat(c.iso[:0], "2006-01-02T15:04:05-07:00")
		c.utc = now.UTC().AppendFormat(c.utc[:0], "2006-01-02T15:04:05")
	}
}

// keep makes a value of a string or of what was appended to the scratch space. It is valid until the next one.
func (e *entry) keep(b []byte) []byte {
	e.scratch = b
	return b
}

func (e *entry) text(s string) []byte { return e.keep(append(e.scratch[:0], s...)) }

// known says whether the head was parsed: of a refused request only its first line is sure to be there.
func (e *entry) known() bool { return !e.r.Refused }

func (e *entry) field(name string) []byte {
	if !e.known() {
		return nil
	}
	v, _ := e.x.Request().Get(name)
	return v
}

// variables are those with a fixed name. docs/operations.md has the same list.
var variables = map[string]segment{
	"remote_addr":     {raw: remoteAddr},
	"remote_port":     {raw: remotePort},
	"remote_user":     {raw: remoteUser},
	"time_local":      {safe: func(dst []byte, e *entry) []byte { return append(dst, e.clock.local...) }},
	"time_iso8601":    {safe: func(dst []byte, e *entry) []byte { return append(dst, e.clock.iso...) }},
	"msec":            {safe: func(dst []byte, e *entry) []byte { return appendMillis(dst, e.clock.now.UnixMilli()) }},
	"request":         {raw: func(e *entry) []byte { return e.x.RequestLine() }},
	"request_method":  {raw: method},
	"request_uri":     {raw: target},
	"uri":             {raw: known(func(x *http1.Exchange) []byte { return x.Path() })},
	"args":            {raw: query},
	"query_string":    {raw: query},
	"server_protocol": {raw: protocol},
	"host":            {raw: host},
	"scheme":          {raw: func(e *entry) []byte { return e.text(scheme(e)) }},
	"status":          {safe: status},
	"body_bytes_sent": {safe: func(dst []byte, e *entry) []byte { return strconv.AppendInt(dst, e.r.BodyBytes, 10) }},
	"body_bytes_read": {safe: func(dst []byte, e *entry) []byte { return strconv.AppendInt(dst, e.r.RequestBytes, 10) }},
	"request_time": {safe: func(dst []byte, e *entry) []byte {
		return appendMillis(dst, e.r.Duration.Milliseconds())
	}},
	"request_time_us": {safe: func(dst []byte, e *entry) []byte {
		return strconv.AppendInt(dst, e.r.Duration.Microseconds(), 10)
	}},
	"request_id": {raw: requestID},
	"route":      {raw: func(e *entry) []byte { return e.text(e.x.Pattern()) }},
	"error":      {raw: failure},
	"connection": {safe: func(dst []byte, e *entry) []byte { return strconv.AppendUint(dst, e.x.Conn().ID(), 10) }},
	"ssl_protocol": {raw: tlsValue(func(s *tls.ConnectionState) string {
		return strings.Replace(tls.VersionName(s.Version), "TLS ", "TLSv", 1)
	})},
	"ssl_cipher":      {raw: tlsValue(func(s *tls.ConnectionState) string { return tls.CipherSuiteName(s.CipherSuite) })},
	"ssl_server_name": {raw: tlsValue(func(s *tls.ConnectionState) string { return s.ServerName })},
	"ssl_alpn":        {raw: tlsValue(func(s *tls.ConnectionState) string { return s.NegotiatedProtocol })},
	"ssl_session_reused": {raw: tlsValue(func(s *tls.ConnectionState) string {
		if s.DidResume {
			return "r"
		}
		return "."
	})},
	"pid":      {text: strconv.Itoa(os.Getpid())},
	"hostname": hostname(),
}

func hostname() segment {
	name, _ := os.Hostname()
	return segment{raw: func(e *entry) []byte { return e.text(name) }}
}

// variable finds one by its name, which may be of a family.
func variable(name string) (segment, bool) {
	if s, ok := variables[name]; ok {
		return s, true
	}
	if field, ok := strings.CutPrefix(name, "http_"); ok && field != "" {
		field = strings.ReplaceAll(field, "_", "-")
		return segment{raw: func(e *entry) []byte { return e.field(field) }}, true
	}
	if key, ok := strings.CutPrefix(name, "arg_"); ok && key != "" {
		return segment{raw: func(e *entry) []byte { return pair(query(e), "&", key) }}, true
	}
	if key, ok := strings.CutPrefix(name, "cookie_"); ok && key != "" {
		return segment{raw: func(e *entry) []byte { return pair(e.field("Cookie"), ";", key) }}, true
	}
	return segment{}, false
}

// pair finds the value of key in a list of key=value.
func pair(list []byte, sep, key string) []byte {
	for p := range bytes.SplitSeq(list, []byte(sep)) {
		if k, v, ok := bytes.Cut(bytes.TrimSpace(p), []byte("=")); ok && string(k) == key {
			return v
		}
	}
	return nil
}

func known(f func(x *http1.Exchange) []byte) func(*entry) []byte {
	return func(e *entry) []byte {
		if !e.known() {
			return nil
		}
		return f(e.x)
	}
}

var (
	query  = known(func(x *http1.Exchange) []byte { return x.Request().RawQuery() })
	host   = known(func(x *http1.Exchange) []byte { return x.Request().Host() })
	method = known(func(x *http1.Exchange) []byte { return x.Method() })
	target = known(func(x *http1.Exchange) []byte { return x.Request().Target() })
)

func remoteAddr(e *entry) []byte {
	a := e.x.ClientAddr()
	if !a.IsValid() {
		return e.text("unix:")
	}
	return e.keep(a.AppendTo(e.scratch[:0]))
}

func remotePort(e *entry) []byte {
	ap := e.x.Conn().RemoteAddrPort()
	if !ap.IsValid() {
		return nil
	}
	return e.keep(strconv.AppendUint(e.scratch[:0], uint64(ap.Port()), 10))
}

// remoteUser is who Config.User says, or the name in Basic credentials (RFC 7617 section 2).
func remoteUser(e *entry) []byte {
	if f := e.log.cfg.User; f != nil {
		return e.text(f(e.x))
	}
	v := e.field("Authorization")
	if len(v) < 6 || !strings.EqualFold(string(v[:6]), "Basic ") || len(v) > maxValue {
		return nil
	}
	b, err := base64.StdEncoding.AppendDecode(e.scratch[:0], bytes.TrimSpace(v[6:]))
	name, _, ok := bytes.Cut(b, []byte(":"))
	e.keep(b)
	if err != nil || !ok {
		return nil
	}
	return name
}

func requestID(e *entry) []byte {
	if f := e.log.cfg.RequestID; f != nil {
		return e.text(f(e.x))
	}
	return e.field("X-Request-Id")
}

func protocol(e *entry) []byte {
	switch {
	case !e.known():
		return nil
	case e.x.Request().Minor() == 0:
		return e.text("HTTP/1.0")
	}
	return e.text("HTTP/1.1")
}

func scheme(e *entry) string {
	if e.x.TLS() != nil {
		return "https"
	}
	return "http"
}

func tlsValue(f func(*tls.ConnectionState) string) func(*entry) []byte {
	return func(e *entry) []byte {
		if s := e.x.TLS(); s != nil {
			return e.text(f(s))
		}
		return nil
	}
}

// tlsProtocol is named as by OpenSSL, and so by nginx.
var tlsProtocol = tlsValue(func(s *tls.ConnectionState) string {
	return strings.Replace(tls.VersionName(s.Version), "TLS ", "TLSv", 1)
})

func failure(e *entry) []byte {
	if e.r.Err == nil {
		return nil
	}
	return e.text(reactor.ReasonOf(e.r.Err))
}

// status has three digits; 000 where there was no answer.
func status(dst []byte, e *entry) []byte {
	s := e.r.Status
	return append(dst, byte('0'+s/100%10), byte('0'+s/10%10), byte('0'+s%10))
}

// appendMillis appends seconds with three decimals.
func appendMillis(dst []byte, ms int64) []byte {
	dst = append(strconv.AppendInt(dst, ms/1000, 10), '.')
	return append(dst, byte('0'+ms/100%10), byte('0'+ms/10%10), byte('0'+ms%10))
}
