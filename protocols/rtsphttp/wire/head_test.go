package wire_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/rtsphttp/wire"
)

func TestHead(t *testing.T) {
	h, err := wire.ParseHead([]byte("SETUP rtsp://h/a RTSP/1.0\r\nCSeq: 3\r\nTransport : RTP/AVP\r\nX:\r\nX: 2\r\n fold\r\n\r\nbody"))
	if err != nil {
		t.Fatal(err)
	}
	if string(h.Method()) != "SETUP" || string(h.URL()) != "rtsp://h/a" || h.Response() || string(h.Get("transport")) != "RTP/AVP" {
		t.Errorf("read as %s", h.Append(nil))
	}
	if n, ok := h.CSeq(); n != 3 || !ok {
		t.Errorf("CSeq %d, %t", n, ok)
	}
	h.SetCSeq(44)
	h.Set("transport", []byte("RTP/AVP/TCP"))
	h.Set("Authorization", []byte("Basic x"))
	if !h.Del("x") || h.Del("y") {
		t.Error("Del")
	}
	want := "SETUP rtsp://h/a RTSP/1.0\r\nCSeq: 44\r\nTransport: RTP/AVP/TCP\r\nAuthorization: Basic x\r\n\r\n"
	if got := string(h.Append(nil)); got != want {
		t.Errorf("%q; want %q", got, want)
	}
}

func TestHeadOfResponse(t *testing.T) {
	h, err := wire.ParseHead([]byte("RTSP/1.0 401 Not for you\r\nCSeq: 1\r\nFold: a\r\n b\r\n\r\n"))
	if err != nil || !h.Response() || h.Status() != 401 || string(h.First[2]) != "Not for you" || string(h.Get("fold")) != "a b" {
		t.Errorf("%v: %q", err, h.Append(nil))
	}
}

func TestBadHeads(t *testing.T) {
	for _, in := range []string{
		"", "\r\n\r\n", "OPTIONS\r\n\r\n", "OPTIONS *\r\n\r\n", "OPTIONS * HTTP/1.1\r\n\r\n", "OPTIONS  RTSP/1.0\r\n\r\n",
		"OPTIONS a b RTSP/1.0\r\n\r\n", "RTSP/1.0 OK\r\n\r\n", "RTSP/1.0 20 OK\r\n\r\n", "RTSP/1.0 099 OK\r\n\r\n", "OPTIONS * RTSP/1.0\r\nX\r\n\r\n",
		"OPTIONS * RTSP/1.0\r\n: x\r\n\r\n", "OPTIONS * RTSP/1.0\r\n fold\r\n\r\n", "OPTIONS * RTSP/1.0\r\nX: 1\r\n",
		"OPTIONS * RTSP/1.0\r\nX: a\rb\r\n\r\n", "OPTIONS * RTSP/1.0\r\nX: a\x00b\r\n\r\n", "OPTIONS a\tb RTSP/1.0\r\n\r\n",
		"OPTIONS * RTSP/1.0\r\n" + strings.Repeat("X: 1\r\n", wire.MaxFields+1) + "\r\n",
	} {
		if h, err := wire.ParseHead([]byte(in)); err != error(wire.ErrHead) {
			t.Errorf("%q: %v, %q", in, err, h.Append(nil))
		}
	}
}

func TestHasField(t *testing.T) {
	for in, want := range map[string]bool{
		"RTSP/1.0 200 OK\r\nX-Server-IP-Address: 10.0.0.1\r\n\r\n":     true,
		"RTSP/1.0 200 OK\r\nx-server-ip-address : 10.0.0.1\r\n\r\n":    true,
		"RTSP/1.0 200 OK\r\n\r\nx-server-ip-address: 10.0.0.1\r\n":     false,
		"RTSP/1.0 200 OK\r\nCSeq: 1\r\nX: x-server-ip-address\r\n\r\n": false,
	} {
		if got := wire.HasField([]byte(in), "x-server-ip-address"); got != want {
			t.Errorf("%q: %t", in, got)
		}
	}
}

func TestInterleaved(t *testing.T) {
	for _, c := range []struct {
		in, kept, rewritten string
		bad                 bool
	}{
		{"RTP/AVP/TCP;unicast;interleaved=0-1", "*", "", false},
		{"RTP/AVP;unicast;client_port=3056-3057", "", "RTP/AVP/TCP;unicast;interleaved=2-3", false},
		{"RTP/AVP/UDP;unicast;client_port=3056-3057;mode=record", "", "RTP/AVP/TCP;unicast;interleaved=2-3;mode=record", false},
		{"RTP/SAVP;multicast;mode=\"PLAY\"", "", "RTP/SAVP/TCP;unicast;interleaved=2-3;mode=\"PLAY\"", false},
		{"RTP/AVP;unicast, rtp/avp/tcp;interleaved=4-5", "rtp/avp/tcp;interleaved=4-5", "", false},
		{"RTP/AVP/TCP;a=\"x,RTP/AVP\" , RTP/AVP/TCP", "*", "", false},
		{"x-real-rdt/tcp;client_port=1", "*", "", false},
		{"", "", "", true},
		{" , ", "", "", true},
		{";unicast", "", "", true},
	} {
		kept, err := wire.Interleaved([]byte(c.in))
		want := c.kept
		if want == "*" {
			want = c.in
		}
		if string(kept) != want || (err != nil) != c.bad {
			t.Errorf("%q: %q, %v; want %q", c.in, kept, err, want)
		}
		if c.rewritten != "" {
			if got := string(wire.AppendInterleaved(nil, []byte(c.in), 2)); got != c.rewritten {
				t.Errorf("%q rewritten: %q; want %q", c.in, got, c.rewritten)
			}
		}
	}
}

func TestReplaceURLs(t *testing.T) {
	upper := func(dst []byte, u wire.URL) ([]byte, bool) {
		if string(u.Authority) != "cam:554" {
			return dst, false
		}
		return append(append(append(dst, "rtsp://gw/x"...), u.Path...), '!'), true
	}
	for in, want := range map[string]string{
		"":                                   "",
		"rtsp":                               "rtsp",
		"a=control:rtsp://cam:554/t1\r\na=x": "a=control:rtsp://gw/x/t1!\r\na=x",
		"url=rtsp://u:p@cam:554/a;seq=1,url=rtsp://cam:554?b;x": "url=rtsp://gw/x/a!;seq=1,url=rtsp://gw/x?b!;x",
		"rtsp://other/ rtsps://cam:554":                         "rtsp://other/ rtsp://gw/x!",
		"rtsp:// rtspx://cam:554/ rtsprtsp://cam:554":           "rtsp:// rtspx://cam:554/ rtsprtsp://gw/x!",
		"<rtsp://cam:554/>'":                                    "<rtsp://gw/x/!>'",
	} {
		if got := string(wire.ReplaceURLs(nil, []byte(in), upper)); got != want {
			t.Errorf("%q: %q; want %q", in, got, want)
		}
	}
}

func TestCutPrefix(t *testing.T) {
	for _, c := range []struct {
		path, prefix, rest string
		ok                 bool
	}{
		{"/cam1/live", "/cam1", "/live", true},
		{"/cam1", "/cam1", "", true},
		{"/cam1?x", "/cam1", "?x", true},
		{"/cam12", "/cam1", "2", false},
		{"/ca", "/cam1", "", false},
		{"/a", "", "/a", true},
	} {
		if rest, ok := wire.CutPrefix([]byte(c.path), c.prefix); ok != c.ok || ok && string(rest) != c.rest {
			t.Errorf("%q, %q: %q, %t", c.path, c.prefix, rest, ok)
		}
	}
}

// FuzzHead: what is written is read the same, and nothing that was read can smuggle a line in.
func FuzzHead(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte) {
		h, err := wire.ParseHead(in)
		if err != nil {
			return
		}
		out := h.Append(nil)
		again, err := wire.ParseHead(out)
		if err != nil || len(again.Fields) != len(h.Fields) {
			t.Fatalf("%q became %q: %v, %d fields of %d", in, out, err, len(again.Fields), len(h.Fields))
		}
		if twice := again.Append(nil); !bytes.Equal(twice, out) {
			t.Fatalf("%q, then %q", out, twice)
		}
		if v := h.Get("transport"); v != nil {
			wire.Interleaved(v)
			wire.AppendInterleaved(nil, v, 0)
		}
		same := func(dst []byte, u wire.URL) ([]byte, bool) { return dst, false }
		if got := wire.ReplaceURLs(nil, in, same); !bytes.Equal(got, in) {
			t.Fatalf("%q became %q", in, got)
		}
	})
}
