package wire

import (
	"bytes"
	"testing"
)

// FuzzDecoder: the verdict and the messages do not depend on the cuts, text is UTF-8, and no message is over the limit. The
// first byte of the input chooses the role and the compression.
func FuzzDecoder(f *testing.F) {
	for _, c := range utf8Cases {
		f.Add(append([]byte{0}, frame(Server, 0x81, c.text)...))
	}
	f.Add(append([]byte{7}, frames(Client, 0x41, "\xf2\x48\xcd", 0x89, "p", 0x80, "\xc9\xc9\x07\x00", 0x88, "\x03\xe8")...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 || len(b) > 400 {
			return
		}
		s := setup{
			role: Role(b[0] & 1), deflate: b[0]&2 != 0, takeover: b[0]&4 != 0, bits: 8 + int(b[0]>>4&7),
			lim: &Limits{MaxMessage: 2000, MaxFrame: 300, MaxSmallFragments: 8},
		}
		got := playAll(t, s, b[1:])
		for _, m := range got.msgs {
			if len(m) > 2000 {
				t.Fatalf("%d bytes", len(m))
			}
		}
	})
}

// FuzzRoundTrip: decode(encode(x)) is x, in both roles, with every window, in two fragments or one, cut anywhere.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("Hello"), byte(0), uint16(3))
	f.Add(bytes.Repeat([]byte("abcdefgh"), 100), byte(0xff), uint16(70))
	f.Fuzz(func(t *testing.T, p []byte, how byte, cut uint16) {
		from, bits, takeover := Role(how&1), 8+int(how>>4&7), how&2 != 0
		var d *Deflater
		if how&4 != 0 {
			d = NewDeflater(bits, takeover)
		}
		in := AppendMessage(nil, from, Binary, p, d)
		in = AppendControl(in, from, Ping, p)
		in = AppendFrame(in, from, Binary, false, p[:len(p)/2])
		in = AppendFrame(in, from, Continuation, true, p[len(p)/2:])
		in = AppendMessage(in, from, Binary, p, d)
		s := setup{role: 1 - from, deflate: true, bits: bits, takeover: takeover, lim: &Limits{MaxMessage: -1}}
		got := play(t, s, in, int(cut)%len(in))
		if got.err != nil || len(got.msgs) != 3 || len(got.lines) != 4 {
			t.Fatal(got)
		}
		for _, m := range got.msgs {
			if !bytes.Equal(m, p) {
				t.Fatalf("%x became %x", p, m)
			}
		}
	})
}

// FuzzInflate compares with compress/flate, in pieces.
func FuzzInflate(f *testing.F) {
	for _, p := range samples() {
		f.Add(stdDeflate(f, 6, nil, p[:min(len(p), 500)]), byte(3))
	}
	f.Add(match(1), byte(0))
	f.Fuzz(func(t *testing.T, b []byte, piece byte) { inflateBoth(t, b, 1+int(piece)) })
}

// FuzzExtensions: what is parsed can be written and parsed again; an answer to it is one that a client can read; a client
// never takes a bad one.
func FuzzExtensions(f *testing.F) {
	f.Add("permessage-deflate; client_max_window_bits; server_max_window_bits=\"10\"")
	f.Add("foo;a=\"b\\c\" , ,permessage-deflate")
	f.Fuzz(func(t *testing.T, value string) {
		list, ok := ParseExtensions(value)
		var again string
		for i, e := range list {
			if i > 0 {
				again += ","
			}
			again += e.Name
			for _, p := range e.Params {
				if again += ";" + p.Name; p.Has {
					again += "=" + p.Value
				}
			}
		}
		if ok && describe(again) != describe(value) {
			t.Fatalf("%q became %q", value, again)
		}
		want := Deflate{ServerMaxWindowBits: 11, ClientMaxWindowBits: 12}
		agreed, answer, ok := want.Accept([]string{value})
		if ok {
			p, fine := readParams(mustParse(t, answer)[0])
			if !fine || agreed.ServerMaxWindowBits > 11 || agreed.ServerMaxWindowBits < 8 || p.hasClientBits && p.clientBits == 0 {
				t.Fatalf("%q: %q, %+v", value, answer, agreed)
			}
		}
		agreed, ok, err := Deflate{}.Confirm([]string{value})
		if ok && (err != nil || agreed.ServerMaxWindowBits < 8 || agreed.ClientMaxWindowBits > 15) {
			t.Fatalf("%q: %+v, %v", value, agreed, err)
		}
	})
}

func mustParse(t *testing.T, value string) []Extension {
	list, ok := ParseExtensions(value)
	if !ok {
		t.Fatalf("%q is malformed", value)
	}
	return list
}
