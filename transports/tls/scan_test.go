package tls

import (
	"bytes"
	ctls "crypto/tls"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/calandria-go/calandria/reactor/reactortest"
)

// recorded is a net.Conn that keeps what is written and has nothing to read.
type recorded struct {
	net.Conn
	buf bytes.Buffer
}

func (r *recorded) Read([]byte) (int, error)    { return 0, io.EOF }
func (r *recorded) Write(p []byte) (int, error) { return r.buf.Write(p) }
func (r *recorded) Close() error                { return nil }

// helloOf is a ClientHello of crypto/tls, cut into records of so many bytes.
func helloOf(piece int) []byte {
	r := &recorded{}
	ctls.Client(r, &ctls.Config{ServerName: "localhost"}).Handshake()
	body := r.buf.Bytes()[recordHeader:]
	var out []byte
	for len(body) > 0 {
		n := min(piece, len(body))
		out = append(out, recordHandshake, 3, 1, byte(n>>8), byte(n))
		out = append(out, body[:n]...)
		body = body[n:]
	}
	return out
}

// fed is a scan that sees its input in parts, as OnData does.
func fed(parts [][]byte, limit int) (s scan, whole int, err error) {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
		done, err := s.next(all, limit)
		if err != nil {
			return s, 0, err
		}
		if done {
			return s, s.at, nil
		}
	}
	return s, 0, nil
}

// Wherever the input is cut, the end of the message is found when its last byte is there, and not before.
func TestScanSplits(t *testing.T) {
	for _, piece := range []int{1, 3, 4, 5, 100, 1 << 14} {
		in := helloOf(piece)
		reactortest.Splits(t, in, func(t *testing.T, parts [][]byte) {
			if _, whole, err := fed(parts, defaultHello); err != nil || whole != len(in) {
				t.Errorf("records of %d bytes: end at %d of %d, %v", piece, whole, len(in), err)
			}
		})
		if _, whole, err := fed([][]byte{in[:len(in)-1]}, defaultHello); err != nil || whole != 0 {
			t.Errorf("records of %d bytes: done without the last byte: %d, %v", piece, whole, err)
		}
		if _, _, err := fed([][]byte{in}, len(in)-1); !errors.Is(err, ErrHelloTooLarge) {
			t.Errorf("records of %d bytes, over the limit: %v", piece, err)
		}
	}
}

func TestSniff(t *testing.T) {
	for _, c := range []struct {
		in   string
		want kind
	}{
		{"", kindMore},
		{"\x16", kindTLS},
		{"\x16\x09", kindTLS}, // the scan refuses it
		{"G", kindMore},
		{"GE", kindMore},
		{"GET", kindMore},
		{"GET ", kindHTTP},
		{"GET /", kindHTTP},
		{"GEX", kindOther},
		{"P", kindMore},
		{"PO", kindMore},
		{"POST ", kindHTTP},
		{"PUT ", kindHTTP},
		{"PRI * HTTP/2.0", kindOther},
		{"get /", kindOther},
		{"\r\n", kindOther},
		{" ", kindOther},
		{"\x15\x03", kindOther},
		{"\x00", kindOther},
		{"\x80", kindMore},
		{"\x80\x2e", kindMore},
		{"\x80\x2e\x01", kindMore},
		{"\x80\x2e\x01\x03", kindSSLv2},
		{"\x80\x2e\x01\x00\x02", kindSSLv2},
		{"\x80\x2e\x02", kindOther},
		{"\x80\x2e\x01\x04", kindOther},
		{"\xff\xff\xff", kindOther},
	} {
		if got := sniff([]byte(c.in)); got != c.want {
			t.Errorf("%q: %d, want %d", c.in, got, c.want)
		}
	}
}

// FuzzScan: no input makes it panic, go back, or find an end beyond what it saw; and how the input is cut does not matter.
func FuzzScan(f *testing.F) {
	f.Add(helloOf(1<<14), 7)
	f.Add(helloOf(50), 100)
	f.Add([]byte("\x16\x03\x01\x00\x04\x01\x00\x00\x00"), 3)
	f.Add([]byte("\x16\x03\x01\x00\x01\x01\x16\x03\x01\x00\x03\xff\xff\xff"), 6)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		sniff(in)
		const limit = 4096
		_, one, err1 := fed([][]byte{in}, limit)
		if one > len(in) || one < 0 {
			t.Fatalf("end at %d of %d", one, len(in))
		}
		if len(in) == 0 {
			return
		}
		cut = int(uint(cut) % uint(len(in)))
		_, two, err2 := fed([][]byte{in[:cut], in[cut:]}, limit)
		if one != two && len(in) <= limit || err1 == nil && err2 != nil || err1 != nil && err2 == nil && two == 0 {
			t.Fatalf("in one piece %d, %v; cut at %d %d, %v", one, err1, cut, two, err2)
		}
	})
}

// account never takes more than a record's rest, in whatever pieces it sees the records.
func TestAccount(t *testing.T) {
	var in []byte
	var ends []int
	for _, n := range []int{0, 1, 5, 300, 0, 0, 1 << 14, 2} {
		in = append(in, recordData, 3, 3, byte(n>>8), byte(n))
		in = append(in, make([]byte, n)...)
		ends = append(ends, len(in))
	}
	for _, piece := range []int{1, 2, 5, 7, 512, 1 << 20} {
		w := &wire{}
		var got []int
		for at := 0; at < len(in); {
			k := w.account(in[at:min(len(in), at+piece)])
			if k == 0 {
				t.Fatalf("pieces of %d: stuck at %d", piece, at)
			}
			if at += k; w.headed == 0 {
				got = append(got, at)
			}
		}
		if len(got) != len(ends) {
			t.Fatalf("pieces of %d: %v, want %v", piece, got, ends)
		}
		for i := range got {
			if got[i] != ends[i] {
				t.Fatalf("pieces of %d: %v, want %v", piece, got, ends)
			}
		}
	}
}

func TestPieceFor(t *testing.T) {
	for _, c := range []struct {
		n    int
		want uint16
	}{{4, 4}, {507, 507}, {508, 254}, {1510, 378}, {1 << 16, 256}} {
		if got := pieceFor(c.n); got != c.want {
			t.Errorf("%d: %d, want %d", c.n, got, c.want)
		}
	}
}
