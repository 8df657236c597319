package wire_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/calandria-go/calandria/protocols/rtsphttp/wire"
	"github.com/calandria-go/calandria/reactor/reactortest"
)

// walk runs a framer over a stream that comes in pieces, as a handler would, and tells what it found. Pieces of media and of bodies
// are joined, since they may be cut anywhere.
func walk(f wire.Framer, pieces [][]byte) (found []string, left string, err error) {
	var carry []byte
	last := wire.More
	for _, p := range pieces {
		carry = append(carry, p...)
		for {
			kind, n, e := f.Next(carry)
			if e != nil {
				return found, string(carry), e
			}
			if kind == wire.More {
				break
			}
			text := string(carry[:n])
			carry = carry[n:]
			if kind == last && kind != wire.Message {
				found[len(found)-1] += text
			} else {
				found = append(found, kind.String()+" "+text)
			}
			last = kind
		}
	}
	return found, string(carry), nil
}

const (
	options  = "OPTIONS rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\n\r\n"
	describe = "RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"
	head     = "RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\n"
	frame    = "$\x00\x00\x05hello"
	empty    = "$\x01\x00\x00"
	binary   = "$\x02\x00\x0fRTSP/1.0 200 OK"
)

func TestFramer(t *testing.T) {
	whole, bodies, known := wire.Framer{}, wire.Framer{Bodies: true}, wire.Framer{Bodies: true, Known: true}
	small := wire.Framer{MaxHead: 64, MaxBody: 10}
	for _, c := range []struct {
		name, in string
		f        wire.Framer
		want     string // found, then what is left
		left     string
		err      error
	}{
		{"nothing", "", whole, "", "", nil},
		{"a message", options, whole, "Message " + options, "", nil},
		{"pipelined", options + options, whole, "Message " + options + "|Message " + options, "", nil},
		{"a body", describe + options, whole, "Message " + describe + "|Message " + options, "", nil},
		{"a body that comes apart", describe + options, bodies, "Message " + head + "|Body v=0\r\n|Message " + options, "", nil},
		{"media", frame + empty + binary, whole, "Media " + frame + empty + binary, "", nil},
		{
			"media among messages", options + frame + describe + binary + options, whole,
			"Message " + options + "|Media " + frame + "|Message " + describe + "|Media " + binary + "|Message " + options, "", nil,
		},
		{"half a frame", frame[:6], whole, "Media " + frame[:6], "", nil},
		{"a frame's head that is cut", frame + frame[:3], whole, "Media " + frame, frame[:3], nil},
		{"half a head", options[:20], whole, "", options[:20], nil},
		{"half a body", describe[:len(describe)-1], whole, "", describe[:len(describe)-1], nil},
		{"line feeds alone", "OPTIONS * RTSP/1.0\nCSeq: 1\n\n" + frame, whole, "Message OPTIONS * RTSP/1.0\nCSeq: 1\n\n|Media " + frame, "", nil},
		{"empty lines before a message", "\r\n\r\n" + options, whole, "Media \r\n\r\n|Message " + options, "", nil},
		{"a method of an extension", "X-CAM_DO * RTSP/1.0\r\n\r\n", whole, "Message X-CAM_DO * RTSP/1.0\r\n\r\n", "", nil},
		{
			"what a server sends", "REDIRECT rtsp://h/ RTSP/1.0\r\n\r\n" + describe, known,
			"Message REDIRECT rtsp://h/ RTSP/1.0\r\n\r\n|Message " + head + "|Body v=0\r\n", "", nil,
		},
		{"what no server sends", "DESCRIBE rtsp://h/ RTSP/1.0\r\n\r\n", known, "", "*", wire.ErrStart},
		{"text", "session 12", known, "", "*", wire.ErrStart},
		{"text behind a message", options + "hello", whole, "Message " + options, "*", wire.ErrStart},
		{"TLS", "\x16\x03\x01\x02\x00", whole, "", "*", wire.ErrStart},
		{"a word without end", strings.Repeat("A", 40), whole, "", "*", wire.ErrStart},
		{
			"two lengths that agree", "SET_PARAMETER * RTSP/1.0\r\nContent-Length: 2\r\ncontent-length : 2\r\n\r\nab", whole,
			"Message SET_PARAMETER * RTSP/1.0\r\nContent-Length: 2\r\ncontent-length : 2\r\n\r\nab", "", nil,
		},
		{"two lengths", "PLAY * RTSP/1.0\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n", whole, "", "*", wire.ErrLength},
		{"a length that is none", "PLAY * RTSP/1.0\r\nContent-Length: -1\r\n\r\n", whole, "", "*", wire.ErrLength},
		{"a length that overflows", "PLAY * RTSP/1.0\r\nContent-Length: 99999999999999999999\r\n\r\n", whole, "", "*", wire.ErrLength},
		{
			"a head at the limit", "PLAY * RTSP/1.0\r\nX: " + strings.Repeat("x", 64-24) + "\r\n\r\n", small,
			"Message PLAY * RTSP/1.0\r\nX: " + strings.Repeat("x", 64-24) + "\r\n\r\n", "", nil,
		},
		{"a head over it", "PLAY * RTSP/1.0\r\nX: " + strings.Repeat("x", 65) + "\r\n\r\n", small, "", "*", wire.ErrHeadTooLarge},
		{"a body over the limit", "PLAY * RTSP/1.0\r\nContent-Length: 11\r\n\r\n", small, "", "*", wire.ErrBodyTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			reactortest.Splits(t, []byte(c.in), func(t *testing.T, pieces [][]byte) {
				found, left, err := walk(c.f, pieces)
				if got := strings.Join(found, "|"); got != c.want || err != c.err && (err != nil || c.err != nil) {
					t.Errorf("%q, %v; want %q, %v", got, err, c.want, c.err)
				}
				if c.left != "*" && left != c.left {
					t.Errorf("left %q; want %q", left, c.left)
				}
			})
		})
	}
}

func TestFramerBoundary(t *testing.T) {
	f := wire.Framer{Bodies: true}
	for _, c := range []struct {
		in   string
		want bool
	}{{frame[:5], false}, {frame[5:], true}, {head, false}, {"v=0", false}, {"\r\n", true}, {empty, true}} {
		if _, n, err := f.Next([]byte(c.in)); n != len(c.in) || err != nil || f.Boundary() != c.want {
			t.Errorf("after %q: %d, %v, boundary %t; want %t", c.in, n, err, f.Boundary(), c.want)
		}
	}
}

func TestFramerAllocatesNothing(t *testing.T) {
	in := []byte(options + frame + describe + frame)
	if n := testing.AllocsPerRun(100, func() {
		f := wire.Framer{}
		for b := in; ; {
			kind, n, _ := f.Next(b)
			if kind == wire.More {
				break
			}
			b = b[n:]
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// A peer that sends a head byte by byte costs the work for its bytes, not the square of it.
func TestFramerLooksAtAHeadOnce(t *testing.T) {
	in := []byte("OPTIONS * RTSP/1.0\r\nX: " + strings.Repeat("x", 16000))
	f := wire.Framer{}
	for i := 1; i <= len(in); i++ {
		if kind, n, err := f.Next(in[:i]); kind != wire.More || n != 0 || err != nil {
			t.Fatalf("at %d: %v, %d, %v", i, kind, n, err)
		}
	}
}

func FuzzFramer(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte, cut uint16, bodies, known bool) {
		fr := wire.Framer{MaxHead: 256, MaxBody: 64, Bodies: bodies, Known: known}
		at := 0
		if len(in) > 0 {
			at = int(cut) % len(in)
		}
		a, left, err := walk(fr, [][]byte{in})
		b, left2, err2 := walk(fr, [][]byte{in[:at], in[at:]})
		if fmt.Sprint(a) != fmt.Sprint(b) || err != err2 || err == nil && left != left2 {
			t.Fatalf("cut at %d: %q, %q, %v; whole: %q, %q, %v", at, b, left2, err2, a, left, err)
		}
		if err == nil {
			total := len(left)
			for _, s := range a {
				_, text, _ := strings.Cut(s, " ")
				total += len(text)
			}
			if total != len(in) {
				t.Fatalf("%d bytes of %d", total, len(in))
			}
		}
	})
}

func BenchmarkFramer(b *testing.B) {
	in := []byte(strings.Repeat("$\x00\x05\x74"+strings.Repeat("m", 0x574), 46))
	b.SetBytes(int64(len(in)))
	f := wire.Framer{Bodies: true, Known: true}
	for b.Loop() {
		if _, n, err := f.Next(in); n != len(in) || err != nil {
			b.Fatal(n, err)
		}
	}
}
