package wire

import "time"

// Conditions are the preconditions of a request (RFC 9110 13.1), as copies of the
// field values; several field lines of one name are one value, with commas. An empty
// string is a field that the request does not have; one that it has, without a value,
// is ",", a list without elements.
type Conditions struct {
	Get  bool // the method is GET
	Head bool // the method is HEAD

	IfMatch           string // RFC 9110 13.1.1
	IfNoneMatch       string // RFC 9110 13.1.2
	IfModifiedSince   string // RFC 9110 13.1.3
	IfUnmodifiedSince string // RFC 9110 13.1.4
	IfRange           string // RFC 9110 13.1.5; of a GET with Range only
}

// Validators are what a server knows of the representation that it would send, or
// that a request would change.
type Validators struct {
	// ETag is its entity tag as in the field, quotes included; empty if it has none.
	ETag string
	// Modified is when it last changed; zero if that is not known. Fractions of a second
	// do not count.
	Modified time.Time
	// Missing says that there is no representation yet, as for a PUT that would make one.
	Missing bool
}

// ReadConditions takes the preconditions out of a request; ok is false if it has none,
// and for methods to which none apply (RFC 9110 13.2.1). It allocates for the values
// that there are, and nothing for a request without any.
func ReadConditions(r *Request) (c Conditions, ok bool) {
	for i := range r.NumFields() {
		f := &r.fields[i]
		n := int(f.colon - f.name)
		if n < 8 || n > 19 {
			continue
		}
		if b := r.buf[f.name:f.colon]; lower(b[0]) != 'i' || b[2] != '-' {
			continue
		}
		name, value := r.Field(i)
		if to := c.field(name); to != nil {
			ok = true
			addValue(to, value)
		}
	}
	if !ok {
		return c, false
	}
	switch string(r.Method()) {
	case "GET":
		c.Get = true
		if _, ranged := r.Get("Range"); !ranged {
			c.IfRange = "" // RFC 9110 13.1.5: to be ignored
		}
	case "HEAD":
		c.Head, c.IfRange = true, ""
	case "CONNECT", "OPTIONS", "TRACE":
		return Conditions{}, false
	default:
		c.IfRange = ""
	}
	return c, true
}

// field is where the value of the field of that name goes.
func (c *Conditions) field(name []byte) *string {
	switch {
	case equalFold(name, "if-match"):
		return &c.IfMatch
	case equalFold(name, "if-range"):
		return &c.IfRange
	case equalFold(name, "if-none-match"):
		return &c.IfNoneMatch
	case equalFold(name, "if-modified-since"):
		return &c.IfModifiedSince
	case equalFold(name, "if-unmodified-since"):
		return &c.IfUnmodifiedSince
	}
	return nil
}

func addValue(to *string, value []byte) {
	switch {
	case *to != "":
		*to += ", " + string(value)
	case len(value) == 0:
		*to = ","
	default:
		*to = string(value)
	}
}

// Evaluate says what the preconditions make of a request, in the order of RFC 9110
// 13.2.2: 0, go on; 304, the client has it; 412, they fail. Call it only if the answer
// would be 2xx without them (RFC 9110 13.2.1), and before the request changes
// anything. now is for dates with a year of two digits.
//
// What cannot be read fails to match: entity tags that are none; and "*" beside others
// makes the condition false both for If-Match and for If-None-Match, so that nothing
// is changed by mistake. Dates that are none are ignored, as are those for a
// representation whose Modified is not known (RFC 9110 13.1.3, 13.1.4).
func (c *Conditions) Evaluate(v Validators, now time.Time) (status int) {
	switch {
	case c.IfMatch != "":
		if !c.matches(v) {
			return 412
		}
	case c.IfUnmodifiedSince != "":
		if t, ok := ParseDate(c.IfUnmodifiedSince, now); ok && !v.Modified.IsZero() && v.Modified.Unix() > t.Unix() {
			return 412
		}
	}
	switch {
	case c.IfNoneMatch != "":
		if c.noneMatches(v) {
			return 0
		}
		if c.Get || c.Head {
			return 304
		}
		return 412
	case c.IfModifiedSince != "" && (c.Get || c.Head):
		if t, ok := ParseDate(c.IfModifiedSince, now); ok && !v.Modified.IsZero() && v.Modified.Unix() <= t.Unix() {
			return 304
		}
	}
	return 0
}

// matches is If-Match (RFC 9110 13.1.1).
func (c *Conditions) matches(v Validators) bool {
	if v.Missing {
		return false
	}
	if c.IfMatch == "*" {
		return true
	}
	matched, star := matchAny(c.IfMatch, v.ETag, StrongMatch)
	return matched && !star
}

// noneMatches is If-None-Match (RFC 9110 13.1.2).
func (c *Conditions) noneMatches(v Validators) bool {
	if v.Missing {
		return true
	}
	matched, star := matchAny(c.IfNoneMatch, v.ETag, WeakMatch)
	return !matched && !star
}

// RangeHolds reports whether the Range of a GET is to be honoured, after Evaluate: there
// is no If-Range, or it is the strong entity tag or the very date of what is there now
// (RFC 9110 13.1.5). A date counts only when its second is over: it is no strong
// validator before (RFC 9110 8.8.2.2).
func (c *Conditions) RangeHolds(v Validators, now time.Time) bool {
	switch {
	case c.IfRange == "":
		return true
	case v.Missing:
		return false
	case entityTag(c.IfRange) > 0:
		return StrongMatch(c.IfRange, v.ETag)
	}
	t, ok := ParseDate(c.IfRange, now)
	return ok && !v.Modified.IsZero() && t.Unix() == v.Modified.Unix() && now.Unix() > t.Unix()
}
