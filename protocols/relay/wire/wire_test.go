package wire

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func samples() map[string][]byte {
	open := &Open{Kind: KindTCP, Window: 1 << 18, Service: []byte("web"), Address: []byte("192.0.2.1:4711")}
	return map[string][]byte{
		"HELLO": AppendHello(nil, FlagResumed, &Hello{
			Version: Version, Role: RoleAgent, LinkWindow: 1 << 26, MaxStreams: 100, KeepAlive: 15000,
			Resume: 30000, Token: Token{1, 2, 3}, ID: []byte("agent-1"),
		}),
		"OPEN":         AppendOpen(nil, 1, FlagEncrypted, open),
		"OPEN_OK":      AppendOpenOK(nil, 1, 1<<18),
		"OPEN_ERR":     AppendCode(nil, TypeOpenErr, 0, 3, CodeUnreachable, "connection refused"),
		"DATA":         append(AppendData(nil, 5), "hello"...),
		"WINDOW":       AppendWindow(nil, 7, 100, 100+1<<18),
		"WINDOW link":  AppendWindow(nil, 0, 100, 100+1<<26),
		"WINDOW end":   AppendWindow(nil, 7, 101, 100),
		"FIN":          AppendFin(nil, 9, 12345),
		"RST":          AppendCode(nil, TypeRst, FlagStop, 9, CodeNone, ""),
		"PING":         AppendPing(nil, TypePing, 1<<60),
		"PONG":         AppendPing(nil, TypePong, 1<<60),
		"GOAWAY":       AppendGoAway(nil, 9, CodeShutdown, "bye"),
		"OFFER":        AppendOffer(nil, 1, &Open{Kind: KindUDP, Service: []byte("dns"), Address: []byte(":53")}),
		"OFFERED":      AppendCode(nil, TypeOffered, 0, 1, CodeNone, "tcp://127.0.0.1:9000"),
		"WITHDRAW":     AppendWithdraw(nil, 1),
		"SYNC":         AppendSync(nil, 11, FlagFin|FlagAnswered, Credit{Received: 10, Consumed: 11, Limit: 1 << 18}),
		"SYNC's end":   AppendSyncEnd(nil, 13),
		"DATA largest": append(AppendData(nil, 5), make([]byte, MaxData)...),
	}
}

// again encodes what was parsed.
func again(f *Frame) []byte {
	switch f.Type {
	case TypeHello:
		return AppendHello(nil, f.Flags, &f.Hello)
	case TypeOpen:
		return AppendOpen(nil, f.Stream, f.Flags, &f.Open)
	case TypeOpenOK:
		return AppendOpenOK(nil, f.Stream, f.Window)
	case TypeOpenErr, TypeRst, TypeOffered:
		return AppendCode(nil, f.Type, f.Flags, f.Stream, f.Code, string(f.Text))
	case TypeGoAway:
		return AppendGoAway(nil, f.Last, f.Code, string(f.Text))
	case TypeData:
		return append(AppendData(nil, f.Stream), f.Data...)
	case TypeWindow:
		return AppendWindow(nil, f.Stream, f.Credit.Consumed, f.Credit.Limit)
	case TypeFin:
		return AppendFin(nil, f.Stream, f.Offset)
	case TypePing, TypePong:
		return AppendPing(nil, f.Type, f.Ping)
	case TypeOffer:
		return AppendOffer(nil, f.Stream, &f.Open)
	case TypeWithdraw:
		return AppendWithdraw(nil, f.Stream)
	case TypeSync:
		if f.Stream == 0 {
			return AppendSyncEnd(nil, f.Last)
		}
		return AppendSync(nil, f.Stream, f.Flags, f.Credit)
	}
	return nil
}

// TestRoundTrip: what is appended is parsed, to the same bytes again, and named as in the specification.
func TestRoundTrip(t *testing.T) {
	for name, b := range samples() {
		f, err := Parse(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := again(&f); !bytes.Equal(got, b) {
			t.Errorf("%s: %x again is %x", name, b, got)
		}
		if !strings.HasPrefix(name, f.Type.String()) {
			t.Errorf("%s is called %v", name, f.Type)
		}
	}
}

// TestCutAndLengthened: every frame that ends early is refused, and so is every one with a byte more, unless its end is free.
func TestCutAndLengthened(t *testing.T) {
	free := map[Type]bool{TypeData: true, TypeOpenErr: true, TypeRst: true, TypeGoAway: true, TypeOffered: true}
	for name, b := range samples() {
		for n := range b {
			f, err := Parse(b[:n])
			if err != nil {
				continue
			}
			if !free[f.Type] || n < HeaderSize {
				t.Errorf("%s: %d of %d bytes are taken", name, n, len(b))
			}
		}
		if f, _ := Parse(b); !free[f.Type] {
			if _, err := Parse(append(b[:len(b):len(b)], 0)); !errors.Is(err, errLong) {
				t.Errorf("%s with a byte more: %v", name, err)
			}
		}
	}
}

func TestMalformed(t *testing.T) {
	hello := samples()["HELLO"]
	with := func(b []byte, at int, v ...byte) []byte {
		c := append([]byte(nil), b...)
		copy(c[at:], v)
		return c
	}
	open := func(service, address string) []byte {
		return AppendOpen(nil, 1, 0, &Open{Kind: KindTCP, Service: []byte(service), Address: []byte(address)})
	}
	for _, c := range []struct {
		name string
		b    []byte
		want *Error
	}{
		{"nothing", nil, errShort},
		{"type 0", with(samples()["PING"], 0, 0), errType},
		{"type 16", with(samples()["PING"], 0, 16), errType},
		{"flags of PING", with(samples()["PING"], 1, 1), errFlags},
		{"flags of DATA", with(samples()["DATA"], 1, 1), errFlags},
		{"flags of SYNC's end", with(samples()["SYNC's end"], 1, 1), errFlags},
		{"stream of PING", with(samples()["PING"], 5, 1), errStream},
		{"stream of HELLO", with(hello, 5, 1), errStream},
		{"DATA of no stream", with(samples()["DATA"], 2, 0, 0, 0, 0), errNoStream},
		{"OPEN of no stream", with(samples()["OPEN"], 2, 0, 0, 0, 0), errNoStream},
		{"magic", with(hello, HeaderSize, 'X'), errMagic},
		{"version", with(hello, HeaderSize+4, 2), errVersion},
		{"role 0", with(hello, HeaderSize+5, 0), errRole},
		{"role 4", with(hello, HeaderSize+5, 4), errRole},
		{"link window", with(hello, HeaderSize+8, 0xff), errWindow},
		{"agent's name", with(hello, HeaderSize+helloSize+1, '/'), errName},
		{"kind 0", with(samples()["OPEN"], HeaderSize, 0), errKind},
		{"kind 4", with(samples()["OFFER"], HeaderSize, 4), errKind},
		{"window of OPEN", with(samples()["OPEN"], HeaderSize+1, 0xff), errWindow},
		{"window of OPEN_OK", with(samples()["OPEN_OK"], HeaderSize, 0xff), errWindow},
		{"no service", open("", "x"), errName},
		{"path as a service", open("../x", "x"), errName},
		{"long service", open(strings.Repeat("x", 65), "x"), errName},
		{"line break in an address", open("x", "1.2.3.4:1\r\nX: y"), errAddress},
		{"empty DATA", AppendData(nil, 1), errEmpty},
		{"large DATA", append(AppendData(nil, 1), make([]byte, MaxData+1)...), errTooLarge},
		{"limit below consumed", AppendWindow(nil, 1, 100, 98), errWindow},
		{"limit far ahead", AppendWindow(nil, 1, 0, MaxWindow+1), errWindow},
		{"consumed beyond received", AppendSync(nil, 1, 0, Credit{Received: 1, Consumed: 3, Limit: 10}), errWindow},
		{"received beyond limit", AppendSync(nil, 1, 0, Credit{Received: 11, Consumed: 3, Limit: 10}), errWindow},
		{"control in a text", append(AppendCode(nil, TypeRst, 0, 1, 1, ""), '\n'), errText},
		{"no UTF-8 in a text", append(AppendCode(nil, TypeRst, 0, 1, 1, ""), 0xff), errText},
		{"long text", append(AppendCode(nil, TypeRst, 0, 1, 1, ""), make([]byte, MaxText+1)...), errText},
	} {
		f, err := Parse(c.b)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v; want %v", c.name, err, c.want)
		}
		if f.Open.Service != nil || f.Data != nil {
			t.Errorf("%s: a frame with an error has a body", c.name)
		}
	}
}

// TestText: what is appended as a text is always one that is taken.
func TestText(t *testing.T) {
	for _, s := range []string{"", "ok", "a\r\nb\x00c", "\xff\xfe", strings.Repeat("ä", 300), strings.Repeat("x", MaxText)} {
		f, err := Parse(AppendCode(nil, TypeRst, 0, 1, CodeInternal, s))
		if err != nil || len(f.Text) > MaxText {
			t.Errorf("%q: %q, %v", s, f.Text, err)
		}
	}
	if f, _ := Parse(AppendCode(nil, TypeRst, 0, 1, 999, "")); f.Code != CodeInternal {
		t.Errorf("an unknown code is %v", f.Code)
	}
}

func TestParseAllocatesNothing(t *testing.T) {
	for name, b := range samples() {
		if n := testing.AllocsPerRun(100, func() { Parse(b) }); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, b := range samples() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fr, err := Parse(b)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "relay: malformed ") {
				t.Errorf("%v", err)
			}
			return
		}
		got, err := Parse(again(&fr))
		if err != nil || got.Type != fr.Type || got.Stream != fr.Stream {
			t.Errorf("%x: written again: %v", b, err)
		}
	})
}

func ExampleParse() {
	f, err := Parse([]byte("\x05\x00\x00\x00\x00\x07hello"))
	fmt.Println(f.Type, f.Stream, string(f.Data), err)
	_, err = Parse([]byte("\x05\x00\x00\x00\x00\x00hello"))
	fmt.Println(err)
	// Output:
	// DATA 7 hello <nil>
	// relay: malformed DATA: stream 0
}
