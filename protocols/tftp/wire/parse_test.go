package wire

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// The examples of the RFCs, and what is at the edges.
var accepted = []struct {
	name, in string
	want     Packet
	options  string // name=value, in order
}{
	{"RFC 1350", "\x00\x01file\x00netascii\x00", Packet{Op: OpRRQ, Mode: Netascii, Filename: []byte("file")}, ""},
	{"mode in any case", "\x00\x02a b\x00OcTeT\x00", Packet{Op: OpWRQ, Filename: []byte("a b")}, ""},
	{"RFC 2347 5", "\x00\x01foobar\x00octet\x00blksize\x001432\x00tsize\x000\x00", Packet{Op: OpRRQ, Filename: []byte("foobar")}, "blksize=1432 tsize=0 "},
	{"RFC 7440 3", "\x00\x01foobar\x00octet\x00windowsize\x0016\x00", Packet{Op: OpRRQ, Filename: []byte("foobar")}, "windowsize=16 "},
	{"options in any case", "\x00\x01f\x00octet\x00BlkSize\x00512\x00X-y\x00\x00", Packet{Op: OpRRQ, Filename: []byte("f")}, "BlkSize=512 X-y= "},
	{"unknown options twice", "\x00\x01f\x00octet\x00a\x001\x00a\x002\x00", Packet{Op: OpRRQ, Filename: []byte("f")}, "a=1 a=2 "},
	{"padding", "\x00\x01f\x00octet\x00tsize\x000\x00\x00\x00\x00", Packet{Op: OpRRQ, Filename: []byte("f")}, "tsize=0 "},
	{"any bytes in a name", "\x00\x01\xff\\..\n/\x00octet\x00", Packet{Op: OpRRQ, Filename: []byte("\xff\\..\n/")}, ""},
	{"empty DATA", "\x00\x03\xff\xff", Packet{Op: OpData, Block: 65535, Data: []byte{}}, ""},
	{"DATA", "\x00\x03\x00\x01abc", Packet{Op: OpData, Block: 1, Data: []byte("abc")}, ""},
	{"ACK", "\x00\x04\x01\x02", Packet{Op: OpAck, Block: 258}, ""},
	{"a long ACK", "\x00\x04\x01\x02\x00\x00", Packet{Op: OpAck, Block: 258}, ""},
	{"ERROR", "\x00\x05\x00\x01File not found\x00", Packet{Op: OpError, Code: CodeNotFound, Data: []byte("File not found")}, ""},
	{"ERROR not terminated", "\x00\x05\x00\x01gone", Packet{Op: OpError, Code: CodeNotFound, Data: []byte("gone")}, ""},
	{"ERROR and more", "\x00\x05\x00\x08x\x00yz", Packet{Op: OpError, Code: CodeOption, Data: []byte("x")}, ""},
	{"a bare ERROR", "\x00\x05\x00\x63", Packet{Op: OpError, Code: 99, Data: []byte{}}, ""},
	{"OACK", "\x00\x06blksize\x001432\x00tsize\x00673312\x00", Packet{Op: OpOACK}, "blksize=1432 tsize=673312 "},
	{"empty OACK", "\x00\x06", Packet{Op: OpOACK}, ""},
	{"the largest block", "\x00\x03\x00\x01" + strings.Repeat("d", MaxBlockSize), Packet{Op: OpData, Block: 1, Data: bytes.Repeat([]byte("d"), MaxBlockSize)}, ""},
	{"the largest request", "\x00\x01" + strings.Repeat("f", 503) + "\x00octet\x00", Packet{Op: OpRRQ, Filename: bytes.Repeat([]byte("f"), 503)}, ""},
}

var refused = []struct {
	name, in string
	want     *Error
}{
	{"nothing", "", errShort},
	{"one byte", "\x00", errShort},
	{"opcode 0", "\x00\x00aa", errOpcode},
	{"opcode 7", "\x00\x07aa", errOpcode},
	{"opcode 257", "\x01\x01f\x00octet\x00", errOpcode},
	{"half an ACK", "\x00\x04\x00", errShort},
	{"half a DATA", "\x00\x03", errShort},
	{"half an ERROR", "\x00\x05\x00", errShort},
	{"a block too long", "\x00\x03\x00\x01" + strings.Repeat("d", MaxBlockSize+1), errDataLong},
	{"a request too long", "\x00\x01" + strings.Repeat("f", 504) + "\x00octet\x00", errRequestLong},
	{"an OACK too long", "\x00\x06" + strings.Repeat("a\x00b\x00", 128), errRequestLong},
	{"no name", "\x00\x01\x00octet\x00", errFilename},
	{"a name without an end", "\x00\x01file", errUnterminated},
	{"no mode", "\x00\x01file\x00", errUnterminated},
	{"an empty mode", "\x00\x01file\x00\x00", errMode},
	{"a mode without an end", "\x00\x01file\x00octet", errUnterminated},
	{"another mode", "\x00\x01file\x00octets\x00", errMode},
	{"a Kelvin sign is no k", "\x00\x06bl\u212asize\x00512", errUnterminated},
	{"mail", "\x00\x02user\x00MAIL\x00", errMail},
	{"garbage", "\x00\x01f\x00octet\x00x", errUnterminated},
	{"an option without a value", "\x00\x01f\x00octet\x00blksize\x00", errOptionValue},
	{"a value without an end", "\x00\x01f\x00octet\x00blksize\x00512", errUnterminated},
	{"an option without a name", "\x00\x01f\x00octet\x00\x00512\x00", errOptionName},
	{"an option twice", "\x00\x01f\x00octet\x00blksize\x00512\x00tsize\x000\x00BLKSIZE\x001024\x00", errOptionRepeated},
	{"twice in an OACK", "\x00\x06tsize\x001\x00tsize\x001\x00", errOptionRepeated},
}

func optionText(o Options) string {
	var s strings.Builder
	for name, value := range o.All() {
		s.WriteString(string(name) + "=" + string(value) + " ")
	}
	return s.String()
}

func TestParse(t *testing.T) {
	for _, c := range accepted {
		got, err := Parse([]byte(c.in))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got.Op != c.want.Op || got.Mode != c.want.Mode || got.Block != c.want.Block || got.Code != c.want.Code ||
			!bytes.Equal(got.Data, c.want.Data) || !bytes.Equal(got.Filename, c.want.Filename) || optionText(got.Options) != c.options {
			t.Errorf("%s: %+v %q", c.name, got, optionText(got.Options))
		}
		if n := strings.Count(c.options, "="); got.Options.Len() != n {
			t.Errorf("%s: %d options; want %d", c.name, got.Options.Len(), n)
		}
	}
	seen := map[*Error]bool{}
	for _, c := range refused {
		p, err := Parse([]byte(c.in))
		if err != error(c.want) {
			t.Errorf("%s: %v; want %v", c.name, err, c.want)
		}
		if p.Filename != nil || p.Data != nil || p.Options != nil {
			t.Errorf("%s: refused, and %+v", c.name, p)
		}
		seen[c.want] = true
	}
	encoding := map[*Error]bool{errNotRequest: true, errText: true, errCode: true}
	reasons := map[string]bool{}
	for _, e := range Errors() {
		if !seen[e] && !encoding[e] {
			t.Errorf("no case for %v", e)
		}
		if reasons[e.CloseReason()] {
			t.Errorf("two errors with the reason %s", e.Reason)
		}
		reasons[e.Reason] = true
	}
}

// TestTruncated cuts each packet at every byte: what is left is another valid packet, or refused; never a panic, and
// never anything that lies beyond the cut.
func TestTruncated(t *testing.T) {
	for _, c := range accepted {
		if len(c.in) > 1000 {
			continue
		}
		for n := range len(c.in) {
			p, err := Parse([]byte(c.in)[:n:n])
			if err != nil {
				var e *Error
				if !errors.As(err, &e) {
					t.Fatalf("%s cut to %d: %v is no *Error", c.name, n, err)
				}
				continue
			}
			switch p.Op {
			case OpRRQ, OpWRQ:
				if !bytes.HasPrefix(c.want.Filename, p.Filename) || len(p.Filename) == 0 || !strings.HasPrefix(c.options, optionText(p.Options)) {
					t.Errorf("%s cut to %d: %+v", c.name, n, p)
				}
			case OpData, OpError:
				if !bytes.HasPrefix(c.want.Data, p.Data) {
					t.Errorf("%s cut to %d: %+v", c.name, n, p)
				}
			}
		}
	}
}

func TestOptionGet(t *testing.T) {
	for _, c := range []struct {
		in    string
		value int64
		name  string
		ok    bool
	}{
		{"BLKsize\x001428\x00", 1428, "BLKsize", true},
		{"blksize\x0000512\x00", 512, "blksize", true},
		{"blksize\x0099999999999999999999999\x00", 1<<63 - 1, "blksize", true},
		{"blksize\x009223372036854775807\x00", 1<<63 - 1, "blksize", true},
		{"blksize\x000\x00", 0, "blksize", true},
		{"blksize\x00-8\x00", 0, "blksize", false},
		{"blksize\x00+8\x00", 0, "blksize", false},
		{"blksize\x00 8\x00", 0, "blksize", false},
		{"blksize\x000x10\x00", 0, "blksize", false},
		{"blksize\x00\x00", 0, "blksize", false},
		{"tsize\x008\x00", 0, "", false},
		{"blksize2\x008\x00", 0, "", false},
	} {
		p, err := Parse([]byte("\x00\x06" + c.in))
		if err != nil {
			t.Fatalf("%q: %v", c.in, err)
		}
		value, name, ok := p.Options.Get(OptBlockSize)
		if ok != c.ok || ok && value != c.value || string(name) != c.name {
			t.Errorf("%q: %d %q %v", c.in, value, name, ok)
		}
	}
	for o, ends := range map[Option][2]int64{
		OptBlockSize: {8, 65464}, OptTransferSize: {0, 1<<63 - 1}, OptTimeout: {1, 255}, OptWindowSize: {1, 65535}, OptRollover: {0, 1},
	} {
		least, most := o.Range()
		if [2]int64{least, most} != ends || o.Valid(least-1) || !o.Valid(least) || !o.Valid(most) || most < 1<<62 && o.Valid(most+1) {
			t.Errorf("%v: %d to %d", o, least, most)
		}
	}
	if numOptions.Valid(0) || numOptions.String() != "unknown" {
		t.Error("an option that is none")
	}
}

func TestParseAllocatesNothing(t *testing.T) {
	for _, c := range accepted {
		in := []byte(c.in)
		if n := testing.AllocsPerRun(100, func() {
			p, err := Parse(in)
			if err != nil {
				t.Fatal(err)
			}
			p.Options.Get(OptRollover)
		}); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
	for _, c := range refused {
		in := []byte(c.in)
		if n := testing.AllocsPerRun(100, func() { Parse(in) }); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}
