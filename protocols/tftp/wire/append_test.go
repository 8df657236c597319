package wire

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
)

func TestAppendRequest(t *testing.T) {
	long := strings.Repeat("f", 503)
	for _, c := range []struct {
		op      Opcode
		name    string
		mode    Mode
		options []OptionValue
		want    string
		err     *Error
	}{
		{OpRRQ, "f", Octet, nil, "\x00\x01f\x00octet\x00", nil},
		{OpWRQ, "a/b", Netascii, []OptionValue{{OptBlockSize, 1428}, {OptTransferSize, 0}}, "\x00\x02a/b\x00netascii\x00blksize\x001428\x00tsize\x000\x00", nil},
		{OpRRQ, long, Octet, nil, "\x00\x01" + long + "\x00octet\x00", nil},
		{OpRRQ, long + "f", Octet, nil, "", errRequestLong},
		{OpRRQ, strings.Repeat("f", 1<<20), Octet, nil, "", errRequestLong},
		{OpRRQ, long, Octet, []OptionValue{{OptRollover, 0}}, "", errRequestLong},
		{OpData, "f", Octet, nil, "", errNotRequest},
		{OpRRQ, "", Octet, nil, "", errFilename},
		{OpRRQ, "a\x00b", Octet, nil, "", errFilename},
		{OpRRQ, "f", 2, nil, "", errMode},
		{OpRRQ, "f", Octet, []OptionValue{{OptBlockSize, 7}}, "", errOptionValue},
		{OpRRQ, "f", Octet, []OptionValue{{OptTimeout, 256}}, "", errOptionValue},
		{OpRRQ, "f", Octet, []OptionValue{{numOptions, 1}}, "", errOptionValue},
		{OpRRQ, "f", Octet, []OptionValue{{OptTimeout, 1}, {OptTimeout, 1}}, "", errOptionRepeated},
	} {
		got, err := AppendRequest([]byte("before"), c.op, c.name, c.mode, c.options...)
		if (c.err == nil) != (err == nil) || c.err != nil && err != error(c.err) || string(got) != "before"+c.want {
			t.Errorf("%v %.20q: %.60q, %v", c.op, c.name, got, err)
		}
		if err != nil {
			continue
		}
		p, err := Parse(got[len("before"):])
		if err != nil || string(p.Filename) != c.name || p.Mode != c.mode || p.Options.Len() != len(c.options) {
			t.Errorf("%.60q: %+v, %v", got, p, err)
		}
	}
}

func TestAppendOACK(t *testing.T) {
	b, err := AppendOptionBytes(AppendOACK(nil), []byte("BlkSize"), 1428)
	if err != nil || string(b) != "\x00\x06BlkSize\x001428\x00" {
		t.Fatalf("%q, %v", b, err)
	}
	for _, c := range []struct {
		name  string
		value int64
		want  *Error
	}{{"", 1, errOptionName}, {"a\x00b", 1, errOptionName}, {"x", -1, errOptionValue}, {"BLKSIZE", 7, errOptionValue}, {"timeout", 0, errOptionValue}} {
		if got, err := AppendOption(b, c.name, c.value); err != error(c.want) || len(got) != len(b) {
			t.Errorf("%q=%d: %q, %v", c.name, c.value, got, err)
		}
	}
}

func TestAppendSmall(t *testing.T) {
	if b := AppendAck([]byte("x"), 0x1234); string(b) != "x\x00\x04\x12\x34" {
		t.Errorf("%q", b)
	}
	if b, err := AppendData(nil, 0xffff, []byte("data")); string(b) != "\x00\x03\xff\xffdata" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if b, err := AppendData(nil, 1, make([]byte, MaxBlockSize+1)); len(b) != 0 || err != error(errDataLong) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	buf := make([]byte, 0, 1024)
	block := make([]byte, 512)
	if n := testing.AllocsPerRun(100, func() {
		AppendAck(buf, 1)
		AppendData(buf, 1, block)
		AppendError(buf, CodeNotFound)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestErrorsTellNothing: no path and no control character gets into an ERROR packet.
func TestErrorsTellNothing(t *testing.T) {
	for c := range ErrorCode(10) {
		b := AppendError(nil, c)
		p, err := Parse(b)
		if err != nil || c <= CodeOption && p.Code != c || c > CodeOption && p.Code != 0 {
			t.Errorf("code %d: %q, %v", c, b, err)
		}
		if len(p.Data) == 0 || strings.ContainsAny(string(p.Data), "/\\\n") {
			t.Errorf("code %d: %q", c, p.Data)
		}
	}
	_, err := fs.Stat(nil2{}, "secret/file")
	for _, text := range []string{err.Error(), `C:\x`, "a\nb", "caf\u00e9", strings.Repeat("x", 129), "a\x00"} {
		if b, err := AppendErrorText(nil, CodeNotFound, text); err != error(errText) || b != nil {
			t.Errorf("%q: %q, %v", text, b, err)
		}
	}
	if b, err := AppendErrorText(nil, 9, "x"); err != error(errCode) || b != nil {
		t.Errorf("%q, %v", b, err)
	}
	if b, err := AppendErrorText(nil, CodeAccess, "Not today"); err != nil || string(b) != "\x00\x05\x00\x02Not today\x00" {
		t.Errorf("%q, %v", b, err)
	}
}

type nil2 struct{}

func (nil2) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func TestCodeOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want ErrorCode
	}{
		{fmt.Errorf("x: %w", fs.ErrNotExist), CodeNotFound},
		{fs.ErrPermission, CodeAccess},
		{fs.ErrInvalid, CodeAccess},
		{fs.ErrExist, CodeExists},
		{errMail, CodeIllegal},
		{errOptionRepeated, CodeOption},
		{&RemoteError{Code: CodeDiskFull}, CodeDiskFull},
		{io.ErrUnexpectedEOF, CodeUndefined},
		{nil, CodeUndefined},
	} {
		if got := CodeOf(c.err); got != c.want {
			t.Errorf("%v: %v; want %v", c.err, got, c.want)
		}
	}
}

func TestRemoteError(t *testing.T) {
	for code, is := range map[ErrorCode]error{CodeNotFound: fs.ErrNotExist, CodeAccess: fs.ErrPermission, CodeExists: fs.ErrExist} {
		err := fmt.Errorf("get: %w", &RemoteError{Code: code})
		if !errors.Is(err, is) {
			t.Errorf("%v is not %v", err, is)
		}
	}
	if errors.Is(&RemoteError{}, fs.ErrNotExist) {
		t.Error("code 0 is not found")
	}
	p, err := Parse([]byte("\x00\x05\x00\x01no\x1b[31m \xff" + strings.Repeat("x", 200)))
	if err != nil {
		t.Fatal(err)
	}
	e := NewRemoteError(&p)
	if !strings.HasPrefix(e.Text, "no?[31m ?xx") || len(e.Text) != maxText {
		t.Errorf("%q", e.Text)
	}
	if got := (&RemoteError{Code: 1}).Error(); got != "tftp: peer: error 1: File not found" {
		t.Error(got)
	}
}
