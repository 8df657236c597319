package wire

import (
	"fmt"
	"strings"
	"testing"
)

func wantChunked(t *testing.T, body, want string) {
	t.Helper()
	got := splitChunked(t, []byte(body), nil)
	if got.err != nil {
		if got.err.Reason != want {
			t.Errorf("%.80q: %v, want %s", body, got, want)
		}
		return
	}
	if got.what != want {
		t.Errorf("%.80q: %s, want %s", body, got.what, want)
	}
}

func TestChunked(t *testing.T) {
	for _, c := range []struct{ section, body, want string }{
		{"9112 7.1", "0\r\n\r\n", `""`},
		{"9112 7.1", "5\r\nhello\r\n0\r\n\r\n", `"hello"`},
		{"9112 7.1", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", `"hello world"`},
		{"9112 7.1", "a\r\n0123456789\r\n0\r\n\r\n", `"0123456789"`},
		{"9112 7.1", "A\r\n0123456789\r\n0\r\n\r\n", `"0123456789"`},
		{"9112 7.1", "0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", `"hello"`},
		{"9112 7.1", "4\r\n\r\n\r\n\r\n0\r\n\r\n", `"\r\n\r\n"`},
		{"9112 7.1", "1\r\n0\r\n0\r\n\r\n", `"0"`},
		{"9112 7.1", "", `more after ""`},
		{"9112 7.1", "5\r\nhel", `more after "hel"`},
		{"9112 7.1", "5\r\nhello", `more after "hello"`},
		{"9112 7.1", "5\r\nhello\r\n0\r\n", `more after "hello"`},
		{"9112 7.1", "5\r\nhello\r\n0\r\n\r", `more after "hello"`},
		{"9112 7.1", "7fffffffffffffff\r\nx", `more after "x"`},

		{"9112 7.1", "\r\n", "bad_chunk_size"},
		{"9112 7.1", "g\r\n", "bad_chunk_size"},
		{"9112 7.1", "5g\r\n", "bad_chunk_size"},
		{"9112 7.1", "-1\r\n", "bad_chunk_size"},
		{"9112 7.1", "+5\r\nhello\r\n", "bad_chunk_size"},
		{"9112 7.1", "0x5\r\nhello\r\n", "bad_chunk_size"},
		{"9112 7.1", "0X5\r\nhello\r\n", "bad_chunk_size"},
		{"9112 7.1", "5_0\r\n", "bad_chunk_size"},
		{"9112 7.1", "5,\r\n", "bad_chunk_size"},
		{"9112 7.1", "5.0\r\n", "bad_chunk_size"},
		{"9112 7.1", "5\x00\r\n", "bad_chunk_size"},
		{"9112 7.1", "\x005\r\n", "bad_chunk_size"},
		{"9112 7.1", "5\x0b\r\n", "bad_chunk_size"},
		{"9112 7.1", "\xef\xbc\x95\r\n", "bad_chunk_size"},
		{"9112 7.1", ";a\r\n", "bad_chunk_size"},
		{"9112 7.1", " 5\r\nhello\r\n", "chunk_space"},
		{"9112 7.1", "5 \r\nhello\r\n", "chunk_space"},
		{"9112 7.1", "5\t\r\nhello\r\n", "chunk_space"},
		{"9112 7.1", "\t5\r\nhello\r\n", "chunk_space"},
		{"9112 7.1", "00000000000000005\r\nhello\r\n", "chunk_size_too_long"},
		{"9112 7.1", "00000000000000000\r\n\r\n", "chunk_size_too_long"},
		{"9112 7.1", "10000000000000000\r\n", "chunk_size_too_long"},
		{"9112 7.1", "8000000000000000\r\n", "chunk_size_overflow"},
		{"9112 7.1", "ffffffffffffffff\r\n", "chunk_size_overflow"},
		{"9112 7.1", "FFFFFFFFFFFFFFFE\r\n", "chunk_size_overflow"},

		{"9112 7.1", "5\r\nhelloX", "bad_chunk_end"},
		{"9112 7.1", "5\r\nhello0\r\n\r\n", "bad_chunk_end"},
		{"9112 7.1", "5\r\nhello\n0\r\n\r\n", "bad_chunk_end"},
		{"9112 7.1", "5\r\nhello\r0\r\n\r\n", "bad_chunk_end"},
		{"9112 7.1", "5\r\nhello\r\r\n0\r\n\r\n", "bad_chunk_end"},
		{"9112 7.1", "5\r\nhello\r\n\r\n0\r\n\r\n", "bad_chunk_size"}, // golang/go#65244
		{"9112 7.1", "5\r\nhello world\r\n", "bad_chunk_end"},
	} {
		wantChunked(t, c.body, c.want)
		if !strings.HasPrefix(c.want, "more") && strings.HasPrefix(c.want, `"`) {
			// Nothing beyond the body is taken, whatever it is.
			for _, rest := range []string{"\r\n", "0\r\n\r\n", "\n", "GET / HTTP/1.1\r\n\r\n"} {
				got := splitChunked(t, []byte(c.body+rest), nil)
				if want := fmt.Sprintf("%d bytes: %s", len(c.body), c.want); got.String() != want {
					t.Errorf("%q and %q: %v, want %s", c.body, rest, got, want)
				}
			}
		}
	}
}

// TestChunkBareLF: CVE-2025-22871. CRLF only, everywhere.
func TestChunkBareLF(t *testing.T) {
	for body, want := range map[string]string{
		"5\nhello\r\n0\r\n\r\n":              "bare_lf",
		"5;a\nhello\r\n0\r\n\r\n":            "bare_lf",
		"5;a=b\nhello\r\n0\r\n\r\n":          "bare_lf",
		"5;a=\"\n\"\r\nhello\r\n0\r\n\r\n":   "bare_lf",
		"5;a=\"\\\n\"\r\nhello\r\n0\r\n":     "bare_lf",
		"\n":                                 "bare_lf",
		"5;\nhello":                          "bare_lf",
		"5\r\nhello\n0\r\n\r\n":              "bad_chunk_end",
		"5\r\nhello\r\n0\n\r\n":              "bare_lf",
		"5\r\nhello\r\n0\r\n\n":              "bare_lf",
		"5\r\nhello\r\n0\r\nA: b\n\r\n":      "bare_lf",
		"5\r\nhello\r\n0\r\nA: b\r\n\n":      "bare_lf",
		"5\r\rhello\r\n0\r\n\r\n":            "bare_cr",
		"5;a\rb\r\nhello\r\n":                "bare_cr",
		"5\rhello\r\n0\r\n\r\n":              "bare_cr",
		"5;a=\"\r\"\r\nhello\r\n0\r\n\r\n":   "bad_chunk_ext",
		"5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n": "bad_chunk_ext",
		"0\r\n\rX":                           "bare_cr",
		"0\r\nA: b\rc\r\n\r\n":               "bare_cr",
		"0\r\nA: b\r\n\r\r\n":                "bare_cr",
	} {
		wantChunked(t, body, want)
	}
}

// TestChunkExt: RFC 9112 7.1.1, CVE-2025-55315. Valid extensions are dropped,
// all others refused.
func TestChunkExt(t *testing.T) {
	for ext, want := range map[string]string{
		";a":                               "",
		";a=b":                             "",
		";a=\"b\"":                         "",
		";a=\"\"":                          "",
		";a=\";=, \t\x80\xff\"":            "",
		";a=\"\\\"\\\\\"":                  "",
		";a;b=c;d=\"e\";f":                 "",
		";a=\"b\";c":                       "",
		";" + strings.Repeat("a", 255):     "",
		";" + strings.Repeat("a", 256):     "chunk_ext_too_long",
		strings.Repeat(";a=b", 64):         "",
		strings.Repeat(";a=b", 64) + ";":   "chunk_ext_too_long",
		";a=\"" + strings.Repeat("a", 300): "chunk_ext_too_long",
		";":                                "bad_chunk_ext",
		";;":                               "bad_chunk_ext",
		";a;":                              "bad_chunk_ext",
		";=":                               "bad_chunk_ext",
		";=b":                              "bad_chunk_ext",
		";a=":                              "bad_chunk_ext",
		";a=;b":                            "bad_chunk_ext",
		";a==b":                            "bad_chunk_ext",
		";a=b=c":                           "bad_chunk_ext",
		";a=b\"c\"":                        "bad_chunk_ext",
		";a=\"b\"c":                        "bad_chunk_ext",
		";a=\"b\"\"c\"":                    "bad_chunk_ext",
		";a=\"b":                           "bad_chunk_ext",
		";a=\"b\\\"":                       "bad_chunk_ext",
		";\"a\"":                           "bad_chunk_ext",
		";\"a\"=b":                         "bad_chunk_ext",
		";a\x00":                           "bad_chunk_ext",
		";a=\x00":                          "bad_chunk_ext",
		";a=\"\x00\"":                      "bad_chunk_ext",
		";a=\"\\\x00\"":                    "bad_chunk_ext",
		";a=\"\x7f\"":                      "bad_chunk_ext",
		";a=\x80":                          "bad_chunk_ext",
		";a,b":                             "bad_chunk_ext",
		";a/b":                             "bad_chunk_ext",
		"\x0b;a":                           "bad_chunk_size",
		" ;a":                              "chunk_space",
		"\t;a":                             "chunk_space",
		"; a":                              "chunk_space",
		";a ":                              "chunk_space",
		";a =b":                            "chunk_space",
		";a= b":                            "chunk_space",
		";a=b ":                            "chunk_space",
		";a=\"b\" ":                        "chunk_space",
		";a=b ;c":                          "chunk_space",
	} {
		if want == "" {
			want = `"hello"`
		}
		wantChunked(t, "5"+ext+"\r\nhello\r\n0"+ext+"\r\n\r\n", want)
	}
}

// TestChunkOverhead: CVE-2023-39326. The size lines may not outweigh the data.
func TestChunkOverhead(t *testing.T) {
	chunk := func(ext int) string {
		if ext == 0 {
			return "1\r\nx\r\n"
		}
		return "1;" + strings.Repeat("e", ext-1) + "\r\nx\r\n"
	}
	var c Chunked
	run := func(b string, lim *Limits) outcome {
		return chunkedOutcome(t, &c, []byte(b), []int{len(b)}, lim)
	}
	// Each one-byte chunk is allowed 18 bytes for its line, without end.
	for _, ext := range []int{0, 15} {
		if got := run(strings.Repeat(chunk(ext), 100000)+"0\r\n\r\n", nil); got.err != nil {
			t.Errorf("%d bytes of extensions: %v", ext, got.err)
		}
	}
	// One more byte each, and 16 KiB of them are the end.
	body := strings.Repeat(chunk(16), maxExcess)
	if got := run(body+"0\r\n\r\n", nil); got.err != nil {
		t.Error(got.err)
	}
	if got := run(body+chunk(16), nil); got.err != errChunkOverhead {
		t.Errorf("%.50v", got)
	}
	// The attack: 256 bytes for each one. 16 KiB over is 68 chunks.
	if got := run(strings.Repeat(chunk(256), 67), nil); got.err != nil {
		t.Error(got.err)
	}
	got := splitChunked(t, []byte(strings.Repeat(chunk(256), 70)), nil)
	if got.err != errChunkOverhead {
		t.Errorf("%.50v", got)
	}
	// No limit on extensions does not lift it, and it is seen before the line ends.
	long := "1;" + strings.Repeat("e", 2*maxExcess)
	if got := run(long, &Limits{MaxChunkExtBytes: -1}); got.err != errChunkOverhead {
		t.Errorf("%.50v", got)
	}
	// Data pays it back, but earns nothing in advance.
	kb := "400\r\n" + strings.Repeat("x", 1024) + "\r\n"
	body = strings.Repeat(strings.Repeat(chunk(256), 8)+kb, 50)
	if got := run(body+"0\r\n\r\n", nil); got.err != nil {
		t.Error(got.err)
	}
	if got := run(strings.Repeat(kb, 100)+strings.Repeat(chunk(256), 70), nil); got.err != errChunkOverhead {
		t.Errorf("%.50v", got)
	}
}

// TestTrailers: RFC 9112 7.1.2, RFC 9110 6.5.
func TestTrailers(t *testing.T) {
	for _, c := range []struct{ trailer, want string }{
		{"A: b\r\n", `"x" A="b"`},
		{"A:b\r\nC: \t d e \r\nA: f\r\n", `"x" A="b" C="d e" A="f"`},
		{"A:\r\n", `"x" A=""`},
		{"Digest: \x80\xff\r\n", `"x" Digest="\x80\xff"`},
		{"A: " + strings.Repeat("b", 5000) + "\r\n", `"x" A="` + strings.Repeat("b", 5000) + `"`},
		{strings.Repeat("A: b\r\n", 64), `"x"` + strings.Repeat(` A="b"`, 64)},
		{strings.Repeat("A: b\r\n", 65), "too_many_trailers"},
		{"A: " + strings.Repeat("b", 8<<10-len("A: \r\n\r\n")) + "\r\n", `"x" A="` + strings.Repeat("b", 8<<10-7) + `"`},
		{"A: " + strings.Repeat("b", 8<<10-len("A: \r\n\r\n")+1) + "\r\n", "trailer_too_large"},
		{strings.Repeat("A: "+strings.Repeat("b", 200)+"\r\n", 60), "trailer_too_large"},

		{"Content-Length: 5\r\n", "forbidden_trailer"},
		{"A: b\r\ncontent-length: 5\r\n", "forbidden_trailer"},
		{"Transfer-Encoding: chunked\r\n", "forbidden_trailer"},
		{"Host: evil\r\n", "forbidden_trailer"},
		{"Authorization: x\r\nCookie: a\r\nA: b\r\n", `"x" A="b"`},
		{"content-type: text/html\r\nTrailer: A\r\nTE: trailers\r\nConnection: close\r\n", `"x"`},
		{"If-Match: x\r\nContent-Encoding: gzip\r\nX-Forwarded-For: 1.2.3.4\r\n", `"x"`},
		{"Authentication-Info: x\r\nServer-Timing: y\r\nETag: z\r\n", `"x" Authentication-Info="x" Server-Timing="y" ETag="z"`},

		{" A: b\r\n", "space_before_field"},
		{"A: b\r\n c\r\n", "obs_fold"},
		{"A : b\r\n", "space_before_colon"},
		{"A\r\n", "missing_colon"},
		{": b\r\n", "empty_field_name"},
		{"A: \x00\r\n", "ctl_in_value"},
		{"A\x00: b\r\n", "bad_field_name"},
		{"GET / HTTP/1.1\r\n", "space_before_colon"},
		{"A: b\n", "bare_lf"},
	} {
		wantChunked(t, "1\r\nx\r\n0\r\n"+c.trailer+"\r\n", c.want)
	}
	// Every field of the list is dropped or refused, in any letter case.
	for _, name := range notTrailers {
		for _, name := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
			got := splitChunked(t, []byte("0\r\n"+name+": 1\r\n\r\n"), nil)
			if got.err != errTrailer && got.what != `""` {
				t.Errorf("%s: %v", name, got)
			}
		}
	}
	// Returned trailers are copies.
	var c Chunked
	b := []byte("0\r\nA: b\r\n\r\n")
	c.Next(b, nil)
	got := c.Trailers()
	clear(b)
	c.Reset()
	if len(got) != 1 || got[0] != (Field{"A", "b"}) || c.Trailers() != nil {
		t.Error(got)
	}
}
