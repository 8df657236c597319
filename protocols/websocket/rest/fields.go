package rest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	hwire "github.com/calandria-go/calandria/protocols/http1/wire"
)

// connectionFields are about one connection (RFC 9110 7.6.1), and not carried.
var connectionFields = []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// fieldsOf are the fields to send, by name, so that equal heads are equal messages.
func fieldsOf(h http.Header, used int, lim *Config, without ...string) ([]field, error) {
	var all []field
	for name, values := range h {
		if canonical := http.CanonicalHeaderKey(name); slices.Contains(connectionFields, canonical) || slices.Contains(without, canonical) {
			continue
		}
		for _, v := range values {
			v = strings.Trim(v, " \t")
			if !hwire.ValidToken(name) || !hwire.ValidFieldValue(v) {
				return nil, ErrHead
			}
			used += len(name) + len(v) + fieldCost
			all = append(all, field{name, v})
		}
	}
	if len(all) > lim.MaxFields || used > lim.MaxHeadBytes {
		return nil, ErrHead
	}
	slices.SortStableFunc(all, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return all, nil
}

// headerOf are the fields that came. Those about a connection are left out.
func headerOf(fields []field) http.Header {
	h := make(http.Header, len(fields))
	for _, f := range fields {
		if !slices.Contains(connectionFields, http.CanonicalHeaderKey(f.name)) {
			h.Add(f.name, f.value)
		}
	}
	return h
}

// lengthOf is Content-Length: -1 without one, or with a bad one.
func lengthOf(h http.Header) int64 {
	n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// linesOf are fields as lines.
func linesOf(fields []field) string {
	var b strings.Builder
	for i, f := range fields {
		if i > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString(f.name + ": " + f.value)
	}
	return b.String()
}
