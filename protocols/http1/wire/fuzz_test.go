package wire

import (
	"bytes"
	"testing"
)

// The fuzz targets check what holds for every input: the verdict and the values do
// not depend on the cuts, a complete head ends with CRLF CRLF, and what was taken
// can be written again. Their seeds are the tables' and those in testdata/fuzz.

func FuzzRequest(f *testing.F) {
	for _, c := range refusedRequests {
		f.Add(expand(c.head))
	}
	for _, c := range acceptedRequests {
		f.Add(expand(c.head))
	}
	f.Add(chromeRequest(f))
	lim := &Limits{MaxHeadBytes: 600, MaxFields: 12, MaxTargetBytes: 100}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1000 {
			return
		}
		got := splitRequest(t, b, lim)
		if got.n == 0 {
			return
		}
		if !bytes.HasSuffix(b[:got.n], []byte("\r\n\r\n")) {
			t.Fatalf("%d bytes of %q", got.n, b)
		}
		var r Request
		if n, err := r.Parse(b[:got.n], lim); n != got.n || err != nil {
			t.Fatalf("what follows the head counts: %d, %v", n, err)
		}
		if r.KeepAlive() && r.Chunked() && r.ContentLength() >= 0 {
			t.Fatal("two framings")
		}
		again, err := AppendRequestLine(nil, string(r.Method()), string(r.Target()))
		if err != nil {
			t.Fatalf("%q %q: %v", r.Method(), r.Target(), err)
		}
		rewrite(t, again, &r.head, func(b []byte) (*head, int, error) {
			var back Request
			n, err := back.Parse(b, &Limits{MaxHeadBytes: -1})
			if err == nil && (string(back.Method()) != string(r.Method()) || string(back.Target()) != string(r.Target())) {
				t.Fatalf("%q %q became %q %q", r.Method(), r.Target(), back.Method(), back.Target())
			}
			return &back.head, n, err
		})
	})
}

// rewrite writes the fields of h behind a start line, parses all, and compares.
func rewrite(t *testing.T, b []byte, h *head, parse func(b []byte) (*head, int, error)) {
	if h.Minor() == 0 && h.first[kHost] == 0 {
		b, _ = AppendField(b, "Host", "")
	}
	skip := bytes.Count(b, []byte("\r\n")) - 1
	for i := range h.NumFields() {
		name, value := h.Field(i)
		var err error
		if b, err = AppendFieldBytes(b, string(name), value); err != nil {
			t.Fatalf("%q: %q: %v", name, value, err)
		}
	}
	b = append(b, "\r\n"...)
	back, n, err := parse(b)
	if n != len(b) || err != nil {
		t.Fatalf("%q: %d, %v", b, n, err)
	}
	if back.NumFields() != h.NumFields()+skip {
		t.Fatalf("%d fields became %d", h.NumFields(), back.NumFields())
	}
	for i := range h.NumFields() {
		name, value := h.Field(i)
		gotName, gotValue := back.Field(i + skip)
		if !bytes.Equal(name, gotName) || !bytes.Equal(value, gotValue) {
			t.Fatalf("%q: %q became %q: %q", name, value, gotName, gotValue)
		}
	}
	if back.ContentLength() != h.ContentLength() || back.Chunked() != h.Chunked() {
		t.Fatal("the framing changed")
	}
}

func FuzzResponse(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.0 404 \r\nA: b\r\n\r\n",
		"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
		"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 099 x\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "ICY 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\nA: b\r\n\r\n", "HTTP/1.1 200 OK\r\n A: b\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	lim := &Limits{MaxHeadBytes: 600, MaxFields: 12}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1000 {
			return
		}
		got := splitResponse(t, b, lim)
		if got.n == 0 {
			return
		}
		if !bytes.HasSuffix(b[:got.n], []byte("\r\n\r\n")) {
			t.Fatalf("%d bytes of %q", got.n, b)
		}
		var r Response
		if n, err := r.Parse(b[:got.n], lim); n != got.n || err != nil {
			t.Fatalf("what follows the head counts: %d, %v", n, err)
		}
		rewrite(t, AppendStatusLine(nil, r.Status()), &r.head, func(b []byte) (*head, int, error) {
			var back Response
			n, err := back.Parse(b, &Limits{MaxHeadBytes: -1})
			if err == nil && back.Status() != r.Status() {
				t.Fatalf("%d became %d", r.Status(), back.Status())
			}
			return &back.head, n, err
		})
	})
}

func FuzzChunked(f *testing.F) {
	for _, s := range []string{
		"5\r\nhello\r\n0\r\n\r\n", "5;a=b;c=\"d\\\"\"\r\nhello\r\n0\r\nA: b\r\n\r\nGET /", "5\nhello\r\n0\r\n\r\n",
		"5;\nhello", "0x5\r\nhello", "5 \r\nhello", "7fffffffffffffff\r\nx", "8000000000000000\r\n",
		"00000000000000001\r\n", "5\r\nhello\r\n\r\n0\r\n\r\n", "0\r\nContent-Length: 5\r\n\r\n", "0\r\nA: b\r\n c\r\n\r\n",
		"1\r\nx\r\n1;aaaaaaaaaaaaaaaa\r\nx\r\n", "5\r\nhelloX\r\n",
	} {
		f.Add([]byte(s))
	}
	lim := &Limits{MaxTrailerBytes: 100, MaxTrailers: 4, MaxChunkExtBytes: 32}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1000 {
			return
		}
		got := splitChunked(t, b, lim)
		var c Chunked
		var chunks []byte
		for rest := b; ; {
			p, n, err := c.Next(rest, lim)
			rest = rest[n:]
			chunks = AppendChunk(chunks, p)
			if err != nil || n == 0 || c.Done() {
				break
			}
		}
		if !c.Done() {
			return
		}
		if !bytes.HasSuffix(b[:got.n], []byte("\r\n")) {
			t.Fatalf("%d bytes of %q", got.n, b)
		}
		again, err := AppendLastChunk(chunks, c.Trailers())
		if err != nil {
			t.Fatalf("%v: %v", c.Trailers(), err)
		}
		if back := splitChunked(t, again, nil); back.what != got.what || back.n != len(again) {
			t.Fatalf("%v became %v", got, back)
		}
	})
}

// FuzzHeadRoundTrip: what the writers take comes back from the parser as it was
// given, and as nothing else; so nothing that is given to them can add a line.
func FuzzHeadRoundTrip(f *testing.F) {
	f.Add("GET", "/", "A", "b", "C", "d", 200)
	f.Add("CONNECT", "h:80", "Connection", "close", "X", "", 404)
	f.Add("GET", "/ HTTP/1.1\r\nA: b\r\n\r\n", "A\r\nB", "b\r\nC: d", "", "\n", 99)
	f.Add("G\r\nT", "/\r", "A:", "\x00", "Host", "\x7f", 1000)
	f.Add("OPTIONS", "*", "Content-Length", "5", "Transfer-Encoding", "chunked", 204)
	f.Fuzz(func(t *testing.T, method, target, name1, value1, name2, value2 string, status int) {
		if len(target)+len(value1)+len(value2) > 7<<10 || len(name1)+len(name2) > 7<<10 {
			return
		}
		b, err := AppendRequestLine(nil, method, target)
		if err != nil {
			if len(b) > 0 {
				t.Fatalf("%q with %v", b, err)
			}
			b, method, target = []byte("GET / HTTP/1.1\r\n"), "GET", "/"
		}
		response := AppendStatusLine(nil, status)
		line := len(b)
		var names, values []string
		for _, f := range []Field{{name1, value1}, {name2, value2}} {
			next, err := AppendField(b, f.Name, f.Value)
			if (err == nil) != (ValidToken(f.Name) && ValidFieldValue(f.Value)) {
				t.Fatalf("%q: %q: %v", f.Name, f.Value, err)
			}
			if err != nil {
				if !bytes.Equal(next, b) {
					t.Fatal("something was written")
				}
				continue
			}
			b, names, values = next, append(names, f.Name), append(values, string(trimOWS([]byte(f.Value))))
		}
		response = append(append(response, b[line:]...), "\r\n"...)
		b = append(b, "\r\n"...)
		same := func(h *head, n int, err error) {
			e := asError(t, err)
			if e != nil {
				// What is well-formed can still mean something that is refused.
				switch e {
				case errHostMissing, errHost, errHostRepeated, errLength, errLengthRepeated, errBothLengths, errCoding,
					errCodingUnknown, errChunkedLast, errChunkedTwice, errCodingStatus, errConnectBody, errHeadTooLarge:
					return
				}
				t.Fatalf("%q: %v", b, err)
			}
			if n == 0 || h.NumFields() != len(names) {
				t.Fatalf("%q: %d, %d fields", b, n, h.NumFields())
			}
			for i := range names {
				if n, v := h.Field(i); string(n) != names[i] || string(v) != values[i] {
					t.Fatalf("%q: %q became %q: %q", names[i], values[i], n, v)
				}
			}
		}
		var p Response
		n, err := p.Parse(response, nil)
		same(&p.head, n, err)
		var r Request
		n, err = r.Parse(b, &Limits{MaxTargetBytes: -1})
		same(&r.head, n, err)
		if err == nil && (string(r.Method()) != method || string(r.Target()) != target) {
			t.Fatalf("%q %q became %q %q", method, target, r.Method(), r.Target())
		}
	})
}
