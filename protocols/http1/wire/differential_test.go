package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"
	"testing"
)

// A verdict is what one implementation makes of a request and its body.
type verdict struct {
	refused string // why; "" if it was taken
	inBody  bool   // refused after the head
	partial bool   // the bytes ended within the body

	method, target string
	minor          int
	fields         map[string][]string // by canonical name, without Host, Content-Length, Transfer-Encoding and Trailer
	length         int64
	chunked        bool
	body           string
	trailers       map[string][]string
	rest           int // bytes left behind the message
}

// ours is the verdict of this package.
func ours(b []byte) (v verdict) {
	var r Request
	n, err := r.Parse(b, nil)
	if err != nil {
		v.refused = err.(*Error).Reason
		return v
	}
	if n == 0 {
		v.refused = "incomplete"
		return v
	}
	v.method, v.target, v.minor = string(r.Method()), string(r.Target()), r.Minor()
	v.length, v.chunked = max(0, r.ContentLength()), r.Chunked()
	v.fields = map[string][]string{}
	for i := range r.NumFields() {
		name, value := r.Field(i)
		addField(v.fields, string(name), string(value))
	}
	b = b[n:]
	switch {
	case v.chunked:
		var c Chunked
		for {
			data, n, err := c.Next(b, nil)
			v.body += string(data)
			b = b[n:]
			if err != nil {
				v.refused, v.inBody = err.(*Error).Reason, true
				return v
			}
			if n == 0 || c.Done() {
				break
			}
		}
		v.partial = !c.Done()
		v.trailers = map[string][]string{}
		for _, f := range c.Trailers() {
			addField(v.trailers, f.Name, f.Value)
		}
	case int64(len(b)) < v.length:
		v.body, v.partial, b = string(b), true, nil
	default:
		v.body, b = string(b[:v.length]), b[v.length:]
	}
	v.rest = len(b)
	return v
}

// theirs is the verdict of net/http's ReadRequest.
func theirs(b []byte) (v verdict) {
	in := bytes.NewReader(b)
	br := bufio.NewReader(in)
	req, err := http.ReadRequest(br)
	if err != nil {
		v.refused = err.Error()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			v.refused = "incomplete"
		}
		return v
	}
	v.method, v.target, v.minor = req.Method, req.RequestURI, min(1, req.ProtoMinor)
	v.length, v.chunked = max(0, req.ContentLength), len(req.TransferEncoding) > 0
	v.fields = map[string][]string{}
	for name, values := range req.Header {
		for _, value := range values {
			addField(v.fields, name, value)
		}
	}
	body, err := io.ReadAll(req.Body)
	v.body = string(body)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		v.partial = true
	case err != nil:
		v.refused, v.inBody = err.Error(), true
		return v
	}
	v.trailers = map[string][]string{}
	for name, values := range req.Trailer {
		for _, value := range values {
			addField(v.trailers, name, value)
		}
	}
	v.rest = br.Buffered() + in.Len()
	return v
}

// addField leaves out the fields that net/http takes out of its map.
func addField(m map[string][]string, name, value string) {
	switch name = http.CanonicalHeaderKey(name); name {
	case "Host", "Content-Length", "Transfer-Encoding", "Trailer":
	default:
		m[name] = append(m[name], value)
	}
}

// differ says in what two verdicts that both took the request differ.
func differ(a, b *verdict) string {
	switch {
	case a.method != b.method:
		return "method"
	case a.target != b.target:
		return "target"
	case a.minor != b.minor:
		return "version"
	case a.chunked != b.chunked || !a.chunked && a.length != b.length:
		return "framing"
	case a.partial != b.partial:
		return "end of body"
	case a.body != b.body:
		return "body"
	case a.rest != b.rest && !a.partial:
		return "bytes taken"
	case fmt.Sprint(a.fields) != fmt.Sprint(b.fields):
		return "fields"
	case !a.partial && fmt.Sprint(a.trailers) != fmt.Sprint(b.trailers):
		return "trailers"
	}
	return ""
}

// explain names the class of a difference; "" if there is no difference, ok
// false if there is none that explains it.
func explain(in []byte) (class string, ok bool, a, b verdict) {
	a, b = ours(in), theirs(in)
	switch {
	case a.refused != "" && b.refused != "":
		return "", true, a, b
	case a.refused == "" && b.refused != "":
		class = "they: " + b.refused
		for _, c := range theyRefuse {
			if strings.Contains(b.refused, c.reason) {
				class = "they: " + c.reason
				return class, c.applies(in, &a), a, b
			}
		}
		return class, false, a, b
	case a.refused != "":
		c, known := weRefuse[a.refused]
		return "we: " + a.refused, known && c.applies(in, &b), a, b
	}
	if d := differ(&a, &b); d != "" {
		for _, c := range bothTake {
			if c.reason == d && c.applies(in, &a) {
				return "both: " + c.why, true, a, b
			}
		}
		return "both: " + d, false, a, b
	}
	return "", true, a, b
}

// TestDifferential compares the codec with net/http's on requests that are
// generated, and then often damaged: 20,000, or CALANDRIA_DIFF_N, from the seed
// CALANDRIA_DIFF_SEED if it is given. Every
// difference must belong to a class with a reason, and show the mark of that
// class, found without the codec.
func TestDifferential(t *testing.T) {
	n := 20_000
	if s := os.Getenv("CALANDRIA_DIFF_N"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	seed := uint64(9112)
	if s := os.Getenv("CALANDRIA_DIFF_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	g := generator{rand.New(rand.NewPCG(seed, 9110))}
	counts := map[string]int{}
	taken, refused, unexplained := 0, 0, 0
	for range n {
		in := g.request()
		class, ok, a, b := explain(in)
		switch {
		case !ok:
			if unexplained++; unexplained <= 20 {
				t.Errorf("unexplained: %s\n%q\n ours  %+v\n theirs %+v", class, in, a, b)
			}
		case class != "":
			counts[class]++
		case a.refused == "":
			taken++
		default:
			refused++
		}
	}
	if unexplained > 20 {
		t.Errorf("%d unexplained in all", unexplained)
	}
	classes := make([]string, 0, len(counts))
	for class := range counts {
		classes = append(classes, class)
	}
	sort.Strings(classes)
	t.Logf("%d requests: %d taken alike, %d refused alike", n, taken, refused)
	for _, class := range classes {
		t.Logf("%8d %s", counts[class], class)
	}
	for reason := range weRefuse {
		if n >= 1_000_000 && seed == 9112 && counts["we: "+reason] == 0 {
			t.Errorf("no request shows %s: a class that excuses nothing", reason)
		}
	}
	// A generator that makes nothing but garbage, or nothing but good requests,
	// compares nothing.
	if taken < n/10 || refused < n/10 || len(classes) < 25 {
		t.Errorf("%d taken, %d refused, %d classes: too few to compare", taken, refused, len(classes))
	}
}
