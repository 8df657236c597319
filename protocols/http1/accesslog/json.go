package accesslog

import (
	"strconv"
	"time"
)

// appendJSON renders the format JSON.
func appendJSON(dst []byte, e *entry) []byte {
	dst = append(dst, `{"time":"`...)
	ms := e.clock.now.Nanosecond() / int(time.Millisecond)
	dst = append(append(dst, e.clock.utc...), '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z', '"')
	dst = always(dst, `,"remote_addr":"`, remoteAddr(e))
	dst = always(dst, `,"request":"`, e.x.RequestLine())
	dst = strconv.AppendInt(append(dst, `,"status":`...), int64(e.r.Status), 10)
	dst = strconv.AppendInt(append(dst, `,"request_bytes":`...), e.r.RequestBytes, 10)
	dst = strconv.AppendInt(append(dst, `,"body_bytes":`...), e.r.BodyBytes, 10)
	dst = appendSeconds(append(dst, `,"duration":`...), e.r.Duration)
	if e.known() {
		dst = member(dst, `,"method":"`, method(e))
		dst = member(dst, `,"uri":"`, target(e))
		dst = member(dst, `,"protocol":"`, protocol(e))
		dst = member(dst, `,"host":"`, host(e))
		dst = member(dst, `,"scheme":"`, e.text(scheme(e)))
		dst = member(dst, `,"referer":"`, e.field("Referer"))
		dst = member(dst, `,"user_agent":"`, e.field("User-Agent"))
		dst = member(dst, `,"user":"`, remoteUser(e))
		dst = member(dst, `,"request_id":"`, requestID(e))
		dst = member(dst, `,"route":"`, e.text(e.x.Pattern()))
	}
	dst = member(dst, `,"tls":"`, tlsProtocol(e))
	dst = member(dst, `,"error":"`, failure(e))
	if e.r.Refused {
		dst = append(dst, `,"refused":true`...)
	}
	return append(dst, '}')
}

// member appends a string, unless it is empty.
func member(dst []byte, key string, v []byte) []byte {
	if len(v) == 0 {
		return dst
	}
	return always(dst, key, v)
}

func always(dst []byte, key string, v []byte) []byte {
	return append(appendJSONText(append(dst, key...), v), '"')
}

// appendSeconds appends a duration in seconds with six decimals.
func appendSeconds(dst []byte, d time.Duration) []byte {
	dst = append(strconv.AppendInt(dst, int64(d/time.Second), 10), '.')
	for us, unit := d%time.Second/time.Microsecond, time.Duration(100_000); unit > 0; unit /= 10 {
		dst = append(dst, byte('0'+us/unit%10))
	}
	return dst
}
