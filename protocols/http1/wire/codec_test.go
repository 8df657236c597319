package wire

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestErrors(t *testing.T) {
	label := regexp.MustCompile(`^[a-z0-9]+(_[a-z0-9]+)*$`)
	section := regexp.MustCompile(`^RFC \d{4} \d+(\.\d+)*$`)
	seen := map[string]bool{}
	for _, e := range Errors() {
		if !label.MatchString(e.Reason) || seen[e.Reason] {
			t.Errorf("reason %q", e.Reason)
		}
		seen[e.Reason] = true
		if !section.MatchString(e.Section) || e.Msg == "" {
			t.Errorf("%s: section %q, %q", e.Reason, e.Section, e.Msg)
		}
		switch e.Status {
		case 400, 414, 431, 501, 505:
		default:
			t.Errorf("%s: status %d", e.Reason, e.Status)
		}
	}
	Errors()[0] = nil
	if Errors()[0] == nil {
		t.Error("the catalogue can be changed")
	}
	_, err := new(Request).Parse([]byte("\n"), nil)
	var e *Error
	if !errors.As(err, &e) || err != error(errBareLF) || err.Error() != "http1: line ended by LF without CR (RFC 9112 2.2)" {
		t.Error(err)
	}
}

func TestFieldAccess(t *testing.T) {
	head := "GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nb: x, Y ,\"q,z\"\r\nTE: te1\r\na: 2\r\nUpgrade: u1\r\nContent-Length: 3\r\n" +
		"Expect: e1\r\nConnection: c1\r\ntE: te2\r\nB: , w\r\nEmpty:\r\nConnection: c2\r\n\r\n"
	var r Request
	if n, err := r.Parse([]byte(head), nil); n != len(head) || err != nil {
		t.Fatal(n, err)
	}
	for name, want := range map[string]string{
		"A": "1", "a": "1", "B": `x, Y ,"q,z"`, "HOST": "h", "te": "te1", "Te": "te1", "upgrade": "u1", "content-length": "3",
		"expect": "e1", "CONNECTION": "c1", "empty": "",
	} {
		if v, ok := r.Get(name); string(v) != want || !ok {
			t.Errorf("%s: %q, %v", name, v, ok)
		}
	}
	for _, name := range []string{"", "C", "Hos", "Hosts", "Transfer-Encoding", "Content_Length", "Connectio\x2e", "AA"} {
		if v, ok := r.Get(name); v != nil || ok {
			t.Errorf("%s: %q, %v", name, v, ok)
		}
	}
	var all []string
	r.Values("TE", func(v []byte) bool { all = append(all, string(v)); return true })
	r.Values("a", func(v []byte) bool { all = append(all, string(v)); return true })
	r.Values("b", func(v []byte) bool { all = append(all, string(v)); return false })
	r.Values("none", func(v []byte) bool { all = append(all, string(v)); return true })
	if got := strings.Join(all, "|"); got != `te1|te2|1|2|x, Y ,"q,z"` {
		t.Error(got)
	}
	for _, c := range []struct {
		name, token string
		want        bool
	}{
		{"B", "x", true},
		{"b", "y", true},
		{"B", "W", true},
		{"B", "z", false},
		{"B", "q", false},
		{"B", "", false},
		{"B", `"q,z"`, true},
		{"Connection", "c2", true},
		{"Connection", "c", false},
		{"none", "x", false},
		{"Empty", "", false},
	} {
		if got := r.HasToken(c.name, c.token); got != c.want {
			t.Errorf("%s has %q: %v", c.name, c.token, got)
		}
	}
	if r.NumFields() != 13 {
		t.Error(r.NumFields())
	}
	if n, err := r.Parse([]byte("GET / HTTP/1.0\r\nFirst: 1\r\nL: \"a\\\", b, \\\\\", c\r\n\r\n"), nil); n == 0 || err != nil {
		t.Fatal(n, err)
	}
	if v, ok := r.Get("first"); string(v) != "1" || !ok {
		t.Errorf("First: %q, %v", v, ok)
	}
	if r.HasToken("L", "b") || !r.HasToken("L", "c") || !r.HasToken("first", "1") {
		t.Error("an escaped quote does not end a string")
	}
	name, value := r.Field(1)
	if cap(name) != len(name) || cap(value) != len(value) {
		t.Error("appending to a slice would write over the head")
	}
}

// TestKnownNames: a name is known in any letter case, and no other is, however
// alike.
func TestKnownNames(t *testing.T) {
	for want, name := range map[kind]string{
		kHost: "host", kConnection: "connection", kContentLength: "content-length", kExpect: "expect",
		kTransferEncoding: "transfer-encoding", kTE: "te", kUpgrade: "upgrade",
	} {
		for _, s := range []string{name, strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:], name[:len(name)-1] + strings.ToUpper(name[len(name)-1:])} {
			if kindOf([]byte(s)) != want || knownName(s) != want {
				t.Errorf("%s: %d, %d", s, kindOf([]byte(s)), knownName(s))
			}
		}
		for i := range name {
			for c := range 256 {
				if chars[c]&cToken == 0 || lower(byte(c)) == name[i] {
					continue
				}
				s := name[:i] + string([]byte{byte(c)}) + name[i+1:]
				if kindOf([]byte(s)) != kOther || knownName(s) != kOther {
					t.Errorf("%q is taken for %s", s, name)
				}
			}
		}
		for _, s := range []string{name[1:], name + "s", "x" + name} {
			if kindOf([]byte(s)) != kOther || knownName(s) != kOther {
				t.Errorf("%q is taken for %s", s, name)
			}
		}
	}
}

// TestWords compares the masks of eight bytes with the table, for each byte at
// each place, between neighbours of all kinds.
func TestWords(t *testing.T) {
	for _, around := range []byte{0, 0x1f, ' ', 'a', 'Z', '-', ':', 0x7e, 0x7f, 0x80, 0xff} {
		for c := range 256 {
			for place := range 8 {
				w := [8]byte{around, around, around, around, around, around, around, around}
				w[place] = byte(c)
				first := func(bad func(byte) bool) int {
					for i, c := range w {
						if bad(c) {
							return i
						}
					}
					return 8
				}
				x := le.Uint64(w[:])
				got, want := firstIn(notText(x)), first(func(c byte) bool { return c < ' ' || c == 0x7f })
				if got != want {
					t.Fatalf("notText(%x): %d, want %d", w, got, want)
				}
				got, want = firstIn(notName(x)), first(func(c byte) bool { return !isAlpha(c) && c != '-' })
				if got != want {
					t.Fatalf("notName(%x): %d, want %d", w, got, want)
				}
				for n := range 9 {
					if i := skipText(w[:n], 0); i != min(n, first(func(c byte) bool { return chars[c]&cText == 0 })) {
						t.Fatalf("skipText(%x): %d", w[:n], i)
					}
				}
			}
		}
	}
}

// TestReuse: a Request that is Reset, after whatever came before, is as new.
func TestReuse(t *testing.T) {
	var r Request
	var c Chunked
	first := []byte("POST http://a?b HTTP/1.0\r\nHost: h\r\nConnection: close, upgrade\r\nUpgrade: x\r\nTE: trailers\r\nContent-Length: 7\r\nExpect: 1\r\n\r\n")
	second := []byte("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	fresh := requestOutcome(t, new(Request), second, []int{len(second)}, nil)
	for i := range len(first) + 1 {
		r.Reset()
		r.Parse(first[:i], nil)
		if got := requestOutcome(t, &r, second, []int{len(second)}, nil); got != fresh {
			t.Fatalf("after %d bytes: %v", i, got)
		}
	}
	r.Reset()
	r.Parse([]byte("\n"), nil)
	if got := requestOutcome(t, &r, second, []int{len(second)}, nil); got != fresh {
		t.Fatalf("after an error: %v", got)
	}
	// Without Reset, a complete head gives way to the next one.
	r.Parse(first, nil)
	if n, err := r.Parse(second, nil); n != len(second) || err != nil || describeRequest(&r) != fresh.what {
		t.Fatal(n, err)
	}
	var p Response
	for range 2 {
		for _, s := range []string{"HTTP/1.0 404 Not Found\r\nContent-Length: 7\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"} {
			want := responseOutcome(t, new(Response), []byte(s), []int{len(s)}, nil)
			if n, err := p.Parse([]byte(s), nil); n != len(s) || err != nil || describeResponse(&p) != want.what {
				t.Fatal(n, err)
			}
		}
	}
	body := []byte("5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n")
	for i := range len(body) + 1 {
		c.Reset()
		c.Next(body[:i], nil)
		if got := chunkedOutcome(t, &c, body, []int{len(body)}, nil); got.what != `"hello" A="b"` {
			t.Fatalf("after %d bytes: %v", i, got)
		}
	}
	if data, n, err := c.Next([]byte("more"), nil); data != nil || n != 0 || err != nil || !c.Done() {
		t.Error(data, n, err)
	}
}

// TestZeroAllocations: a typical request, response and body cost none.
func TestZeroAllocations(t *testing.T) {
	chrome := chromeRequest(t)
	response := []byte("HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nTransfer-Encoding: chunked\r\n\r\n")
	body := []byte("5;a=b\r\nhello\r\n0\r\n\r\n")
	bad := []byte("GET / HTTP/1.1\r\nHost: h\r\nA: \x00\r\n\r\n")
	var r Request
	var p Response
	var c Chunked
	at := time.Unix(784111777, 0)
	dst := make([]byte, 0, 1024)
	accept := []byte("text/html")
	for name, f := range map[string]func(){
		"request": func() {
			r.Reset()
			if n, err := r.Parse(chrome, nil); n != len(chrome) || err != nil {
				t.Fatal(n, err)
			}
		},
		"request, byte by byte": func() {
			r.Reset()
			for i := range chrome {
				r.Parse(chrome[:i+1], nil)
			}
		},
		"access": func() {
			r.Get("Host")
			r.Get("Accept-Language")
			r.HasToken("Accept-Encoding", "br")
			r.Values("Accept", func(v []byte) bool { return len(v) > 0 })
			_, _, _, _ = r.Path(), r.RawQuery(), r.Authority(), r.Scheme()
		},
		"refused request": func() {
			var r Request
			if _, err := r.Parse(bad[:10], nil); err != nil {
				t.Fatal(err)
			}
			p.Reset()
			if _, err := p.Parse(bad, nil); err == nil {
				t.Fatal("not refused")
			}
		},
		"response": func() {
			p.Reset()
			if n, err := p.Parse(response, nil); n != len(response) || err != nil {
				t.Fatal(n, err)
			}
		},
		"chunked": func() {
			c.Reset()
			_, n, _ := c.Next(body, nil)
			if _, _, err := c.Next(body[n:], nil); err != nil || !c.Done() {
				t.Fatal(err)
			}
		},
		"write": func() {
			b := AppendStatusLine(dst, 404)
			b, _ = AppendField(b, "A", "b")
			b, _ = AppendFieldBytes(b, "Accept", accept)
			b, _ = AppendField(b, "A", "b\r\n")
			b = AppendContentLength(b, 5)
			b = AppendDate(b, at)
			b = AppendChunk(b, accept)
			b, _ = AppendLastChunk(b, nil)
			if _, err := AppendRequestLine(b, "GET", "/a?b"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		f()
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
