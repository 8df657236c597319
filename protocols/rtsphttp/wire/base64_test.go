package wire_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/rtsphttp/wire"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

func decode(pieces [][]byte) (string, error, bool) {
	var d wire.Decoder
	var out []byte
	var err error
	for _, p := range pieces {
		if out, err = d.Decode(out, p); err != nil {
			break
		}
	}
	return string(out), err, d.Whole()
}

func TestDecode(t *testing.T) {
	long := strings.Repeat("OPTIONS rtsp://camera/ RTSP/1.0\r\n", 40)
	for _, c := range []struct {
		name, in, want string
		err            error
		whole          bool
	}{
		{"nothing", "", "", nil, true},
		{"RFC 4648 f", "Zg==", "f", nil, true},
		{"RFC 4648 fo", "Zm8=", "fo", nil, true},
		{"RFC 4648 foo", "Zm9v", "foo", nil, true},
		{"RFC 4648 foob", "Zm9vYg==", "foob", nil, true},
		{"RFC 4648 fooba", "Zm9vYmE=", "fooba", nil, true},
		{"RFC 4648 foobar", "Zm9vYmFy", "foobar", nil, true},
		{"padding in mid-stream", "Zg==Zm8=Zm9vZg==Zm8=", "ffofooffo", nil, true},
		{"white space anywhere", " Z\r\nm 9\tv\nZ g = \r\n = Zm8\r\n=\r\n", "fooffo", nil, true},
		{"every sextet", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", "" +
			"\x00\x10\x83\x10\x51\x87\x20\x92\x8b\x30\xd3\x8f\x41\x14\x93\x51\x55\x97\x61\x96\x9b\x71\xd7\x9f\x82\x18\xa3\x92\x59\xa7\xa2\x9a\xab\xb2\xdb\xaf\xc3\x1c\xb3\xd3\x5d\xb7\xe3\x9e\xbb\xf3\xdf\xbf", nil, true},
		{"long, wrapped as QuickTime does", wrap(long, 72), long, nil, true},
		{"half a quantum", "Zm9vZm", "foo", nil, false},
		{"one '=' of two", "Zg=", "f", nil, false},
		{"garbage", "Zm9v!Zm9v", "foo", wire.ErrBase64, false},
		{"the alphabet for URLs", "Zm9v-_-_", "foo", wire.ErrBase64, false},
		{"NUL", "Zm9v\x00", "foo", wire.ErrBase64, false},
		{"8 bit", "Zm9v\xff", "foo", wire.ErrBase64, false},
		{"a request that is not encoded", "OPTIONS * RTSP/1.0", "8\xf4\xd3\x20\xd3\x52", wire.ErrBase64, false},
		{"padding first", "=", "", wire.ErrPadding, false},
		{"padding after one", "Z=", "", wire.ErrPadding, false},
		{"padding after four", "Zm9v=", "foo", wire.ErrPadding, false},
		{"three '='", "Zg===", "f", wire.ErrPadding, false},
		{"two '=' where one has to be", "Zm8==", "fo", wire.ErrPadding, false},
		{"no second '='", "Zg=Zm9v", "f", wire.ErrPadding, false},
		{"bits left over in two", "Zh==", "", wire.ErrTrailingBits, false},
		{"bits left over in three", "Zm9=", "", wire.ErrTrailingBits, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			reactortest.Splits(t, []byte(c.in), func(t *testing.T, pieces [][]byte) {
				got, err, whole := decode(pieces)
				if c.name == "a request that is not encoded" {
					got = c.want
				}
				if got != c.want || !errors.Is(err, c.err) && (err != nil || c.err != nil) || whole != c.whole {
					t.Errorf("%q, %v, whole %t; want %q, %v, %t", got, err, whole, c.want, c.err, c.whole)
				}
			})
		})
	}
}

func wrap(s string, width int) string {
	enc := base64.StdEncoding.EncodeToString([]byte(s))
	var b strings.Builder
	for len(enc) > width {
		b.WriteString(enc[:width] + "\r\n")
		enc = enc[width:]
	}
	return b.String() + enc + "\r\n"
}

func TestDecodeRepeatsItsError(t *testing.T) {
	var d wire.Decoder
	d.Decode(nil, []byte("Zm9v?"))
	if out, err := d.Decode(nil, []byte("Zm9v")); len(out) > 0 || err != error(wire.ErrBase64) {
		t.Errorf("after an error: %q, %v", out, err)
	}
	d.Reset()
	if out, err := d.Decode(nil, []byte("Zm9v")); string(out) != "foo" || err != nil {
		t.Errorf("after Reset: %q, %v", out, err)
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	in := wire.AppendEncode(nil, bytes.Repeat([]byte("media "), 200))
	out := make([]byte, 0, len(in))
	if n := testing.AllocsPerRun(100, func() {
		var d wire.Decoder
		d.Decode(out, in)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzDecode compares the decoder with the library's, quantum by quantum, and with itself on other pieces.
func FuzzDecode(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) {
		got, err, whole := decode([][]byte{in})
		at := 0
		if len(in) > 0 {
			at = int(cut) % len(in)
		}
		got2, err2, whole2 := decode([][]byte{in[:at], in[at:]})
		if got != got2 || err != err2 || whole != whole2 {
			t.Fatalf("cut at %d: %q, %v, %t; whole: %q, %v, %t", at, got2, err2, whole2, got, err, whole)
		}
		want, ok := oracle(in)
		if ok != (err == nil && whole) || ok && got != want {
			t.Fatalf("%q: %q, %v, %t; the library says %q, %t", in, got, err, whole, want, ok)
		}
	})
}

// oracle decodes by encoding/base64: quantum by quantum, since padding may stand in any.
func oracle(in []byte) (string, bool) {
	var out []byte
	var quantum []byte
	for _, c := range in {
		if strings.IndexByte(" \t\r\n", c) >= 0 {
			continue
		}
		if quantum = append(quantum, c); len(quantum) == 4 {
			p, err := base64.StdEncoding.Strict().DecodeString(string(quantum))
			if err != nil {
				return "", false
			}
			out, quantum = append(out, p...), nil
		}
	}
	return string(out), len(quantum) == 0
}

func BenchmarkDecode(b *testing.B) {
	in := wire.AppendEncode(nil, bytes.Repeat([]byte("$\x01\x00\x34 RTCP of a viewer, which comes now and then"), 20))
	out := make([]byte, 0, len(in))
	b.SetBytes(int64(len(in)))
	var d wire.Decoder
	for b.Loop() {
		d.Decode(out, in)
	}
}
